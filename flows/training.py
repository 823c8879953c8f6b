"""One phase of training as a Prefect flow: whatever it needs before it, then `train@PHASE`."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run.forms.schemas import without_arguments
from flows.run.pipeline_run import run_pipeline_to
from mova_core.params import PhaseName


@flow(name="training", flow_run_name="training-{phase}", persist_result=False, cache_result_in_memory=False)
def training(phase: PhaseName = "phase3") -> State[Any]:
    """Train one phase, from the weights selected in the phase before. A killed run goes on from its last checkpoint.

    Args:
        phase: audio (the audio tower alone), then phase1, phase2 and phase3 (both towers and the Bridge).
    """
    return run_pipeline_to(f"train@{phase}")


without_arguments(training)
