"""What a clip in work looks like so far: one frame of what the model takes for the clean video, now and then."""

import io
import time
from collections.abc import Callable

import sqlalchemy as sa
import torch
from PIL import Image
from torch import Tensor

from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.media.image import fit_image
from mova_core.model.frozen import Frozen
from mova_core.model.pixels import to_bytes
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import JobPreview

EVERY_S = 1.0
WIDTH_PX = 192
JPEG_QUALITY = 80


class PreviewMaker:
    """Makes previews of one clip while it is sampled; the clip itself stays as it is.

    Two states of the latents tell the velocity between them: clean = latents - sigma * velocity.

    Args:
        codecs: of the model.
        keep: gets each preview, a JPEG.
    """

    def __init__(self, codecs: Frozen, keep: Callable[[bytes], object]) -> None:
        self._codecs, self._keep = codecs, keep
        self._before: tuple[float, Tensor] | None = None  # noise level and latents [1, C, T, H, W]
        self._latest: Tensor | None = None
        self._next_at = time.monotonic() + EVERY_S

    def on_latents(self, step: int, timesteps: Tensor, latents: LatentPair) -> LatentPair:
        """Called by the sampler after each step; the timesteps are those that the step began at."""
        sigma, reached = float(timesteps[0]) / TRAINING_STEPS, self._latest
        if step and reached is not None:  # `reached` is at this step's first noise level
            if self._before is not None and time.monotonic() >= self._next_at:
                sigma_before, video_before = self._before
                if sigma_before > sigma:
                    velocity = (video_before - reached) / (sigma_before - sigma)
                    self._keep(self._jpeg(reached - sigma * velocity))
                    self._next_at = time.monotonic() + EVERY_S
            self._before = (sigma, reached)
        else:
            self._before = None
        self._latest = latents.video[:1]
        return latents

    @torch.no_grad()
    def _jpeg(self, clean: Tensor) -> bytes:
        middle = clean.shape[2] // 2
        frames = self._codecs.video.decode(clean[:, :, middle : middle + 1].cpu())
        image = to_bytes(frames.cpu())[0].numpy()[0]
        height = max(1, round(image.shape[0] * WIDTH_PX / image.shape[1]))
        file = io.BytesIO()
        Image.fromarray(fit_image(image, height, WIDTH_PX)).save(file, "JPEG", quality=JPEG_QUALITY)
        return file.getvalue()


def keep_preview(engine: sa.Engine, job_id: str, progress: int, jpeg: bytes) -> None:
    """Put a preview in place of the one before; of a job that is gone, nothing is kept."""
    try:
        with writing(engine) as session:
            session.merge(JobPreview(job_id=job_id, progress=progress, jpeg=jpeg))
    except sa.exc.IntegrityError:
        pass


def find_preview(engine: sa.Engine, job_id: str) -> tuple[int, bytes] | None:
    """Progress (percent) and JPEG of a job's latest preview; None if there is none."""
    with reading(engine) as session:
        row = session.execute(sa.select(JobPreview.progress, JobPreview.jpeg).where(JobPreview.job_id == job_id))
        found = row.one_or_none()
    return None if found is None else (found.progress, found.jpeg)


def drop_preview(engine: sa.Engine, job_id: str) -> None:
    """Remove a job's preview: it is finished."""
    with writing(engine) as session:
        session.execute(sa.delete(JobPreview).where(JobPreview.job_id == job_id))
