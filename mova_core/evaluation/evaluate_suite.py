"""`mova evaluate --checkpoint REF --suite NAME`: generate the clips of a suite, then measure them.

    OUT/clips/          see `generating/clip_files.py`
    OUT/metrics.json    see `scoring/score.py`; the suite's entry says how its clips were generated
The two are apart: a rerun generates and measures what is missing. A shard generates alone, for its clips are a part.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mova_core.evaluation.generating.clip_files import CLIPS_FOLDER, Generated, Workers, generate_clips
from mova_core.evaluation.generating.generation import Generation
from mova_core.evaluation.generating.rewritten import with_rewritten_prompts
from mova_core.evaluation.scoring.score import score
from mova_core.evaluation.scoring.scorer import Scorer
from mova_core.evaluation.suites.first_frames import without_first_frame
from mova_core.evaluation.suites.held_out import captions_of, overlap
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.evaluation.suites.named import PromptSuite
from mova_core.evaluation.suites.parts import Shard
from mova_core.places import DataFolder
from mova_core.prompting.rewrite import PromptRewriter
from mova_core.registry.manifests import checkpoint_id_of

NAMED = 5  # clips that a warning names


@dataclass(frozen=True, slots=True)
class SuiteRun:
    """What is to be evaluated.

    Args:
        suite: its clips, first frames included.
        folder: of the model.
        generation: how its clips are generated.
        out: folder of the evaluation.
        images: whether first frames were given, so that a clip without one is told.
        shard: the share that is generated here, without measuring; None: all, and they are measured.
        data: what the model may have been trained on.
        against: another folder of clips of the same names.
        rewriter: rewrites the prompts before; None: they are used as they are.
        workers: that generate; None: this process does.
    """

    suite: PromptSuite
    folder: Path
    generation: Generation
    out: Path
    images: bool = False
    shard: Shard | None = None
    data: DataFolder = field(default_factory=DataFolder)
    against: Path | None = None
    rewriter: PromptRewriter | None = None
    workers: Workers | None = None


def evaluate_suite(run: SuiteRun, scorer: Callable[[], Scorer]) -> dict[str, Any]:
    """Generate what is missing of the suite's clips, and measure all.

    Args:
        run: what is to be evaluated.
        scorer: makes what measures; called before anything is generated, so that params are refused then.

    Returns:
        What metrics.json holds; of a shard what was generated; with `text`.

    Raises:
        UsageError, StaleError, MovaError: see `generate_clips` and `score`.
    """
    measuring = None if run.shard is not None else scorer()
    bare = without_first_frame(run.suite.items) if run.images else []
    if bare:
        _warn(f"{len(bare)} of {len(run.suite.items)} clips have no first frame and are of text alone: {_some(bare)}")
    checkpoint_id, shard = checkpoint_id_of(run.folder), run.shard or Shard()
    items, rewriting = shard.of(run.suite.items), dict[str, Any]()
    if run.rewriter is not None:
        items, reasons = with_rewritten_prompts(items, run.generation.request(run.folder).index, run.rewriter)
        rewriting = {"rewritten": len(items) - len(reasons), "not_rewritten": reasons}
    generated = generate_clips(items, run.folder, checkpoint_id, run.out, run.generation, run.workers)
    for warning in generated.warnings:
        _warn(warning)
    if generated.failed:
        name, reason = next(iter(generated.failed.items()))
        _warn(f"{len(generated.failed)} of {len(items)} clips could not be generated, such as {name}: {reason}")
    facts = run.suite.described() | _facts(run, checkpoint_id, generated, items) | rewriting
    if measuring is None:
        return {"suite": facts, "kept": generated.kept, "text": _shard_told(generated, shard)}
    clips = run.out / CLIPS_FOLDER
    return score(measuring, clips, run.out, asked=run.suite.asked, against=run.against, suite=facts)


def _facts(run: SuiteRun, checkpoint_id: str, generated: Generated, items: Sequence[SuiteItem]) -> dict[str, Any]:
    """What results say of how the clips were generated: the same on every rerun."""
    request = generated.request
    return {
        "checkpoint_id": checkpoint_id,
        "loras": [asdict(lora) for lora in request.loras],
        "negative_prompt": request.negative_prompt,
        "settings": request.settings.model_dump(mode="json"),
        "in_training_captions": overlap((item.wanted.prompt for item in items), captions_of(run.data)),
        "without_first_frame": without_first_frame(items) if run.images else [],
        "failed": dict(generated.failed),
        "reseeded": dict(generated.reseeded),
        "collapsed": list(generated.collapsed),
    }


def _shard_told(generated: Generated, shard: Shard) -> str:
    made = generated.clips - generated.kept - len(generated.failed)
    failed = f", {len(generated.failed)} cannot be generated" if generated.failed else ""
    return (
        f"shard {shard.number}/{shard.count}: {generated.clips} clips, {made} generated, {generated.kept} were there"
        f"{failed}; run the same without --shard to measure once all shards are done"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")


def _warn(warning: str) -> None:
    print(f"warning: {warning}", file=sys.stderr)
