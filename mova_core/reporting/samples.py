"""A few clips to look at and listen to: accepted ones from all over the footage, rejected ones of every reason.

A card carries a player, a strip of frames and the waveform, all as data inside the page.
"""

import base64
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mova_core.curation.cut.shards import read_member
from mova_core.curation.tables import read_table
from mova_core.media.clip_file import read_clip
from mova_core.media.encode import write_media
from mova_core.places import DataFolder
from mova_core.reporting.charts.waveform import waveform_chart

ACCEPTED_SHOWN = 12
REJECTED_SHOWN_PER_REASON = 3
STRIP_FRAMES = 6
PREVIEW_SIDE_PX = 256  # a larger clip is shown by a smaller copy
PIXELS_SHOWN_UP_TO = 64  # an image this low is enlarged pixel by pixel
SHEET_ROW_PX = 96
WAVE_POINTS = 160


@dataclass(frozen=True, slots=True)
class Sample:
    """One clip to show, with what the tables know of it."""

    clip: dict[str, Any]
    verdict: dict[str, Any]
    window: dict[str, Any]
    source_path: str
    caption: str | None


@dataclass(frozen=True, slots=True)
class ClipCard:
    """A sample ready to show, its media as data URIs.

    Args:
        kind: CSS class, `kept` or `lost`.
        reason: first reason code, empty for an accepted clip.
        scaling: CSS class that enlarges small frames pixel by pixel, or empty.
        strip: frames from start to end in one image, uint8 [H, W, 3] RGB.
    """

    kind: str
    reason: str
    scaling: str
    video_uri: str
    poster_uri: str
    strip_uri: str
    waveform: str
    caption: str | None
    faults: tuple[str, ...]
    details: str
    strip: NDArray[np.uint8]

    @property
    def accepted(self) -> bool:
        return self.kind == "kept"


def choose_samples(data: DataFolder) -> list[Sample]:
    """Accepted clips spread evenly over the table, then up to a few rejected ones of each reason; always the same."""
    clips = {row["clip_id"]: row for row in read_table(data.table("clips"), "clips")}
    windows = {row["window_id"]: row for row in read_table(data.table("windows"), "windows")}
    paths = {row["source_id"]: row["path"] for row in reversed(read_table(data.table("sources"), "sources"))}
    captions = {}
    if data.table("captions").exists():
        captions = {row["clip_id"]: row["merged"] for row in read_table(data.table("captions"), "captions")}
    verdicts = read_table(data.table("verdicts"), "verdicts")

    accepted = [row for row in verdicts if row["verdict"] == "accepted"]
    step = max(1, len(accepted) // ACCEPTED_SHOWN)
    chosen = accepted[::step][:ACCEPTED_SHOWN]
    by_reason: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in verdicts:
        if row["verdict"] != "accepted":
            by_reason[next(iter(row["rejections"]), "")].append(row)
    for reason in sorted(by_reason):
        chosen += by_reason[reason][:REJECTED_SHOWN_PER_REASON]
    return [
        Sample(
            clip=(clip := clips[verdict["clip_id"]]),
            verdict=verdict,
            window=windows[clip["window_id"]],
            source_path=paths[clip["source_id"]],
            caption=captions.get(verdict["clip_id"]),
        )
        for verdict in chosen
    ]


def clip_card(sample: Sample, data: DataFolder) -> ClipCard:
    """Make the player, the strip and the waveform of one sample."""
    encoded = read_member(data.clips, sample.clip)
    frames, audio = read_clip(encoded)
    small = max(frames.shape[1:3]) <= PREVIEW_SIDE_PX
    if not small:
        frames = shrunk(frames)
        encoded = _encode(frames, sample.clip["fps"], audio, sample.clip["audio_rate_hz"])
    strip = _strip(frames)
    rejections: dict[str, str] = sample.verdict["rejections"]
    accepted = sample.verdict["verdict"] == "accepted"
    return ClipCard(
        kind="kept" if accepted else "lost",
        reason=next(iter(rejections), ""),
        scaling="pixels" if small else "",
        video_uri=data_uri("video/mp4", encoded),
        poster_uri=image_uri(frames[0]),
        strip_uri=image_uri(strip),
        waveform=waveform_chart(peaks(audio)),
        caption=sample.caption,
        faults=tuple(rejections.values()),
        details=_details(sample, accepted),
        strip=strip,
    )


def _details(sample: Sample, accepted: bool) -> str:
    words = [
        f"{sample.source_path} @ {sample.window['start_s']:.2f} s",
        sample.window["kind"].replace("_", " "),
        f"clip {sample.clip['clip_id']}",
    ]
    return " · ".join([*words, ", ".join(sample.verdict["phases"])] if accepted else words)


def contact_sheet(cards: Sequence[ClipCard]) -> bytes:
    """Strips of the accepted samples in two columns as a PNG, small frames enlarged pixel by pixel."""
    strips = [card.strip for card in cards if card.accepted]
    rows = []
    for left, right in zip(strips[::2], strips[1::2], strict=False):
        rows.append(np.concatenate([_as_high_as_the_sheet(left), _as_high_as_the_sheet(right)], axis=1))
    width = max((row.shape[1] for row in rows), default=SHEET_ROW_PX)
    padded = [np.pad(row, ((2, 2), (0, width - row.shape[1]), (0, 0))) for row in rows]
    sheet = np.concatenate(padded) if padded else np.zeros((SHEET_ROW_PX, width, 3), np.uint8)
    _, encoded = cv2.imencode(".png", sheet[..., ::-1])
    return encoded.tobytes()


def shrunk(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames [F, H, W, 3] whose longer side is `PREVIEW_SIDE_PX` and both even; smaller ones as they are."""
    height, width = frames.shape[1:3]
    scale = PREVIEW_SIDE_PX / max(height, width)
    if scale >= 1:
        return frames
    size = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.uint8)


def image_uri(image: NDArray[np.uint8]) -> str:
    """An image, uint8 [H, W, 3] RGB, as a data URI."""
    kind, options = ("png", []) if image.shape[0] <= PIXELS_SHOWN_UP_TO else ("jpeg", [cv2.IMWRITE_JPEG_QUALITY, 70])
    _, encoded = cv2.imencode(f".{kind}", image[..., ::-1], options)
    return data_uri(f"image/{kind}", encoded.tobytes())


def data_uri(kind: str, data: bytes) -> str:
    """A file as it stands inside a page; `kind` is its media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _as_high_as_the_sheet(strip: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = SHEET_ROW_PX / strip.shape[0]
    size = (round(strip.shape[1] * scale), SHEET_ROW_PX)
    resized = cv2.resize(strip, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    return np.pad(resized, ((0, 0), (2, 2), (0, 0))).astype(np.uint8)


def _encode(frames: NDArray[np.uint8], fps: float, audio: NDArray[np.float32], rate_hz: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "preview.mp4"
        write_media(path, frames, round(fps), audio, rate_hz, audio_codec="aac", crf=28)
        return path.read_bytes()


def evenly(frames: int) -> list[int]:
    """Numbers of the frames of a strip, from the first to the last."""
    return [int(number) for number in np.linspace(0, frames - 1, STRIP_FRAMES).round()]


def _strip(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate(list(frames[evenly(len(frames))]), axis=1)


def peaks(audio: NDArray[np.float32]) -> list[float]:
    """The largest magnitude, 0..1, of each of `WAVE_POINTS` equal pieces of audio [S]."""
    return [float(piece.max(initial=0)) for piece in np.array_split(np.abs(audio), WAVE_POINTS)]
