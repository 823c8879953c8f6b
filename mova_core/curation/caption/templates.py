"""Template captions: sentences that state only what is known or measured, and never when anything happens.

Two templates. Synthetic footage (`mova make-footage`) says in its sidecar which shape is seen when, so its caption
names the shape and what is audible when it bounces. For other footage the caption states what was measured:
orientation, number of shots, movement, loudness, speech.
"""

from collections.abc import Sequence
from dataclasses import dataclass

STILL_MOTION = 0.001  # below this share of white a frame hardly anything moves
QUIET_LUFS = -30.0
LOUD_LUFS = -16.0
BLACK_SHARE = 0.1  # from this share of black frames on, it is said
BLACK_SENTENCE = " Part of the time the picture is black."


@dataclass(frozen=True, slots=True)
class Caption:
    """What can be seen, what is audible, and both in one text; English sentences."""

    visual: str
    sound: str
    merged: str


@dataclass(frozen=True, slots=True)
class SyntheticClass:
    """What a class of the synthetic footage is called."""

    video: str
    audio: str


SYNTHETIC_CLASSES = {
    "red-ball": SyntheticClass("a red ball", "a wooden knock"),
    "green-box": SyntheticClass("a green box", "a bell note"),
    "blue-diamond": SyntheticClass("a blue diamond", "a drum beat"),
    "yellow-ring": SyntheticClass("a yellow ring", "a synth note"),
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured on a clip; None = not known.

    Args:
        orientation: `landscape`, `portrait` or `square`.
        shots: uncut pieces in the clip, at least 1.
        black_share: share of black frames.
        motion: mean change of brightness a frame, share of white.
        lufs: integrated loudness.
        speech_share: share of the clip that lies in speech.
    """

    orientation: str
    shots: int
    black_share: float | None
    motion: float | None
    lufs: float | None
    speech_share: float | None


def synthetic_caption(classes: Sequence[str], black_share: float | None) -> Caption:
    """Caption of a clip of synthetic footage.

    Args:
        classes: keys of `SYNTHETIC_CLASSES` in the order they are seen, at least one.
        black_share: share of black frames, None = not known.
    """
    first, *later = (SYNTHETIC_CLASSES[name] for name in classes)
    black = _black(black_share)
    return Caption(
        visual=_sentence(f"{first.video} bounces on a dark floor", *(made.video for made in later)) + black,
        sound=_sentence(f"{first.audio} at each bounce", *(made.audio for made in later)),
        merged=_sentence(
            f"{first.video} bounces on a dark floor, with {first.audio} at each bounce",
            *(f"{made.video}, with {made.audio}" for made in later),
        )
        + black,
    )


def measured_caption(facts: Facts) -> Caption:
    """Caption of a clip of which nothing is known but its measures."""
    shots = "one shot" if facts.shots == 1 else f"{facts.shots} shots"
    video = f"{facts.orientation} video, {shots}"
    if facts.motion is not None:
        video += ", hardly moving" if facts.motion < STILL_MOTION else ", with movement"
    video = _sentence(video) + _black(facts.black_share)
    audio = audio_caption(facts.lufs, facts.speech_share)
    return Caption(video, audio, f"{video} {audio}")


def audio_caption(lufs: float | None, speech_share: float | None) -> str:
    """Sentence about the audio of which nothing is known but its measures, as of `Facts`."""
    audio = f"{_loudness(lufs)} sound".strip()
    if speech_share is not None:
        audio += " with speech" if speech_share > 0 else " without speech"
    return _sentence(audio)


def _sentence(*parts: str) -> str:
    text = ", then ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _black(share: float | None) -> str:
    return BLACK_SENTENCE if share is not None and share >= BLACK_SHARE else ""


def _loudness(lufs: float | None) -> str:
    if lufs is None:
        return ""
    if lufs < QUIET_LUFS:
        return "quiet"
    return "loud" if lufs > LOUD_LUFS else "moderately loud"
