"""`dvc push` and `dvc pull` of a run, in the process that asks DVC; a project without a default remote does neither.

Pushed is what is on the list of `unpushed.py` and has passed its gate; pulled, what a stage or `dvc add` made elsewhere
(dvc.lock and *.dvc say so) and this folder lacks.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from flows.run.stages.unpushed import note_pushed, unpushed
from mova_core.errors import MovaError

DVC_FILE = ".dvc"  # how a target ends that `dvc add` made: footage, which is pushed once the first gate has held


def push(passed: Sequence[str], tell: Callable[[str], None]) -> str:
    """Push what these stages made, and footage, where the remote has not got it.

    Args:
        passed: stages up to the last gate that held.
        tell: takes a sentence about what is about to be done.

    Returns:
        What was pushed, in a sentence; "" where nothing was to be.

    Raises:
        MovaError: the remote does not take it.
    """
    due = [target for target in unpushed() if target in passed or (passed and target.endswith(DVC_FILE))]
    if not due or (remote := default_remote()) is None:
        return ""
    from dvc.repo import Repo

    with _told(f"DVC could not push to {remote}"), Repo() as repo:
        there = {stage.addressing for stage in repo.index.stages}
        targets = [target for target in due if target in there]  # not those of geometries that are no more
        tell(f"pushing {', '.join(targets)} to {remote}")
        files = repo.push(targets) if targets else 0
    note_pushed(due)
    return f"pushed {files} {'file' if files == 1 else 'files'} to {remote}"


def pull(tell: Callable[[str], None]) -> str:
    """Bring from the remote, or the cache, what is missing here of what dvc.lock and the .dvc files name.

    Args:
        tell: as in `push`.

    Returns:
        What was brought, in a sentence; "" where nothing was missing.

    Raises:
        MovaError: the remote does not give it; what it did give is here.
    """
    if (remote := default_remote()) is None:
        return ""
    from dvc.repo import Repo

    with _told(f"DVC could not pull all that is missing here from {remote}"), Repo() as repo:
        missing = [out for out in repo.index.outs if out.use_cache and out.hash_info and not out.exists]
        if not missing:
            return ""
        targets = sorted({out.stage.addressing for out in missing})
        tell(f"pulling {', '.join(targets)} from {remote}")
        repo.pull(targets, allow_missing=True)
        if lost := sorted({out.stage.addressing for out in missing if not out.exists}):
            raise MovaError(f"it has not got all of {', '.join(lost)}")
    return f"pulled {', '.join(targets)} from {remote}"


def default_remote() -> str | None:
    """Address of the remote that `dvc push` would push to; None where there is none, or no config that DVC reads."""
    from dvc.config import Config, ConfigError

    try:
        config = Config.from_cwd()
    except ConfigError:
        return None  # asking DVC what has changed tells it
    name = config["core"].get("remote")
    return str(config["remote"].get(name, {}).get("url", name)) if name else None


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Make one sentence of whatever ends a transfer, with the first reason that DVC gave for a file."""
    logger, reasons = logging.getLogger("dvc_objects"), _Reasons()
    logger.addHandler(reasons)
    try:
        yield
    except Exception as error:  # of DVC, of fsspec, of whatever library speaks with the store
        first = reasons.first or error
        sentence = " ".join(str(first).split()).rstrip(".") or type(first).__name__
        raise MovaError(f"{what} ({sentence}): look whether it answers, and to which keys") from None
    finally:
        logger.removeHandler(reasons)


class _Reasons(logging.Handler):
    """Keeps the first error that is logged: of a file that fails, DVC raises no more than that there is one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.first: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.first is None and record.exc_info is not None:
            self.first = record.exc_info[1]
