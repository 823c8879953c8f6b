"""From a folder of footage to contract-checked latents: the DVC stages of the data half as a Prefect flow.

python -m flows.curation                      on footage that the project makes
python -m flows.curation --footage ~/footage  on your own
python -m flows.curation --until contract@clips
"""

import argparse
import sys
from typing import Any, Literal, get_args

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import BaseModel, Field

from flows.artifacts import show
from flows.children import StageRunner
from flows.footage import AS_IN_PARAMS, MADE, NAME, own_footage
from flows.knobs import set_preset
from flows.pipeline import plan
from flows.stages import failed, run_stage
from flows.story import STORY
from flows.terminal import run_at_terminal
from mova_core.errors import ContractBroken, MovaError
from mova_core.params import PresetName, load_params

EVERYTHING = "everything"

Preset = Literal["as in params.yaml", PresetName]


class Advanced(BaseModel):
    """What rarely needs a change."""

    workers: int = Field(default=0, ge=0, title="Workers", description="Processes at once; 0 = one per processor.")
    clips: int = Field(default=1500, ge=1, title="Made clips", description="About how many clips made footage gives.")
    seed: int = Field(default=0, ge=0, title="Made seed", description="Seed of made footage: same seed, same files.")


@flow(name="curation", persist_result=False, cache_result_in_memory=False)
def curation(
    preset: Preset = "as in params.yaml",
    footage: str = MADE,
    until: str = EVERYTHING,
    advanced: Advanced = Advanced(),
) -> State[Any]:
    """Curate footage into clips, captions and latents, each table checked by its contract.

    What has not changed since the last run is not run again.

    Args:
        preset: Size of the model that the clips are for: nano runs on a laptop. A choice is written into params.yaml.
        footage: A folder of video and audio files (under data/ it goes under DVC, anywhere else it stays where it is),
            `made` for footage that the project makes itself, or `as in params.yaml` for what was used last.
        until: How far to go: a stage of dvc.yaml, or everything.
        advanced: Workers, and how much footage to make.
    """
    try:
        if preset != "as in params.yaml":
            set_preset(preset)
        load_params()  # a wrong knob is refused before anything starts
        workers = {"MOVA_WORKERS": str(advanced.workers)} if advanced.workers else {}
        with StageRunner(workers) as runner:
            stages = plan("" if until == EVERYTHING else until)
            STORY.get().expect([NAME, *(stage.name for stage in stages)])
            own_footage(footage, advanced.clips, advanced.seed, runner, return_state=True).result()
            for stage in plan("" if until == EVERYTHING else until):  # again: the footage may be another now
                try:
                    last = run_stage(stage, runner)
                except ContractBroken:
                    show(stage)
                    raise
                show(stage)
    except MovaError as error:
        return failed(error)
    return Completed(message=last or "everything was up to date")


curation.description = (curation.description or "").partition("\n\nArgs:")[0]  # the form shows each beside its field


def main() -> int:
    """Command line of the flow; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m flows.curation", description=curation.description)
    parser.add_argument("--preset", choices=get_args(PresetName), help="written into params.yaml")
    parser.add_argument("--footage", default=MADE, help="a folder of your own files; without it the project makes some")
    parser.add_argument("--until", default=EVERYTHING, help="a stage of dvc.yaml to stop after")
    for name, field in Advanced.model_fields.items():
        parser.add_argument(f"--{name}", type=int, help=field.description)
    given = parser.parse_args()
    advanced = {name: value for name in Advanced.model_fields if (value := getattr(given, name)) is not None}
    if given.footage != MADE and (extra := advanced.keys() & {"clips", "seed"}):
        parser.error(f"--{min(extra)} is for made footage, and --footage {given.footage} is not made")
    try:
        Advanced(**advanced)
    except ValueError as error:
        parser.error(str(error))
    preset = given.preset or AS_IN_PARAMS
    return run_at_terminal(curation, preset=preset, footage=given.footage, until=given.until, advanced=advanced)


if __name__ == "__main__":
    sys.exit(main())
