"""Caption many clips, several at once: finished ones are kept, and one whose caption fails costs the others nothing.

An endpoint that is gone ends the run, which goes on when it is started again: no clip is to blame for that.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.caption.models.captioner import Captioner, Measured
from mova_core.curation.caption.models.clip_media import ClipMedia
from mova_core.curation.cut.shards import read_member
from mova_core.endpoints.ask import UnusableAnswer
from mova_core.errors import EndpointError, MediaError, UsageError
from mova_core.progress import track
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clip:
    """What is captioned.

    Args:
        row: of table `clips`.
        measured: of it.
    """

    row: Mapping[str, Any]
    measured: Measured


def caption_clips(
    captioner: Captioner, clips: Mapping[str, Clip], folder: Path, finished: ResultCache, at_once: int
) -> dict[str, Row]:
    """Columns of each clip's caption, `fallback_reason` alone where there is none.

    Args:
        captioner: with endpoints that answer.
        clips: to caption, by their ids.
        folder: the clips folder.
        finished: captions of a run before.
        at_once: clips, each with one request at a time.

    Raises:
        StaleError: a clip is not the one that the table names.
        EndpointError: an endpoint does not answer any more.
    """
    work = _Work(captioner, folder, finished, asyncio.Semaphore(at_once))
    return dict(zip(clips, asyncio.run(work.all(clips.values())), strict=True))


@dataclass(frozen=True, slots=True)
class _Work:
    captioner: Captioner
    folder: Path
    finished: ResultCache
    turns: asyncio.Semaphore

    async def all(self, clips: Iterable[Clip]) -> list[Row]:
        tasks = [asyncio.create_task(self.one(clip)) for clip in clips]
        try:
            for done in track(asyncio.as_completed(tasks), len(tasks), "caption"):
                await done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [task.result() for task in tasks]

    async def one(self, clip: Clip) -> Row:
        known = clip.measured.has_no_speech, clip.measured.has_no_text
        key = sha256_json(clip.row["sha256"], self.captioner.identity, known)
        if (kept := self.finished.get(key)) is not None:
            return dict(kept)
        async with self.turns:
            try:
                media = await asyncio.to_thread(self._media, clip.row)
                row = await self.captioner.caption(media, clip.measured)
            except (UnusableAnswer, MediaError) as fault:
                return _failure(fault)
            except EndpointError as fault:
                await self._check_endpoints()
                return _failure(fault)
        self.finished.put(key, row)
        return row

    def _media(self, clip: Mapping[str, Any]) -> ClipMedia:
        encoded = read_member(self.folder, clip)
        return ClipMedia.read(encoded, clip["frames"], clip["fps"], clip["audio_rate_hz"])

    async def _check_endpoints(self) -> None:
        try:
            await asyncio.to_thread(self.captioner.check_reachable)
        except UsageError as error:
            raise EndpointError(f"{error}; captions so far are kept, so run again to go on") from None


def _failure(fault: Exception) -> Row:
    return {"fallback_reason": str(fault)}
