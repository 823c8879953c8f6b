"""Cut all windows of one source in one decode pass: what a worker of stage `cut` does.

One encoder is open for each window that the pass is currently inside, so memory is bounded by how many windows overlap
(about 70 MB each at 1280x720), not by the source's length. What is lost of a source rejects the windows it touches.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import av
import cv2

from mova_core.curation.cut.crop_and_pad import CropAndPad, Image, stays_yuv
from mova_core.curation.cut.crop_and_pad_yuv import CropAndPadYuv
from mova_core.curation.cut.resample import SAME_TIME_S, FrameRun, WindowAudio, WindowFrames
from mova_core.curation.cut.source_result import CutClip, Row, write_part
from mova_core.curation.ingest.source_bytes import reading
from mova_core.curation.segment.letterbox import Letterbox
from mova_core.errors import MediaError
from mova_core.geometry import ClipGeometry
from mova_core.media.audio.loudness import turned_down
from mova_core.media.audio_resample import AudioChunk
from mova_core.media.clip_file import ClipCoding, ClipWriter
from mova_core.media.decode import Frame, decode
from mova_core.media.lost import Lost
from mova_core.media.video.color_tags import TRANSFERS
from mova_core.media.video.orientation import Orientation
from mova_core.storage.code_version import stage_version
from mova_core.storage.hashing import sha256_json


@dataclass(frozen=True, slots=True)
class Window:
    """One row of table `windows`, without its source."""

    window_id: str
    start_s: float
    end_s: float
    kind: str


@dataclass(frozen=True, slots=True)
class SourceTask:
    """One source and what shall become of it.

    Args:
        path: the file.
        parts_folder: where its part is written.
        source_id: sha256 of its bytes.
        orientation: what brings its coded frames upright.
        display_aspect: of its frame as shown.
        letterbox: of its coded frames.
        windows: by start.
        geometry: of the clips.
        coding: how the clips are stored.
        split: of the clips.
        hdr: what becomes of HDR: `tonemap` or `reject`.
        duration_s: how long the source lasts, which says how long the cutting may take.
    """

    path: Path
    parts_folder: Path
    source_id: str
    orientation: Orientation
    display_aspect: float
    letterbox: Letterbox
    windows: tuple[Window, ...]
    geometry: ClipGeometry
    coding: ClipCoding
    split: str
    hdr: str
    duration_s: float = 0.0

    @property
    def key(self) -> str:
        """Fingerprint of all that its clips depend on: not of where the file lies and how long it lasts."""
        values = asdict(self)
        del values["path"], values["parts_folder"], values["duration_s"]
        return sha256_json(values, stage_version("cut"))

    @property
    def part(self) -> Path:
        """Its part's file."""
        return self.parts_folder / f"{self.key}.tar"


def cut_source(task: SourceTask) -> None:
    """Write the source's part; the work of one worker."""
    cv2.setNumThreads(1)
    write_part(task.part, task.key, _checked(task))


def _checked(task: SourceTask) -> Iterator[CutClip | Row]:
    with reading(task.path, task.source_id):
        yield from clips_of(task)


def clips_of(task: SourceTask) -> Iterator[CutClip | Row]:
    """What becomes of each window, in order: a clip, or a row of table `rejects`."""
    cutting = _SourceCutter(task)
    damage = None
    try:
        for piece in decode(task.path, audio_rate_hz=task.geometry.audio_rate_hz):
            cutting.push(piece)
            yield from cutting.finished()
            if cutting.is_done:
                return
        cutting.end()
    except MediaError as error:
        damage = error
    yield from cutting.rest(damage)


def reject_row(window_id: str, code: str | None, reason: str | None) -> Row:
    """A row of table `rejects` for a window that gives no clip."""
    return {"table": "windows", "id": window_id, "stage": "cut", "reason_code": code, "reason": reason}


