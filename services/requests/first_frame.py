"""Images that requests give, decoded in a worker process that may crash, hang or use too much memory without harm.

The process that answers requests never looks into an image itself. A worker reads its header first, and decodes none
of more pixels than `MAX_PIXELS`.
"""

import threading
import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mova_core.curation.engine.pool import WorkerKind, WorkerPool
from mova_core.curation.engine.worker import LimitedCall, TaskResult
from mova_core.errors import MediaError, MovaError, UsageError
from mova_core.geometry import ClipGeometry
from mova_core.media.image import fit_image, read_image
from mova_core.params import Limits
from services.requests.errors import InvalidRequest

MAX_PIXELS = 16_000_000  # a camera's frame of 4:3; a clip's frame is far smaller
LIMITS = Limits(seconds_per_file=20.0, seconds_per_minute=0.0, memory_mb=768)
OVER_LIMITS = f"cannot be decoded within the limits of this service, expected at most {MAX_PIXELS // 10**6} megapixels"


@dataclass(frozen=True, slots=True)
class _Task:
    """An image, and the clip whose first frame it becomes; None: only whether it can be read, and its shape."""

    data: bytes
    geometry: ClipGeometry | None


class ImageDecoder:
    """One worker process, started with the first image; threads may share it."""

    def __init__(self) -> None:
        self._pool: WorkerPool | None = None
        self._starting = threading.Lock()

    def shape(self, data: bytes) -> tuple[int, int]:
        """Width and height of an image as it is shown, once all of it could be decoded.

        Raises:
            InvalidRequest: it cannot be, or not within the limits.
        """
        width, height = self._ask(_Task(data, None))
        return width, height

    def first_frame(self, data: bytes, geometry: ClipGeometry) -> NDArray[np.uint8]:
        """An image as a clip's frame, on the canvas that is nearest to its shape: uint8 [H, W, 3].

        Raises:
            InvalidRequest: as of `shape`.
        """
        frame = self._ask(_Task(data, geometry))
        assert isinstance(frame, np.ndarray)
        return frame

    def close(self) -> None:
        """End the worker."""
        if self._pool is not None:
            self._pool.stop()
            self._pool = None

    def _ask(self, task: _Task) -> tuple[int, int] | NDArray[np.uint8]:
        with self._starting:
            if self._pool is None:
                self._pool = WorkerPool(WorkerKind(LIMITS, preload=(__name__,)), workers=1)
                weakref.finalize(self, self._pool.stop)  # at the latest when this process ends
            pool = self._pool
        call = LimitedCall(_decode, LIMITS)
        result = pool.result(pool.hand_out(call, task, LIMITS.seconds_per_file))
        if result.ended_its_worker:
            result = pool.result(pool.hand_out(call, task, LIMITS.seconds_per_file))
        return _checked(result)


def _checked(result: TaskResult) -> tuple[int, int] | NDArray[np.uint8]:
    result.check()
    if not result.failed:
        value: tuple[int, int] | NDArray[np.uint8] = result.value
        return value
    if result.reason_code == UNREADABLE:
        raise InvalidRequest(str(result.reason), "input_reference")
    if result.reason_code == "unexpected_error":
        raise MovaError(f"an image could not be decoded: {result.reason}")
    raise InvalidRequest(f"the image {OVER_LIMITS}", "input_reference")


UNREADABLE = "unreadable_image"


def _decode(task: _Task) -> tuple[int, int] | NDArray[np.uint8]:
    """The work of the worker."""
    try:
        image = read_image(task.data, MAX_PIXELS)
    except UsageError as error:
        raise MediaError(UNREADABLE, str(error)) from None
    height, width = image.shape[:2]
    if task.geometry is None:
        return width, height
    canvas = task.geometry.canvas_for(width, height)
    return fit_image(image, canvas.height_px, canvas.width_px)
