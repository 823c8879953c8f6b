"""Where clips may be cut from one source: the MOVA report's window algorithms, as pure functions of three findings.

The findings are the spans in which video and audio both exist, the shot boundaries, and the intervals of speech. A
window is one clip long (frames / fps, exactly) and of one of four kinds: with or without speech, with frames of one
scene or of several. Speech windows follow the report. It gives no rule for windows without speech; ours tiles
intervals without speech back to back from their start. Windows of different kinds may overlap, as in the report. What
all these leave and is as long as a window is tiled too (speech that outlasts its window, above all), so that whatever
remains is shorter than a window.

Times inside this file are whole microseconds on the file's timeline (suffix `_us`), so that comparisons are exact;
seconds appear only at its interface. Source: MOVA report (arXiv:2602.08794), data chapter, stage 1.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np

from mova_core.curation.segment.intervals import Interval, merged, occupied, outside, tiles
from mova_core.curation.tables import WINDOW_KINDS
from mova_core.geometry import ClipGeometry

MICRO = 1_000_000
TOLERANCE_US = 1_000  # containers with a millisecond clock write the end of the last frame up to this much early


@dataclass(frozen=True, slots=True)
class ClipTiming:
    """How long a clip is.

    Args:
        length_us: of the whole clip.
        half_frame_us: of its first frame is past, and of its last one still to come, when the source is looked at: a
            cut nearer to the clip's start or end is in no frame of it.
    """

    length_us: Fraction
    half_frame_us: Fraction

    @classmethod
    def of(cls, geometry: ClipGeometry) -> "ClipTiming":
        """The timing of a geometry's clips."""
        return cls(geometry.duration * MICRO, Fraction(MICRO, 2 * geometry.fps))


@dataclass(frozen=True, slots=True)
class SourceSegments:
    """What segmenting found in one span of a source: a source of which something is lost has several.

    Args:
        span: an interval in which video and audio are both there and whole (`spans.py`).
        cuts_us: first frame after each cut, rising, strictly inside the span.
        speech: rising intervals that do not overlap, inside the span.
    """

    span: Interval
    cuts_us: tuple[int, ...]
    speech: tuple[Interval, ...]

    @classmethod
    def from_seconds(
        cls, span_s: tuple[float, float], cuts_s: Iterable[float], speech_s: Iterable[Iterable[float]]
    ) -> "SourceSegments":
        """Round to microseconds and leave out what lies outside the span."""
        start, end = (round(time * MICRO) for time in span_s)
        cuts = sorted({round(cut * MICRO) for cut in cuts_s})
        inside = ((max(start, round(a * MICRO)), min(end, round(b * MICRO))) for a, b in speech_s)
        speech = merged(sorted((a, b) for a, b in inside if a < b))
        return cls((start, end), tuple(cut for cut in cuts if start < cut < end), speech)

    @property
    def scenes(self) -> Iterator[Interval]:
        """From cut to cut; the last scene gets the tolerance, for no cut ends it."""
        edges = (self.span[0], *self.cuts_us, self.span[1] + TOLERANCE_US)
        return pairwise(edges)


def find_windows(
    pieces: Sequence[SourceSegments], geometry: ClipGeometry, seed: int, source_id: str
) -> list[dict[str, Any]]:
    """Rows of table `windows` of one source, by start; each lies inside one of its pieces, which are given in order.

    The same seed and source give the same windows, whatever else is curated beside it.
    """
    clip = ClipTiming.of(geometry)
    placed: list[tuple[int, str]] = []
    for kind in WINDOW_KINDS:
        rng = np.random.default_rng([seed, int(source_id[:16], 16)])  # anew: one kind's draws never shift another's
        placed += [(start_us, kind) for piece in pieces for start_us in FINDERS[kind](piece, clip, rng)]
    for piece in pieces:
        for cuts_us in (piece.cuts_us, ()):  # first inside scenes, then across what is left of them
            placed += list(_remaining(piece, cuts_us, clip, [start_us for start_us, _ in placed]))
    placed.sort(key=lambda window: window[0])  # stable: kinds of one start stay in their fixed order
    return [_row(source_id, kind, start_us / MICRO, geometry) for start_us, kind in placed]


def _row(source_id: str, kind: str, start_s: float, geometry: ClipGeometry) -> dict[str, Any]:
    return {
        "window_id": window_id(source_id, kind, start_s),
        "source_id": source_id,
        "start_s": start_s,
        "end_s": start_s + geometry.duration_s,
        "kind": kind,
    }


def window_id(source_id: str, kind: str, start_s: float) -> str:
    """Sixteen hex digits that name a window by what it is."""
    return hashlib.sha256(f"{source_id}:{kind}:{start_s:.6f}".encode()).hexdigest()[:16]


