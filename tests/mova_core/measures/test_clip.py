"""What is computed once a clip is of that clip alone."""

from dataclasses import replace

import numpy as np

from mova_core.measures.clip import Asked, Clip


def test_a_feature_is_computed_once_and_anew_for_a_changed_clip():
    calls = []

    def prompt(clip):
        calls.append(clip)
        return clip.asked.prompt

    clip = Clip(np.zeros((1, 2, 2, 3), np.uint8), np.zeros(4, np.float32), 24.0, 16_000, asked=Asked(prompt="rain"))
    assert (clip.get(prompt), clip.get(prompt), len(calls)) == ("rain", "rain", 1)
    assert replace(clip, asked=Asked(prompt="wind")).get(prompt) == "wind"
