"""The shuffled baseline: the value of a metric over wrong pairs, the video of one clip with the audio of another."""

from collections import defaultdict
from collections.abc import Sequence

from mova_core.measures.clip import Clip

PARTNERS = 7  # wrong partners of each clip within its class

Pair = tuple[Clip, Clip]  # the first gives the video, the second the audio


def within_class(clips: Sequence[Clip]) -> list[Pair]:
    """Each clip's video with the audio of the next few of its class; [] if every clip is alone in its class."""
    groups: dict[str | None, list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.asked.label].append(clip)
    return [
        (clip, group[(index + step) % len(group)])
        for group in groups.values()
        for index, clip in enumerate(group)
        for step in range(1, min(PARTNERS, len(group) - 1) + 1)
    ]


def across_all(clips: Sequence[Clip]) -> list[Pair]:
    """Each clip with every other one, of whatever class."""
    return [(one, other) for one in clips for other in clips if other is not one]
