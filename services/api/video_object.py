"""A job as the video object that clients see."""

from services.api.schemas import Try, Video, VideoError
from services.jobs.failures import UNFORESEEN, told_of
from services.jobs.view import JobView
from services.requests.video_request import MODEL_NAME


def video_of(job: JobView, keep_s: float) -> Video:
    """The video object of a job.

    Args:
        job: as it is now.
        keep_s: seconds that finished jobs are kept.
    """
    request, outcome = job.request, job.outcome or {}  # none before it is finished
    error = None
    if job.status == "failed":
        code = job.error_code or UNFORESEEN
        error = VideoError(code=code, message=told_of(code, job.error or ""))
    return Video(
        id=job.job_id,
        model=MODEL_NAME,
        status=job.status,
        progress=job.progress,
        created_at=int(job.created_at),
        completed_at=None if job.finished_at is None else int(job.finished_at),
        expires_at=None if job.finished_at is None else int(job.finished_at + keep_s),
        prompt=request["prompt"],
        seconds=request["seconds"],
        size=request["size"],
        seed=request["seed"],
        checkpoint_id=job.checkpoint_id,
        remixed_from_video_id=job.source_id,
        # a job of an earlier version has none of its request
        warnings=[*request.get("warnings", []), *outcome.get("warnings", [])],
        tries=[Try(**tried) for tried in outcome.get("tries", [])],
        error=error,
    )
