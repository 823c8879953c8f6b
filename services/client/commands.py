"""`mova video`: ask a service for videos, look at them, wait for them, cancel them."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mova_core.cli.main import command
from services.client.client import DEFAULT_URL

if TYPE_CHECKING:
    from services.client import Video, VideoClient

video = typer.Typer(
    help="Videos of a service, over HTTP: `mova serve` starts one. A key is taken from $MOVA_API_KEY.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Url = Annotated[str, typer.Option("--url", envvar="MOVA_API_URL", help="Where the service answers.")]
VideoId = Annotated[str, typer.Argument(help="Id of the video.")]
Out = Annotated[Path | None, typer.Option("--out", help="File that the clip is written to once it is made.")]


def create(
    prompt: Annotated[str, typer.Argument(help="What the video shows and what is audible.")],
    out: Out = None,
    image: Annotated[Path | None, typer.Option("--image", help="The first frame, an RGB image.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="Length of the video.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the noise.")] = 0,
    field: Annotated[
        list[str] | None, typer.Option("--field", help="Another field of the request, NAME=VALUE. May be repeated.")
    ] = None,
    url: Url = DEFAULT_URL,
) -> dict[str, Any]:
    """Ask for a video; with --out, wait for it and keep it.

    Example: mova video create "A red ball bounces." --seed 1 --out ball.mp4
    """
    fields = dict(map(_named, field or ()))
    with _client(url) as client:
        made = client.create(prompt, seed=seed, seconds=seconds, input_reference=image, **fields)
        return _described(made) if out is None else _waited(client, made.id, out)


def get(video_id: VideoId, url: Url = DEFAULT_URL) -> dict[str, Any]:
    """A video as it is now.

    Example: mova video get video_0645e2a1b3c4d5f3a9c1e7d2b4f6a8c0e1d2
    """
    with _client(url) as client:
        return _described(client.get(video_id))


def list_videos(
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 20, url: Url = DEFAULT_URL
) -> dict[str, Any]:
    """The newest videos of a service.

    Example: mova video list --limit 5
    """
    with _client(url) as client:
        videos = list(client.list(limit))
    lines = [_line(each) for each in videos]
    return {"videos": [asdict(each) for each in videos], "text": "\n".join(lines) or "no videos"}


def cancel(video_id: VideoId, url: Url = DEFAULT_URL) -> dict[str, Any]:
    """End a video that waits or is in work.

    Example: mova video cancel video_0645e2a1b3c4d5f3a9c1e7d2b4f6a8c0e1d2
    """
    with _client(url) as client:
        return _described(client.cancel(video_id))


def wait(video_id: VideoId, out: Out = None, url: Url = DEFAULT_URL) -> dict[str, Any]:
    """Wait until a video is finished; with --out, keep it.

    Example: mova video wait video_0645e2a1b3c4d5f3a9c1e7d2b4f6a8c0e1d2 --out ball.mp4
    """
    with _client(url) as client:
        return _waited(client, video_id, out)


def _client(url: str) -> "VideoClient":
    from services.client import VideoClient

    return VideoClient(url)


def _waited(client: "VideoClient", video_id: str, out: Path | None) -> dict[str, Any]:
    """A video that is made, and its file; MovaError where it is not."""
    from mova_core.errors import MovaError
    from mova_core.progress import track

    bar, shown = track(range(100), 100, "video"), 0

    def show(video: "Video") -> None:
        nonlocal shown
        for _ in range(shown, video.progress):
            next(bar, None)
        shown = max(shown, video.progress)

    done = client.wait(video_id, on_change=show)
    bar.close()
    if done.status != "completed":
        why = done.error["message"] if done.error else f"it was {done.status}"
        raise MovaError(f"video {video_id} was not made: {why}")
    if out is not None:
        client.download(video_id, out)
    return _described(done) | ({} if out is None else {"path": str(out), "text": f"{out}: {_line(done)}"})


def _described(video: "Video") -> dict[str, Any]:
    return asdict(video) | {"text": _line(video)}


def _line(video: "Video") -> str:
    from mova_core.printable import printable

    state = f"{video.progress} %" if video.status == "in_progress" else video.status
    why = f" ({video.error['message']})" if video.error else ""
    return f"{video.id}  {state}{why}  {video.seconds} s  {video.size}  {printable(video.prompt)[:60]}"


def _named(text: str) -> tuple[str, str]:
    from mova_core.errors import UsageError

    name, equals, value = text.partition("=")
    if not (equals and name):
        raise UsageError(f"--field is {text!r}, expected NAME=VALUE such as steps=8")
    return name, value


for _name, _function in (
    ("create", create),
    ("get", get),
    ("list", list_videos),
    ("cancel", cancel),
    ("wait", wait),
):
    video.command(_name)(command(_function, f"video {_name}"))
