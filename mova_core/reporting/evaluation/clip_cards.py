"""Clips to play, with waveform, spectrogram, events where they are known, and what they measure.

A small clip lies in the page. A larger one is played from its own file, which the page names by its path from there.
Files are decoded in workers under limits, as they are when they are measured.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.engine.worker import TaskResult
from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.params import Limits
from mova_core.progress import track
from mova_core.reporting.charts.event_track import EventTrack, event_track
from mova_core.reporting.evaluation.best_and_worst import Choice
from mova_core.reporting.evaluation.clip_drawing import DrawnFile, draw_file
from mova_core.reporting.evaluation.numbers import number
from mova_core.reporting.evaluation.results import ClipScores
from mova_core.reporting.samples import data_uri
from mova_core.reporting.wording import one_line

INLINE_BYTES = 1_000_000  # of a clip that lies in the page
MEDIA_TYPES = {".mp4": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska"}


@dataclass(frozen=True, slots=True)
class Player:
    """What is played: `source` is data or a path from the page; `note` says so where it is a path."""

    source: str
    poster_uri: str
    scaling: str
    note: str | None
    waveform: str | None
    spectrogram_uri: str | None
    highest: str
    track: EventTrack | None


@dataclass(frozen=True, slots=True)
class ClipCard:
    """One clip; `player` is None where its file cannot be shown, and `fault` then says why."""

    name: str
    prompt: str | None
    tags: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    player: Player | None
    fault: str | None


def clip_cards(choices: Sequence[Choice], metrics: Sequence[MetricSpec], folder: Path, page: Path) -> list[ClipCard]:
    """A card of each clip.

    Args:
        choices: the clips, in order.
        metrics: whose values stand under a clip.
        folder: where their files lie.
        page: the HTML file, from which larger files are named.
    """
    files = [
        DrawnFile(_path(choice.clip, folder), str(choice.clip.sha256), choice.clip.asked.label) for choice in choices
    ]
    drawn = run(draw_file, files, engine=Engine.choose(), limits=Limits(), preload=("av", draw_file.__module__))
    pairs = zip(choices, track(drawn, len(files), "evaluate/page"), strict=True)
    return [_card(choice, result, metrics, folder, page) for choice, result in pairs]


def _card(choice: Choice, drawn: TaskResult, metrics: Sequence[MetricSpec], folder: Path, page: Path) -> ClipCard:
    clip = choice.clip
    values = [(spec.title, clip.value(spec.name)) for spec in metrics]
    prompt = None if clip.asked.prompt is None else one_line(clip.asked.prompt)
    player, fault = None, None
    if drawn.failed:
        fault = f"cannot be shown: {one_line(str(drawn.reason))}"
    else:
        player = _player(_path(clip, folder), drawn, page)
    shown = tuple((title, "unavailable" if value is None else number(value)) for title, value in values)
    return ClipCard(one_line(clip.file or clip.name), prompt, choice.tags, shown, player, fault)


def _player(path: Path, drawn: TaskResult, page: Path) -> Player:
    inline = path.stat().st_size <= INLINE_BYTES
    source = data_uri(MEDIA_TYPES[path.suffix.lower()], path.read_bytes()) if inline else _from_page(path, page)
    events = drawn.value.pop("events")
    return Player(
        source=source,
        note=None if inline else "played from its own file, which is too large to lie in the page",
        track=None if events is None else event_track(**events),
        **drawn.value,
    )


def _path(clip: ClipScores, folder: Path) -> Path:
    return folder / str(clip.file)


def _from_page(path: Path, page: Path) -> str:
    return quote(os.fsencode(os.path.relpath(path.resolve(), page.parent.resolve())))
