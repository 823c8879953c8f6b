"""`mova plan`: what a phase of training costs on a layout of GPUs, or a clip on one, before any of them is rented."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mova_core.options import ParamsFile
from mova_core.params.model import ActivationCheckpointing, Precision
from mova_core.places import PARAMS


def plan(
    phase: Annotated[
        str | None, typer.Option("--phase", help="audio, phase1, phase2 or phase3; 3 is phase3, and so is none.")
    ] = None,
    params_file: ParamsFile = PARAMS,
    preset: Annotated[str | None, typer.Option("--preset", help="Instead of the file's.")] = None,
    nodes: Annotated[int | None, typer.Option("--nodes", min=1, help="Instead of those of train.launch.")] = None,
    gpus_per_node: Annotated[
        int | None, typer.Option("--gpus-per-node", min=1, help="Without it 8, or those of train.launch.")
    ] = None,
    accelerator: Annotated[
        Literal["H100", "H200", "A100"] | None,
        typer.Option("--accelerator", help="Every GPU, H100 if not given; with --infer all cards are told then."),
    ] = None,
    checkpointing: Annotated[
        ActivationCheckpointing | None,
        typer.Option("--checkpointing", help="Of activations, instead of train.activation_checkpointing."),
    ] = None,
    precision: Annotated[Precision | None, typer.Option("--precision", help="Instead of train.precision.")] = None,
    mfu: Annotated[float, typer.Option("--mfu", min=0.001, max=1, help="Part of the peak that is reached.")] = 0.35,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Of training, or with --infer of denoising.")
    ] = None,
    price: Annotated[float | None, typer.Option("--price", min=0, help="Of a GPU-hour.")] = None,
    infer: Annotated[
        bool, typer.Option("--infer", help="Instead: memory and seconds of a clip, by generate.memory and card.")
    ] = False,
    published: Annotated[
        bool, typer.Option("--published", help="Instead: the report's own run, planned, beside what it states.")
    ] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Instead: preset nano timed here, against its planned FLOPs.")
    ] = False,
) -> dict[str, Any]:
    """Compute tokens, FLOPs, memory, communication, step time, energy and cost of a phase on a layout of GPUs; or, with
    --infer, what a clip takes on one GPU.

    The layout is that of the params (train.parallel, train.micro_batches, processes of train.launch); where they leave
    it at its defaults, the cheapest one that fits is chosen. One that does not fit in a GPU's memory is refused (exit
    1) with the cheapest that does.

    Example: mova plan --preset mova-720p --phase phase3 --nodes 128 --gpus-per-node 8
    """
    if infer:
        others = {"--phase": phase, "--nodes": nodes, "--gpus-per-node": gpus_per_node, "--price": price}
        others |= {"--checkpointing": checkpointing, "--published": published or None, "--measure": measure or None}
        return _infer(params_file, preset, accelerator, precision, mfu, steps, others)
    from dataclasses import replace

    from mova_core.errors import UsageError
    from mova_core.params import PRESETS, load_params
    from mova_core.plan.hardware import ACCELERATORS, GPUS_PER_NODE
    from mova_core.training.plan import report
    from mova_core.training.plan.plan import Setting, cheapest_plan
    from mova_core.training.plan.published import compare, published_params
    from mova_core.training.plan.wanted import Wanted
    from mova_core.training.plan.workload import workload_of
    from mova_core.training.recipe import phase_named

    params = published_params() if published else load_params(params_file, preset)
    started = params.train.launch.processes_per_node
    of_node = gpus_per_node or (started if nodes is None and started > 1 else GPUS_PER_NODE)
    gpu = replace(ACCELERATORS[accelerator or "H100"], gpus_per_node=of_node)
    kinds = checkpointing or params.train.activation_checkpointing, precision or params.train.precision
    setting = Setting(gpu, *kinds, mfu, price)
    if published:
        rows = compare(setting)
        return {"rows": rows, "text": report.comparison_text(rows)}

    phase = phase or "phase3"
    name = f"phase{phase}" if phase.isdigit() else phase
    chosen = phase_named(name)
    if measure:
        if not (PRESETS[params.preset].fits_codecs and chosen.joint):
            raise UsageError(f"--measure got {params.preset} {name}, expected a joint phase of preset nano")
        from mova_core.training.plan.measure import measure as measure_here

        measured = measure_here(chosen, params)
        return {**measured, "text": report.measured_text(measured)}
    wanted = Wanted.by(params.train, nodes and nodes * of_node)
    planned = cheapest_plan(workload_of(chosen, params, steps), wanted, setting)
    return {**planned.summary(), "text": report.plan_text(planned)}


def _infer(
    params_file: Path,
    preset: str | None,
    accelerator: str | None,
    precision: Precision | None,
    mfu: float,
    steps: int | None,
    others: Mapping[str, object],
) -> dict[str, Any]:
    """What a clip takes on one GPU; `others` are options that have no part in it, None where not given."""
    from mova_core.errors import UsageError
    from mova_core.params import load_params
    from mova_core.plan.hardware import ACCELERATORS
    from mova_core.sampling.plan.plan import plans_of
    from mova_core.sampling.plan.report import plans_text
    from mova_core.sampling.plan.workload import ClipWorkload

    if given := next((name for name, value in others.items() if value is not None), None):
        raise UsageError(f"{given} has no part with --infer, which plans a clip on one GPU: leave it out")
    params = load_params(params_file, preset)
    number = precision or params.train.precision
    cards = [card for name, card in ACCELERATORS.items() if accelerator in (None, name)]
    plans = plans_of(ClipWorkload.of_preset(params, number), params, cards, number, mfu, steps)
    return {"plans": [plan.summary() for plan in plans], "text": plans_text(plans)}
