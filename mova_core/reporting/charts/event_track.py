"""The event track of a clip: video events above the line, audio onsets below, joined where they agree.

What agrees is decided as the event F1 decides it (`match_times`), so the track and the number tell the same.
Filled marks agree, hollow ones are alone; video and audio also differ in the shape of their marks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mova_core.media.audio.onsets import match_times
from mova_core.reporting.charts.style import CARD, INK, KEEP, LINE, LOSE, bare_axes, css_class, styled, to_svg, tooltip

WIDTH, HEIGHT = 260, 52
LEFT, RIGHT = 40, 252  # of the time axis
VIDEO, LEVEL, AUDIO = 1.0, 0.0, -1.0


@dataclass(frozen=True, slots=True)
class EventTrack:
    """The drawing, and how many of its events agree, in words."""

    svg: str
    sentence: str


def event_track(
    video_s: Sequence[float], audio_s: Sequence[float], tolerance_s: float, duration_s: float
) -> EventTrack:
    """Draw one clip.

    Args:
        video_s: times of video events, rising.
        audio_s: times of audio onsets, rising.
        tolerance_s: how far apart two that agree may be.
        duration_s: of the clip, the length of the axis.
    """
    pairs = match_times(video_s, audio_s, tolerance_s)
    with styled():
        figure, axes = bare_axes(WIDTH, HEIGHT, LEFT, WIDTH - RIGHT)
        axes.set(xlim=(0, duration_s), ylim=(-1.7, 1.7))
        axes.plot([0, duration_s], [LEVEL, LEVEL], color=LINE, linewidth=1)
        for height, name in ((VIDEO, "video"), (AUDIO, "audio")):
            axes.annotate(name, (0, height), (-LEFT, 0), textcoords="offset points", va="center", annotation_clip=False)
        for i, j in pairs:
            (line,) = axes.plot([video_s[i], audio_s[j]], [VIDEO, AUDIO], color=KEEP)
            css_class(line, "joined")
        _marks(axes, "video", video_s, VIDEO, "s", {i for i, _ in pairs})
        _marks(axes, "audio", audio_s, AUDIO, "o", {j for _, j in pairs})
        (now,) = axes.plot([0, 0], [-1.6, 1.6], color=INK, linewidth=1, clip_on=False)
        css_class(now, "now")
    label = "events of video and audio"
    svg = to_svg(figure, label, classes="track", attributes={"data-reach": str(RIGHT - LEFT)})
    return EventTrack(svg, _sentence(len(pairs), len(video_s), len(audio_s)))


def _marks(axes: Any, name: str, times_s: Sequence[float], height: float, shape: str, agree: set[int]) -> None:
    for index, time_s in enumerate(times_s):
        edge, face = (KEEP, KEEP) if index in agree else (LOSE, CARD)
        (mark,) = axes.plot(
            [time_s], [height], shape, markersize=7, markeredgecolor=edge, markerfacecolor=face, clip_on=False
        )
        tooltip(mark, f"{name} {time_s:.3f} s, {'agrees' if index in agree else 'alone'}")


def _sentence(agree: int, video: int, audio: int) -> str:
    """An event of the video, of the audio, or of both counts once."""
    events = video + audio - agree
    if not events:
        return "no event, neither in the video nor in the audio"
    counts = ((video - agree, "video"), (audio - agree, "audio"))
    alone = ", ".join(f"{count} only in the {which}" for count, which in counts if count)
    return f"{agree} of {events} events agree{f' ({alone})' if alone else ''}"
