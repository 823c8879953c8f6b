"""One phase of training as a Prefect flow: whatever it needs before it, then `train@PHASE`."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.form import PhaseName, without_arguments
from flows.line import line
from flows.stages import failed
from mova_core.errors import MovaError


@flow(name="training", flow_run_name="training-{phase}", persist_result=False, cache_result_in_memory=False)
def training(phase: PhaseName = "phase3") -> State[Any]:
    """Train one phase, from the weights selected in the phase before. A killed run goes on from its last checkpoint.

    Args:
        phase: audio (the sound alone), then phase1, phase2 and phase3 (both towers and the Bridge).
    """
    last = f"train@{phase}"
    try:
        with line(last) as present:
            said = present.run_to(last)
    except MovaError as error:
        return failed(error)
    return Completed(message=said or f"{last} was up to date")


without_arguments(training)
