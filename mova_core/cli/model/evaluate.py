"""`mova evaluate`: measure what a phase's checkpoints generate, a suite of any checkpoint, or anybody's clips."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mova_core.cli.model.evaluate_suite import SuiteOptions, with_workers
from mova_core.cli.model.setting_options import with_settings
from mova_core.options import Data, EngineName, ParamsFile, Workers
from mova_core.params.runtime import RUNTIME_SETTINGS, RuntimeParams
from mova_core.places import DATA, EVALUATIONS, PARAMS, DataFolder
from mova_core.sampling.settings import CLIP_SETTINGS, GenerateSettings

if TYPE_CHECKING:
    from mova_core.params import Params


@with_settings(RuntimeParams, RUNTIME_SETTINGS, "runtime")
@with_settings(GenerateSettings, CLIP_SETTINGS)
def evaluate(
    phase: Annotated[
        str | None,
        typer.Argument(help="audio, phase1, phase2 or phase3.", show_default="needed without --videos and --suite"),
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option("--checkpoint", help="With --suite: alias, checkpoint id or model folder.")
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite",
            help="Instead of a phase: generate and score these clips: synthetic, synthetic-compositions, verse-bench, "
            "multi-speaker, or a .jsonl file.",
        ),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            "--prompts",
            help="The prompts of verse-bench or multi-speaker; with --videos what its files were asked to be.",
        ),
    ] = None,
    images: Annotated[
        Path | None, typer.Option("--images", help="With --suite: a folder of first frames, NAME.png of each clip.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="With --suite or --sweep: at most so many clips of each set."),
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep",
            help="With --checkpoint: measure a suite at every combination of settings, such as "
            "bridge_guidance_scale=0,1,2. Several times.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", help="With --suite: generate share I of N alone, such as 1/4, and measure nothing."),
    ] = None,
    negative_prompt: Annotated[
        str | None, typer.Option("--negative-prompt", help="With --suite: what to stay away from.")
    ] = None,
    lora: Annotated[
        list[str] | None,
        typer.Option("--lora", help="With --suite: a LoRA adapter; =0.7 behind it is its weight. Several times."),
    ] = None,
    videos: Annotated[
        Path | None, typer.Option("--videos", help="Instead of a phase: score the video files of this folder.")
    ] = None,
    rewrite_prompt: Annotated[
        bool,
        typer.Option("--rewrite-prompt", help="With --suite: have the prompts rewritten, as `mova generate` does it."),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", help="With --videos or --suite: a folder of clips to compare with; same names are pairs."
        ),
    ] = None,
    transcripts: Annotated[
        Path | None,
        typer.Option("--transcripts", help="With --videos: who says what in each, as docs/speech.md says."),
    ] = None,
    params_file: ParamsFile = PARAMS,
    data: Data = DATA,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder of evaluations; with --videos or --suite the folder of this one.",
            show_default=f"{EVALUATIONS}; with --videos or --suite required",
        ),
    ] = None,
    engine: EngineName = "local",
    workers: Workers = 0,
    *,
    changes: dict[str, Any],
    runtime: dict[str, Any],
) -> dict[str, Any]:
    """Measure how well video, audio and text agree: of what checkpoints generate, or of any clips.

    PHASE generates a fixed suite from the kept checkpoints of its run, chooses the best by its gates, and writes
    metrics.json, candidates.json, sample clips and a plot of the Bridge guidance sweep to reports/evaluation/PHASE/.
    --videos measures files as they are, by every metric that can be measured here (docs/metrics.md), in worker
    processes under limits; --suite generates them first, with the options of `mova generate`. Each leaves
    report.html, a page of what was found; --sweep measures every point of a grid of settings and leaves OUT/sweep.html,
    with suggested defaults. A killed run of --videos, --suite or --sweep goes on where it was.

    What an option does not say of the device is as section generate of the params has it.

    Example: mova evaluate phase3 --device cuda

    Example: mova evaluate --videos clips --against other-clips --out scores

    Example: mova evaluate --checkpoint models/phase3 --suite synthetic-compositions --out scores

    Example: mova evaluate --checkpoint models/phase3 --sweep bridge_guidance_scale=0,1,2,3.5 --out sweep
    """
    from mova_core.errors import UsageError
    from mova_core.params import load_params

    of_suite = SuiteOptions(
        checkpoint, suite, prompts, images, limit, shard, negative_prompt, lora, rewrite_prompt, changes
    )
    if sweep and (phase or videos or against):
        raise UsageError("--sweep goes with --checkpoint REF, and measures no phase, --videos or --against")
    if sweep and (engine != "local" or workers):
        raise UsageError("--engine and --workers have no part in a sweep, which is measured where it is generated")
    if not sweep and [phase, videos, suite].count(None) != 2:
        raise UsageError(
            "name one of these: a phase (audio, phase1, phase2, phase3), a folder of clips (--videos DIR), or a suite "
            "to generate (--suite NAME)"
        )
    if transcripts is not None and videos is None:
        raise UsageError("--transcripts goes with --videos: what is generated is transcribed by params speech")
    params = load_params(params_file)
    params = params.model_copy(update={"generate": params.generate.changed(**runtime)})
    on = {name: getattr(params.generate, name) for name in RUNTIME_SETTINGS}
    if sweep:
        from mova_core.cli.model.evaluate_sweep import evaluate_sweep

        return evaluate_sweep(of_suite, sweep, out, data, on, params)
    if phase is None:
        from mova_core.curation.engine.base import Engine
        from mova_core.evaluation.scoring.scorer import Scorer

        def scorer() -> Scorer:
            return Scorer.of(params, Engine.choose(engine, workers))

    if suite is not None:
        from mova_core.evaluation.evaluate_suite import evaluate_suite
        from mova_core.evaluation.generating.clip_files import CLIPS_FOLDER

        run = of_suite.run(out, data, against, on)
        result = evaluate_suite(with_workers(run, Engine.choose(engine, workers), params), scorer)
        return result if run.shard is not None else _with_page(result, run.out, run.out / CLIPS_FOLDER)
    if videos is not None:
        if out is None:
            raise UsageError("--out is missing: name the folder that the scores are written to")
        replace(of_suite, prompts=None).refuse()
        from mova_core.evaluation.scoring.score import score
        from mova_core.evaluation.suites.suite_file import read_suite
        from mova_core.speech.transcript import read_transcripts

        asked = None if prompts is None else {item.name: item.asked for item in read_suite(prompts)}
        said = None if transcripts is None else read_transcripts(transcripts)
        return _with_page(score(scorer(), videos, out, asked=asked, transcripts=said, against=against), out, videos)
    of_suite.refuse()
    if against is not None:
        raise UsageError("--against goes with --videos or --suite: a phase is compared with its validation clips")
    return _phase(str(phase), params, data, out)


def _with_page(result: dict[str, Any], out: Path, folder: Path) -> dict[str, Any]:
    """The same with the page of the evaluation in `out`, whose clips lie in `folder`."""
    from mova_core.reporting.evaluation.page import write_page
    from mova_core.reporting.sweep_section import sweep_sections

    page = write_page(out, folder, sweep_sections(out, result["suite"].get("checkpoint_id")))
    return {**result, "page": str(page), "text": f"{result['text']}\nReport: {page}"}


def _phase(phase: str, params: "Params", data: Path, out: Path | None) -> dict[str, Any]:
    from mova_core.devices import check_there
    from mova_core.training.preflight import Places, check_trained
    from mova_core.training.recipe import phase_named

    chosen, reports = phase_named(phase), out or EVALUATIONS
    check_there(params.generate.devices)
    places = Places(DataFolder(data))
    check_trained(chosen, places)

    from mova_core.evaluation.candidates.evaluate_phase import evaluate_phase
    from mova_core.evaluation.evaluate import SAMPLES_FOLDER
    from mova_core.reporting.candidates_section import candidates_section
    from mova_core.reporting.charts.style import as_file
    from mova_core.reporting.charts.sweep import PLOT_FILE, sweep_chart
    from mova_core.reporting.evaluation.page import Section, write_page
    from mova_core.reporting.phase_reports import Evaluated, headline
    from mova_core.storage.atomic import write_text

    result = evaluate_phase(chosen, params, places, reports)
    evaluation, folder = Evaluated.model_validate(result), reports / phase
    sections = [candidates_section(folder)]
    if evaluation.sweep:
        chart = sweep_chart(evaluation)
        write_text(folder / PLOT_FILE, as_file(chart))
        sections.append(Section("sweep", "The Bridge guidance scale s_B", f"<figure>{chart}</figure>"))
    page = write_page(folder, folder / SAMPLES_FOLDER, sections)
    return {**result, "page": str(page), "text": headline(chosen, evaluation)}
