"""Requests that go on from a clip: the same with other words, a longer one, or a part of it anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mova_core.sampling.inputs import OVERLAP_FRAMES
from mova_core.sampling.tasks import MOST_PIECES
from services.requests.checker import NOTHING, CheckedRequest, RequestChecker, Source
from services.requests.errors import InvalidRequest
from services.requests.given_files import media_bytes
from services.requests.video_request import EditRequest, ExtendRequest, RemixRequest

Kind = Literal["remix", "extend", "edit"]


@dataclass(frozen=True, slots=True)
class FinishedClip:
    """A job that a request goes on from.

    Args:
        request: as it was queued.
        sha256: of its clip; None: it has none.
    """

    request: Mapping[str, Any]
    sha256: str | None


def derived(
    kind: Kind, checker: RequestChecker, fields: Mapping[str, Any], clip: FinishedClip | None
) -> CheckedRequest:
    """Check a request that goes on from a clip.

    Args:
        kind: what it asks for.
        checker: of the packaged model.
        fields: of its body.
        clip: of this service; None: the video is a file among the fields.

    Raises:
        InvalidRequest: one sentence about the first field that is wrong.
    """
    return {"remix": _remix, "extend": _extend, "edit": _edit}[kind](checker, fields, clip)


def _remix(checker: RequestChecker, fields: Mapping[str, Any], clip: FinishedClip | None) -> CheckedRequest:
    assert clip is not None  # the path names it
    asked = checker.validated(RemixRequest, fields)
    before = clip.request
    return checker.assembled(asked, {}, before.get("task", {}), Source(before, before.get("inputs", {})))


def _extend(checker: RequestChecker, fields: Mapping[str, Any], clip: FinishedClip | None) -> CheckedRequest:
    asked: Any = checker.validated(ExtendRequest, fields)
    files, source = _video(fields, clip, "video")
    changes = source.request.get("changes", {})
    geometry = checker.defaults.changed(**changes).clip_geometry
    piece_s = (geometry.frames - OVERLAP_FRAMES) / geometry.fps
    if piece_s <= 0:
        raise InvalidRequest(f"the clip has {geometry.frames} frames, which is too short to go on in pieces", "video")
    pieces = max(1, round(asked.seconds / piece_s))
    if pieces > MOST_PIECES:
        raise InvalidRequest(f"seconds is {asked.seconds:g}, expected at most {MOST_PIECES * piece_s:g}", "seconds")
    return checker.assembled(asked, files, {"extend": pieces}, source)


def _edit(checker: RequestChecker, fields: Mapping[str, Any], clip: FinishedClip | None) -> CheckedRequest:
    asked: Any = checker.validated(EditRequest, fields)
    if (asked.retake is None) == (asked.keep is None):
        raise InvalidRequest(
            "an edit says what is made anew: give retake, such as 0.5:1.25, or keep, which is video or audio", "retake"
        )
    if asked.retake is not None:
        files, source = _video(fields, clip, "video")
        start, end = map(float, asked.retake.split(":"))
        return checker.assembled(asked, files, {"retake": [start, end]}, source)
    files, source = _video(fields, clip, asked.keep)
    return checker.assembled(asked, files, {}, source)


def _video(fields: Mapping[str, Any], clip: FinishedClip | None, name: str) -> tuple[dict[str, bytes], Source]:
    """The clip as this input: a file of the request, or one that is kept."""
    if clip is not None:
        assert clip.sha256 is not None
        return {}, Source(clip.request, {name: clip.sha256})
    text = fields.get("video")
    if not isinstance(text, str):
        raise InvalidRequest("video is missing: the id of a completed video, or a video file", "video")
    return {name: media_bytes(text, "video", "video")}, NOTHING
