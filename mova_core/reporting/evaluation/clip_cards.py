"""Clips to play, with waveform, spectrogram, events where they are known, and what they measure.

A small clip lies in the page. A larger one is played from its own file, which the page names by its path from there.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mova_core.errors import MediaError
from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.evaluation.metrics.sync import events_of
from mova_core.evaluation.scoring.video_file import read_video
from mova_core.measures.clip import Asked, Clip
from mova_core.progress import track
from mova_core.reporting.charts.event_track import EventTrack, event_track
from mova_core.reporting.charts.spectrogram import spectrogram_image
from mova_core.reporting.charts.waveform import waveform_chart
from mova_core.reporting.evaluation.best_and_worst import Choice
from mova_core.reporting.evaluation.numbers import number
from mova_core.reporting.evaluation.results import ClipScores
from mova_core.reporting.samples import PIXELS_SHOWN_UP_TO, data_uri, image_uri, peaks, shrunk
from mova_core.reporting.wording import one_line
from mova_core.storage.hashing import sha256_file

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
    return [_card(choice, metrics, folder, page) for choice in track(choices, len(choices), "evaluate/page")]


def _card(choice: Choice, metrics: Sequence[MetricSpec], folder: Path, page: Path) -> ClipCard:
    clip = choice.clip
    values = [(spec.title, clip.value(spec.name)) for spec in metrics]
    prompt = None if clip.asked.prompt is None else one_line(clip.asked.prompt)
    player, fault = None, None
    try:
        player = _player(clip, folder, page)
    except (MediaError, OSError) as error:
        fault = f"cannot be shown: {one_line(str(error))}"
    shown = tuple((title, "unavailable" if value is None else number(value)) for title, value in values)
    return ClipCard(one_line(clip.file or clip.name), prompt, choice.tags, shown, player, fault)


def _player(clip: ClipScores, folder: Path, page: Path) -> Player:
    path = folder / str(clip.file)
    if sha256_file(path) != clip.sha256:
        raise MediaError("changed", "the file is another than was measured")
    decoded = read_video(path, Asked(label=clip.asked.label))
    middle = shrunk(decoded.frames[len(decoded.frames) // 2][None])[0]
    inline = path.stat().st_size <= INLINE_BYTES
    source = data_uri(MEDIA_TYPES[path.suffix.lower()], path.read_bytes()) if inline else _from_page(path, page)
    spectrogram = spectrogram_image(decoded.audio, decoded.rate_hz)
    return Player(
        source,
        image_uri(middle),
        "pixels" if len(decoded.frames[0]) <= PIXELS_SHOWN_UP_TO else "",
        None if inline else "played from its own file, which is too large to lie in the page",
        waveform_chart(peaks(decoded.audio)) if len(decoded.audio) else None,
        None if spectrogram is None else image_uri(spectrogram),
        f"{decoded.rate_hz / 2000:g} kHz",
        _track(decoded),
    )


def _track(clip: Clip) -> EventTrack | None:
    """Events of a clip of the synthetic world, whose class is known; None of any other."""
    if clip.asked.label is None:
        return None
    events, onsets = events_of(clip)
    return event_track(events, onsets, 1 / clip.fps, len(clip.frames) / clip.fps)


def _from_page(path: Path, page: Path) -> str:
    return quote(os.fsencode(os.path.relpath(path.resolve(), page.parent.resolve())))
