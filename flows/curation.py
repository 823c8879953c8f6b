"""Footage to contract-checked latents: the DVC stages of the data half as a Prefect flow."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.run.footage import NAME, SYNTHETIC, own_footage
from flows.run.forms.params_editor import AS_IN_PARAMS, Preset, choose
from flows.run.forms.schemas import Advanced, without_arguments
from flows.run.pipeline_run import pipeline_run
from flows.run.stages.tasks import failed
from mova_core.errors import MovaError

LAST = "contract@latents"


@flow(name="curation", persist_result=False, cache_result_in_memory=False)
def curation(
    preset: Preset = AS_IN_PARAMS,
    footage: str = SYNTHETIC,
    until: str = LAST,
    advanced: Advanced = Advanced(),
) -> State[Any]:
    """Curate footage into clips, captions and latents, each table checked by its contract.

    What has not changed since the last run is not run again.

    Args:
        preset: Size of the model that the clips are for: nano runs on a laptop. A choice is written into params.yaml.
        footage: A folder of video and audio files (under data/ it goes under DVC, anywhere else it stays where it is),
            `synthetic` for footage that the project synthesises, or `as in params.yaml` for what was used last.
        until: How far to go: a stage of dvc.yaml.
        advanced: Workers, and how much footage to make.
    """
    try:
        choose(preset)
        with pipeline_run(until, advanced.workers, before=(NAME,)) as run:
            own_footage(footage, advanced.clips, advanced.seed, run.runner)
            run.ask()  # again: the footage may be another now
            said = run.run_to(LAST)
    except MovaError as error:
        return failed(error)
    return Completed(message=said or "everything was up to date")


without_arguments(curation)
