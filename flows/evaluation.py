"""The judgement of one phase as a Prefect flow: `evaluate@PHASE`, then its gates, `select@PHASE`."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.run.forms.schemas import without_arguments
from flows.run.pipeline_run import run_pipeline_to
from mova_core.params import PhaseName


@flow(name="evaluation", flow_run_name="evaluation-{phase}", persist_result=False, cache_result_in_memory=False)
def evaluation(phase: PhaseName = "phase3") -> State[Any]:
    """Measure what a phase's checkpoints generate, and select the best if it passes the phase's gates.

    Args:
        phase: audio, phase1, phase2 or phase3; what it needs and is not there is trained first.
    """
    return run_pipeline_to(f"select@{phase}")


without_arguments(evaluation)
