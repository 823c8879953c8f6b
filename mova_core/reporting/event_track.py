"""The event track of a clip as an SVG: picture events above the line, sound onsets below, joined where they agree.

What agrees is decided as the event F1 decides it (`match_times`), so the track and the number tell the same.
Filled marks agree, hollow ones are alone; picture and sound also differ in the shape of their marks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mova_core.media.onsets import match_times

WIDTH, HEIGHT = 260, 52
LEFT, RIGHT = 46, 252  # of the time axis
PICTURE_Y, LINE_Y, SOUND_Y = 12, 26, 40
MARK = 4


@dataclass(frozen=True, slots=True)
class EventTrack:
    """The drawing, and how many of its events agree, in words."""

    svg: str
    sentence: str


def event_track(
    picture_s: Sequence[float], sound_s: Sequence[float], tolerance_s: float, duration_s: float
) -> EventTrack:
    """Draw one clip.

    Args:
        picture_s: times of picture events, rising.
        sound_s: times of sound onsets, rising.
        tolerance_s: how far apart two that agree may be.
        duration_s: of the clip, the length of the axis.
    """
    pairs = match_times(picture_s, sound_s, tolerance_s)

    def at(time_s: float) -> float:
        return LEFT + (RIGHT - LEFT) * min(max(time_s / duration_s, 0), 1)

    parts = [
        f'<svg class="track" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="events of picture and sound">',
        f'<text x="0" y="{PICTURE_Y + 3}">picture</text><text x="0" y="{SOUND_Y + 3}">sound</text>',
        f'<path class="axis" d="M{LEFT} {LINE_Y}H{RIGHT}"/>',
    ]
    for i, j in pairs:
        parts.append(f'<path class="joined" d="M{at(picture_s[i]):.1f} {PICTURE_Y}L{at(sound_s[j]):.1f} {SOUND_Y}"/>')
    seen, heard = {i for i, _ in pairs}, {j for _, j in pairs}
    for i, time_s in enumerate(picture_s):
        kind, x = "agrees" if i in seen else "alone", at(time_s) - MARK
        title = f"<title>picture {time_s:.3f} s</title>"
        parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{PICTURE_Y - MARK}" width="{2 * MARK}" height="{2 * MARK}">'
            f"{title}</rect>"
        )
    for j, time_s in enumerate(sound_s):
        kind = "agrees" if j in heard else "alone"
        title = f"<title>sound {time_s:.3f} s</title>"
        parts.append(f'<circle class="{kind}" cx="{at(time_s):.1f}" cy="{SOUND_Y}" r="{MARK}">{title}</circle>')
    reach = RIGHT - LEFT
    parts.append(f'<path class="now" data-reach="{reach}" d="M{LEFT} 2V{HEIGHT - 2}"/></svg>')
    return EventTrack("".join(parts), _sentence(len(pairs), len(picture_s), len(sound_s)))


def _sentence(agree: int, seen: int, heard: int) -> str:
    """An event that is seen, heard or both counts once."""
    events = seen + heard - agree
    if not events:
        return "no event, neither seen nor heard"
    counts = ((seen - agree, "seen"), (heard - agree, "heard"))
    alone = ", ".join(f"{count} only {how}" for count, how in counts if count)
    return f"{agree} of {events} events agree{f' ({alone})' if alone else ''}"
