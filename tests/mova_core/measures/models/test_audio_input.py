"""Audio reaches a model at its rate and in its windows, or a reason says why not."""

import numpy as np
import pytest

from mova_core.errors import ShapeError
from mova_core.measures.clip import Unavailable
from mova_core.measures.models.audio_input import model_audio, windows


def test_what_a_model_cannot_take_has_a_reason(tones):
    audio = tones(0.5, 48_000)
    assert len(model_audio(audio, 48_000, 16_000, 8000)) == 8000
    broken = audio.copy()
    broken[7] = np.nan
    for given, told in (
        (broken, "no numbers"),
        (np.zeros(48_000, np.float32), "silent"),
        (audio[:0], "no audio"),
        (audio[:20_000], "lasts 0.417 s, and the model needs 0.5 s"),
    ):
        found = model_audio(given, 48_000, 16_000, 8000)
        assert isinstance(found, Unavailable) and told in found.reason
    with pytest.raises(ShapeError, match=r"shape \[24000, 2\], expected mono"):
        model_audio(np.stack([audio, audio], axis=1), 48_000, 16_000, 8000)


@pytest.mark.parametrize(
    ("samples", "least", "lengths"), [(10, 1, [10]), (20, 1, [10, 10]), (21, 1, [10, 10, 1]), (21, 2, [10, 10])]
)
def test_windows_lie_back_to_back(samples, least, lengths):
    parts = windows(np.arange(samples, dtype=np.float32), 10, least)
    assert [len(part) for part in parts] == lengths
    assert np.concatenate(parts).tolist() == list(range(sum(lengths)))