def clip_id(window_id: str, geometry: ClipGeometry) -> str:
    """Sixteen hex digits that name a clip by what it is."""
    return hashlib.sha256(f"{window_id}:{geometry.name}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _CanvasFrame:
    """A source frame, brought onto the canvas when the first window shows it, then kept for the others."""

    frame: Frame
    apply: Callable[[Frame], Image | av.VideoFrame]

    @cached_property
    def fitted(self) -> Image | av.VideoFrame:
        return self.apply(self.frame)


class _SourceCutter:
    """The windows of one source while it streams by."""

    def __init__(self, task: SourceTask) -> None:
        starts_s = [window.start_s for window in task.windows]
        self._task = task
        self._images: WindowFrames[_CanvasFrame] = WindowFrames(starts_s, task.geometry)
        self._audio = WindowAudio(starts_s, task.geometry)
        self._crop_and_pad: CropAndPad | None = None
        self._coded: CropAndPadYuv | None = None  # set where frames stay in YUV
        self._writers: dict[int, ClipWriter] = {}
        self._lost: list[Lost] = []
        self._next = 0  # the first window that is not finished

    @property
    def is_done(self) -> bool:
        return self._next == len(self._task.windows)

    def push(self, piece: Frame | AudioChunk | Lost) -> None:
        if isinstance(piece, Lost):
            self._lost.append(piece)
        elif isinstance(piece, Frame):
            self._check_hdr(piece)
            self._plan(piece.image)
            self._write(self._images.push(piece.time_s, _CanvasFrame(piece, self._fitted)))
        else:
            self._audio.push(piece.time_s, piece.samples)

    def end(self) -> None:
        self._write(self._images.end())

    def _check_hdr(self, frame: Frame) -> None:
        if self._task.hdr == "reject" and frame.color.is_hdr:
            transfer = TRANSFERS[frame.color.transfer]
            raise MediaError("hdr_unsupported", f"high dynamic range ({transfer}), which params cut.hdr rejects")

    def finished(self) -> Iterator[CutClip | Row]:
        """Windows that are whole now."""
        while not self.is_done and self._images.is_whole(self._next) and self._audio.is_whole(self._next):
            yield self._finish(None)

    def rest(self, damage: MediaError | None) -> Iterator[CutClip | Row]:
        """What becomes of the windows that are left when the source has ended, or was found damaged."""
        while not self.is_done:
            yield self._finish(damage)

    def _plan(self, first: av.VideoFrame) -> None:
        if self._crop_and_pad is not None:
            return
        task = self._task
        self._crop_and_pad = CropAndPad.plan(
            first.height, first.width, task.letterbox, task.orientation, task.display_aspect, task.geometry
        )
        if stays_yuv(self._crop_and_pad.canvas) and not task.coding.format.stores_rgb:
            self._coded = CropAndPadYuv(self._crop_and_pad)

    def _fitted(self, frame: Frame) -> Image | av.VideoFrame:
        assert self._crop_and_pad is not None  # planned by the first frame
        if self._coded is not None:
            return self._coded.apply(frame)
        return frame.color.to_bt709(self._crop_and_pad.apply(frame.coded_rgb()))

    def _write(self, shown: list[FrameRun[_CanvasFrame]]) -> None:
        for window, image, times in shown:
            if self._lost_of(window):
                continue  # nothing is drawn for a window that is refused
            if window not in self._writers:
                assert self._crop_and_pad is not None
                self._writers[window] = ClipWriter(self._task.geometry, self._crop_and_pad.canvas, self._task.coding)
            self._writers[window].show(image.fitted, times)

    def _finish(self, damage: MediaError | None) -> CutClip | Row:
        number, window = self._next, self._task.windows[self._next]
        self._next += 1
        writer = self._writers.pop(number, None)
        try:
            if lost := self._lost_of(number):
                raise MediaError(lost[0].code, lost[0].reason)
            if damage is not None:
                raise damage
            self._images.check_whole(number)
            audio = turned_down(self._audio.take(number))
        except MediaError as error:
            if writer is not None:
                writer.drop()
            return reject_row(window.window_id, error.code, error.reason)
        assert writer is not None and self._crop_and_pad is not None  # whole frames have been written
        return self._clip(number, writer.finish(audio), self._crop_and_pad)

    def _lost_of(self, number: int) -> list[Lost]:
        """What is lost of a window."""
        window = self._task.windows[number]
        return [lost for lost in self._lost if lost.seconds_in(window.start_s, window.end_s) > SAME_TIME_S]

    def _clip(self, number: int, data: bytes, crop_and_pad: CropAndPad) -> CutClip:
        window, geometry = self._task.windows[number], self._task.geometry
        name = clip_id(window.window_id, geometry)
        row = {
            "clip_id": name,
            "window_id": window.window_id,
            "source_id": self._task.source_id,
            "member": f"{name}.{self._task.coding.format.suffix}",
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "width_px": crop_and_pad.canvas.width_px,
            "height_px": crop_and_pad.canvas.height_px,
            "orientation": crop_and_pad.canvas.orientation,
            "frames": geometry.frames,
            "fps": geometry.fps,
            "audio_rate_hz": geometry.audio_rate_hz,
            "audio_samples": geometry.audio_samples,
            "filled_s": sum((lost.seconds_in(window.start_s, window.end_s) for lost in self._lost_of(number)), 0.0),
            "split": self._task.split,
        }
        place = {"start_s": window.start_s, "end_s": window.end_s, "kind": window.kind}
        return CutClip(row, place, data)
