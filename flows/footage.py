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

from flows.run.console import STORY
from flows.run.params_editor import AS_IN_PARAMS, footage_in_params, set_footage
from flows.run.stage_runner import StageRunner
from flows.run.stages import Transcript, failed, step
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
    story = STORY.get()
    story.begins(NAME)
    try:
        with Transcript(NAME) as transcript:
            footage = footage_in_params() if choice == AS_IN_PARAMS else Path(choice).expanduser()
            if choice == MADE:
                footage = MADE_FOLDER
                command = ["mova", "make-footage", str(footage), "--clips", str(clips), "--seed", str(seed)]
                transcript.check(runner.run_command(command, transcript.show))
            said = transcript.summary
            named = _own(footage, runner, transcript)
            set_footage(named)
    except MovaError as error:
        story.ends(NAME, "failed")
        return failed(error)
    summary = said or f"{footage}{'' if named == footage else f', named in {named}'}"
    story.ends(NAME, "done", summary)
    return Completed(message=summary, data=summary)


def _own(footage: Path, runner: StageRunner, transcript: Transcript) -> Path:
    """Let DVC know the footage; what params.yaml is to name."""
    if footage.is_file() and footage.suffix == LOCK.suffix:
        return footage
    if not footage.is_dir():
        what = "is a file" if footage.exists() else "is missing"
        raise UsageError(f"footage {footage} {what}, expected a folder of video and audio files")
    inside = footage.resolve()
    if inside.parent == DATA.resolve():  # deeper ones would have their .dvc file in a folder that git ignores
        inside = inside.relative_to(Path.cwd().resolve())
        transcript.check(runner.add_to_dvc(inside, transcript.show))
        return inside
    command = ["mova", "ingest", "--lock", str(footage.resolve())]
    transcript.check(runner.run_command(command, transcript.show))
    return LOCK
