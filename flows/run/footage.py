"""The first task of a run: the footage is there, DVC knows what is in it, and params.yaml names it.

| choice | what happens |
|---|---|
| `synthetic` | the project makes footage of bouncing shapes in data/footage (left alone if it is there already) |
| `as in params.yaml` | whatever `ingest.footage` names, judged as `evaluate.footage` says |
| a folder directly in data/ | `dvc add`ed: its bytes go into DVC's cache |
| any other folder | stays where it is; `data/sources.lock` names its files by size and sha256 |

The choice also decides how models are judged: `evaluate.footage` becomes `synthetic` or, for a folder, `other`.
"""

from pathlib import Path

from flows.run.forms.params_editor import AS_IN_PARAMS, footage_in_params, set_footage
from flows.run.stages.runner import Show, StageResult, StageRunner
from flows.run.stages.tasks import run_job
from mova_core.errors import UsageError
from mova_core.places import DATA, FOOTAGE, SOURCES_LOCK

NAME = "footage"
SYNTHETIC = "synthetic"


def own_footage(choice: str, clips: int, seed: int, runner: StageRunner) -> None:
    """Make, add or lock the footage of this run, as a task.

    Args:
        choice: `synthetic`, `as in params.yaml`, or a folder.
        clips: about how many clips synthetic footage should give.
        seed: of synthetic footage.
        runner: runs what takes long.

    Raises:
        UsageError: there is no such footage.
        MovaError: it cannot be made, added or locked.
    """
    run_job(NAME, lambda show: _own(choice, clips, seed, runner, show))


def _own(choice: str, clips: int, seed: int, runner: StageRunner, show: Show) -> StageResult:
    """Have the footage made if need be, let DVC know it, and name it in params.yaml."""
    footage = footage_in_params() if choice == AS_IN_PARAMS else Path(choice).expanduser()
    said = ""
    if choice == SYNTHETIC:
        footage = FOOTAGE
        command = ["mova", "make-footage", str(footage), "--clips", str(clips), "--seed", str(seed)]
        said = runner.run_command(command, show).summary
    named = _add_or_lock(footage, runner, show)
    set_footage(named, None if choice == AS_IN_PARAMS else "synthetic" if choice == SYNTHETIC else "other")
    return StageResult(True, said or f"{footage}{'' if named == footage else f', named in {named}'}")


def _add_or_lock(footage: Path, runner: StageRunner, show: Show) -> Path:
    """Let DVC know the footage; what params.yaml is to name."""
    if footage.is_file() and footage.suffix == SOURCES_LOCK.suffix:
        return footage
    if not footage.is_dir():
        what = "is a file" if footage.exists() else "is missing"
        raise UsageError(f"{footage} {what}, expected a folder of video and audio files")
    inside = footage.resolve()
    if inside.parent == DATA.resolve():  # deeper ones would have their .dvc file in a folder that git ignores
        inside = inside.relative_to(Path.cwd().resolve())
        runner.add_to_dvc(inside, show)
        return inside
    runner.run_command(["mova", "ingest", "--lock", str(footage.resolve())], show)
    return SOURCES_LOCK