def single_scene_speech(segments: SourceSegments, clip: ClipTiming, rng: np.random.Generator) -> Iterator[int]:
    """The report's walk over the speech of each scene, up to the first window that reaches the scene's end."""
    for scene in segments.scenes:
        first = next((i for i, (start, _) in enumerate(segments.speech) if scene[0] <= start < scene[1]), None)
        if first is None:
            continue
        for start_us in _speech_walk(segments.speech, first, clip.length_us, scene[:1], rng):
            if start_us + clip.length_us >= scene[1]:
                break
            yield start_us


def multi_scene_speech(segments: SourceSegments, clip: ClipTiming, rng: np.random.Generator) -> Iterator[int]:
    """The report's walk over all speech, keeping windows that contain a cut."""
    edges = (segments.span[0], *segments.cuts_us)
    for start_us in _speech_walk(segments.speech, 0, clip.length_us, edges, rng):
        if start_us + clip.length_us > segments.span[1] + TOLERANCE_US:
            break
        if _shows_cut(segments, start_us, clip):
            yield start_us


def single_scene_nonspeech(segments: SourceSegments, clip: ClipTiming, rng: np.random.Generator) -> Iterator[int]:
    """Intervals without speech inside each scene, tiled from their start; draws nothing."""
    for scene in segments.scenes:
        for interval in outside(segments.speech, scene):
            yield from tiles(interval, clip.length_us)


def multi_scene_nonspeech(segments: SourceSegments, clip: ClipTiming, rng: np.random.Generator) -> Iterator[int]:
    """Intervals without speech of the whole source, tiled from their start, keeping tiles with a cut; draws nothing."""
    for interval in outside(segments.speech, (segments.span[0], segments.span[1] + TOLERANCE_US)):
        for start_us in tiles(interval, clip.length_us):
            if _shows_cut(segments, start_us, clip):
                yield start_us


FINDERS: dict[str, Callable[[SourceSegments, ClipTiming, np.random.Generator], Iterator[int]]] = {
    "single_scene_speech": single_scene_speech,
    "multi_scene_speech": multi_scene_speech,
    "single_scene_nonspeech": single_scene_nonspeech,
    "multi_scene_nonspeech": multi_scene_nonspeech,
}


def _speech_walk(
    speech: tuple[Interval, ...],
    first: int,
    length_us: Fraction,
    edges: tuple[int, ...],
    rng: np.random.Generator,
) -> Iterator[int]:
    """Starts of windows: at the first segment's start, then each drawn before the next segment after a window's end.

    Args:
        edges: rising; no window is drawn to begin before the last of them that its segment has passed (a cut, or the
            scene's start).
    """
    next_us = Fraction(0)
    for i in range(first, len(speech)):
        segment_us = speech[i][0]
        if i == first:
            start_us = segment_us
        elif segment_us > next_us:
            edge = edges[bisect_right(edges, segment_us) - 1]
            low = max(speech[i - 1][1], edge, ceil(segment_us - length_us / 2))
            start_us = int(rng.integers(low, segment_us, endpoint=True))
        else:
            continue
        yield start_us
        next_us = start_us + length_us


def _remaining(
    segments: SourceSegments, edges: tuple[int, ...], clip: ClipTiming, starts_us: Iterable[int]
) -> Iterator[tuple[int, str]]:
    """Start and kind of further windows: intervals outside the windows placed so far, tiled from edge to edge."""
    begin, end = segments.span
    for gap in outside(occupied(starts_us, clip.length_us), (begin, end + TOLERANCE_US)):
        inside = edges[bisect_right(edges, gap[0]) : bisect_left(edges, gap[1])]
        for interval in pairwise((gap[0], *inside, gap[1])):
            for start_us in tiles(interval, clip.length_us):
                scenes = "multi_scene" if _shows_cut(segments, start_us, clip) else "single_scene"
                speech = "speech" if _contains_speech(segments, start_us, clip.length_us) else "nonspeech"
                yield start_us, f"{scenes}_{speech}"


def _shows_cut(segments: SourceSegments, start_us: int, clip: ClipTiming) -> bool:
    """Whether frames of both sides of a cut are in the clip, by the clip timing rule (`cut/resample.py`)."""
    first_us, last_us = start_us + clip.half_frame_us, start_us + clip.length_us - clip.half_frame_us
    after = bisect_right(segments.cuts_us, first_us)
    return after < len(segments.cuts_us) and segments.cuts_us[after] <= last_us


def _contains_speech(segments: SourceSegments, start_us: int, length_us: Fraction) -> bool:
    after = bisect_right(segments.speech, start_us, key=lambda interval: interval[1])
    return after < len(segments.speech) and segments.speech[after][0] < start_us + length_us
