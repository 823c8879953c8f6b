"""How synthetic footage is written: containers, codecs, frame rates, audio rates and bars, as plain tables."""

from dataclasses import dataclass
from fractions import Fraction

from mova_core.synthetic.world import PHASE_PERIOD


@dataclass(frozen=True, slots=True)
class Format:
    """One way of writing a file; `write_media` explains most fields.

    Args:
        audio: (rate in Hz, channels) it may have.
        step: scenes start on whole multiples of it, in seconds.
    """

    suffix: str
    container: str
    video_codec: str
    audio_codec: str
    audio: tuple[tuple[int, int], ...]
    frame_rates: tuple[Fraction, ...]
    step: Fraction
    crf: int | None
    video_options: dict[str, str]
    audio_options: dict[str, str]


# Fast settings, fine enough that the world's noise survives. Matroska (and webm) keeps whole milliseconds, so its
# scenes start on multiples of both 2.5 ms and 1 ms.
FORMATS = (
    Format(
        suffix="mp4",
        container="mp4",
        video_codec="libx264",
        audio_codec="aac",
        audio=((16_000, 1), (44_100, 1)),
        frame_rates=(Fraction(25), Fraction(30_000, 1001), Fraction(16), Fraction(24)),
        step=PHASE_PERIOD,
        crf=16,
        video_options={"preset": "ultrafast"},
        audio_options={"aac_coder": "fast", "b": "48k"},
    ),
    Format(
        suffix="webm",
        container="webm",
        video_codec="libvpx",
        audio_codec="libopus",
        audio=((48_000, 1), (48_000, 2)),
        frame_rates=(Fraction(24), Fraction(16), Fraction(30), Fraction(16)),
        step=2 * PHASE_PERIOD,
        crf=8,
        video_options={
            "deadline": "realtime",
            "cpu-used": "16",
            "b": "4M",
            "g": "9999",
        },  # a key frame can look like a cut
        audio_options={"compression_level": "0"},
    ),
    Format(
        suffix="mkv",
        container="matroska",
        video_codec="mpeg4",
        audio_codec="libmp3lame",
        audio=((16_000, 1), (16_000, 2)),
        frame_rates=(Fraction(16), Fraction(25), Fraction(16), Fraction(30)),
        step=2 * PHASE_PERIOD,
        crf=None,
        video_options={"qmin": "3", "qmax": "3"},
        audio_options={"compression_level": "9"},
    ),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the square world lies: in the middle of a black frame."""

    side_px: int
    width_px: int
    height_px: int


# Half of the files have no bars; only few are large, they cost most.
LAYOUTS = (
    *[Layout(96, 96, 96)] * 4,
    Layout(96, 128, 96),
    Layout(96, 170, 96),
    Layout(96, 96, 128),
    Layout(144, 256, 144),
)
