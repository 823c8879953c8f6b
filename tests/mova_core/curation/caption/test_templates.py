"""Templates say what is known, all of it and no more."""

import pytest

from mova_core.curation.caption.templates import SYNTHETIC_CLASSES, Facts, measured_caption, synthetic_caption
from mova_core.synthetic.world import KINDS


def test_every_class_of_the_made_world_has_words():
    assert SYNTHETIC_CLASSES.keys() == KINDS.keys()


def test_a_made_clip_is_named_by_its_class():
    caption = synthetic_caption(["red-ball"], black_share=0.0)
    assert caption.visual == "A red ball bounces on a dark floor."
    assert caption.sound == "A wooden knock at each bounce."
    assert caption.merged == "A red ball bounces on a dark floor, with a wooden knock at each bounce."


def test_both_sides_of_a_cut_are_named_in_order():
    caption = synthetic_caption(["green-box", "blue-diamond"], black_share=None)
    assert caption.visual == "A green box bounces on a dark floor, then a blue diamond."
    assert caption.sound == "A bell note at each bounce, then a drum beat."
    assert caption.merged.index("bell note") < caption.merged.index("blue diamond") < caption.merged.index("drum beat")


@pytest.mark.parametrize(
    ("facts", "merged"),
    [
        (
            Facts("landscape", shots=3, black_share=0.0, motion=0.02, lufs=-23.0, speech_share=0.0),
            "Landscape video, 3 shots, with movement. Moderately loud sound without speech.",
        ),
        (
            Facts("portrait", shots=1, black_share=None, motion=0.0001, lufs=-35.0, speech_share=0.4),
            "Portrait video, one shot, hardly moving. Quiet sound with speech.",
        ),
        (
            Facts("square", shots=1, black_share=None, motion=None, lufs=-9.0, speech_share=None),
            "Square video, one shot. Loud sound.",
        ),
        (
            Facts("square", shots=1, black_share=None, motion=None, lufs=None, speech_share=None),
            "Square video, one shot. Sound.",
        ),
    ],
)
def test_other_footage_is_described_by_its_measures(facts, merged):
    caption = measured_caption(facts)
    assert caption.merged == merged == f"{caption.visual} {caption.sound}"


def test_black_frames_are_said_of_any_footage():
    black = "Part of the time the picture is black."
    caption = synthetic_caption(["red-ball"], black_share=0.3)
    assert caption.visual == f"A red ball bounces on a dark floor. {black}"
    assert black in caption.merged
    facts = Facts("square", shots=2, black_share=0.3, motion=0.1, lufs=-20.0, speech_share=0.0)
    assert measured_caption(facts).visual == f"Square video, 2 shots, with movement. {black}"
