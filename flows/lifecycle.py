"""The whole life of a model, footage to a clip over HTTP: curation, training, evaluation and packaging in one flow.

python -m flows.lifecycle                      on footage that the project makes
python -m flows.lifecycle --footage ~/footage  on your own
python -m flows.lifecycle --until contract@latents
"""

import argparse
import sys
from typing import Any, get_args

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.curation import curation
from flows.evaluation import evaluation
from flows.packaging import CLIP, DEPLOY, PROMOTE, check_port, packaging
from flows.run.footage import NAME, SYNTHETIC
from flows.run.forms.params_editor import AS_IN_PARAMS, Preset, choose
from flows.run.forms.schemas import Advanced, without_arguments
from flows.run.pipeline_run import EVERYTHING, pipeline_run
from flows.run.stages.tasks import failed
from flows.run.terminal import run_at_terminal
from flows.training import training
from mova_core.errors import MovaError
from mova_core.params import PHASE_NAMES, PresetName


@flow(name="lifecycle", persist_result=False, cache_result_in_memory=False)
def lifecycle(
    preset: Preset = AS_IN_PARAMS,
    footage: str = SYNTHETIC,
    until: str = EVERYTHING,
    keep_serving: bool = True,
    advanced: Advanced = Advanced(),
) -> State[Any]:
    """Make a model from footage: curate, train each phase and judge it by its gates, package, promote and serve it.

    What has not changed since the last run is not run again. A broken contract or a failed gate ends the run.

    Args:
        preset: Size of the model: nano runs on a laptop. A choice is written into params.yaml.
        footage: A folder of video and audio files (under data/ it goes under DVC, anywhere else it stays where it is),
            `synthetic` for footage that the project synthesises, or `as in params.yaml` for what was used last.
        until: How far to go: a stage of dvc.yaml, or everything; only everything promotes and serves.
        keep_serving: Leave the service running when the run has ended.
        advanced: Workers, and how much footage to make.
    """
    try:
        choose(preset)
        if until == EVERYTHING:
            check_port()
        with pipeline_run(until, advanced.workers, before=(NAME,), after=(PROMOTE, DEPLOY)) as run:
            last = curation(preset, footage, until, advanced, return_state=True)
            last.result()
            for phase in PHASE_NAMES:
                for subflow in (training, evaluation):
                    if run.left:
                        last = subflow(phase, return_state=True)
                        last.result()
            if run.left:
                last = packaging(keep_serving=keep_serving, return_state=True)
                last.result()
    except MovaError as error:
        return failed(error)
    return Completed(message=last.message)


without_arguments(lifecycle)


def main() -> int:
    """Command line of the flow; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.lifecycle", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", choices=get_args(PresetName), help="written into params.yaml")
    parser.add_argument("--footage", default=SYNTHETIC, help="a folder of your own files (default: %(default)s)")
    parser.add_argument("--until", default=EVERYTHING, help="a stage of dvc.yaml to stop after")
    parser.add_argument("--keep-serving", action="store_true", help="leave the service running at the end")
    for name, field in Advanced.model_fields.items():
        parser.add_argument(f"--{name}", type=int, help=field.description)
    given = parser.parse_args()
    advanced = {name: value for name in Advanced.model_fields if (value := getattr(given, name)) is not None}
    if given.footage != SYNTHETIC and (extra := advanced.keys() & {"clips", "seed"}):
        parser.error(f"--{min(extra)} is for synthetic footage, and --footage {given.footage} is not synthetic")
    try:
        Advanced(**advanced)
    except ValueError as error:
        parser.error(str(error))
    return run_at_terminal(
        lifecycle,
        CLIP,
        preset=given.preset or AS_IN_PARAMS,
        footage=given.footage,
        until=given.until,
        keep_serving=given.keep_serving,
        advanced=advanced,
    )


if __name__ == "__main__":
    sys.exit(main())
