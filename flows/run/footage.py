"""The first task of a run: the footage is there, DVC knows what is in it, and params.yaml names it.

| choice | what happens |
|---|---|
| `made` | the project makes footage of bouncing shapes in data/footage (left alone if it is there already) |
| `as in params.yaml` | whatever `ingest.footage` names |
| a folder directly in data/ | `dvc add`ed: its bytes go into DVC's cache |
| any other folder | stays where it is; `data/sources.lock` names its files by size and sha256 |
"""

from pathlib import Path

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.run.console import CONSOLE
from flows.run.params_editor import AS_IN_PARAMS, footage_in_params, set_footage
from flows.run.stage_runner import StageRunner
from flows.run.stage_tasks import StageLog, failed, step
from mova_core.errors import MovaError, UsageError

NAME = "footage"
MADE = "made"
DATA = Path("data")
MADE_FOLDER = DATA / "footage"
LOCK = DATA / "sources.lock"


@step(NAME)
def own_footage(choice: str, clips: int, seed: int, runner: StageRunner) -> State[str]:
    """Make, add or lock the footage of this run.

    Args:
        choice: `made`, `as in params.yaml`, or a folder.
        clips: about how many clips synthetic footage should give.
        seed: of synthetic footage.
        runner: runs what takes long.
    """
    console = CONSOLE.get()
    console.begins(NAME)
    try:
        with StageLog(NAME) as log:
            footage = footage_in_params() if choice == AS_IN_PARAMS else Path(choice).expanduser()
            if choice == MADE:
                footage = MADE_FOLDER
                command = ["mova", "make-footage", str(footage), "--clips", str(clips), "--seed", str(seed)]
                log.check(runner.run_command(command, log.show))
            said = log.summary
            named = _own(footage, runner, log)
            set_footage(named)
    except MovaError as error:
        console.ends(NAME, "failed")
        return failed(error)
    summary = said or f"{footage}{'' if named == footage else f', named in {named}'}"
    console.ends(NAME, "done", summary)
    return Completed(message=summary, data=summary)


def _own(footage: Path, runner: StageRunner, log: StageLog) -> Path:
    """Let DVC know the footage; what params.yaml is to name."""
    if footage.is_file() and footage.suffix == LOCK.suffix:
        return footage
    if not footage.is_dir():
        what = "is a file" if footage.exists() else "is missing"
        raise UsageError(f"footage {footage} {what}, expected a folder of video and audio files")
    inside = footage.resolve()
    if inside.parent == DATA.resolve():  # deeper ones would have their .dvc file in a folder that git ignores
        inside = inside.relative_to(Path.cwd().resolve())
        log.check(runner.add_to_dvc(inside, log.show))
        return inside
    command = ["mova", "ingest", "--lock", str(footage.resolve())]
    log.check(runner.run_command(command, log.show))
    return LOCK
