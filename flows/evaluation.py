"""The judgement of one phase as a Prefect flow: `evaluate@PHASE`, then its gates, `select@PHASE`."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.form import PhaseName, without_arguments
from flows.line import line
from flows.stages import failed
from mova_core.errors import MovaError


@flow(name="evaluation", flow_run_name="evaluation-{phase}", persist_result=False, cache_result_in_memory=False)
def evaluation(phase: PhaseName = "phase3") -> State[Any]:
    """Measure what a phase's last checkpoint generates, and select it if it passes the phase's gates.

    Args:
        phase: audio, phase1, phase2 or phase3; what it needs and is not there is trained first.
    """
    last = f"select@{phase}"
    try:
        with line(last) as present:
            said = present.run_to(last)
    except MovaError as error:
        return failed(error)
    return Completed(message=said or f"{last} was up to date")


without_arguments(evaluation)
