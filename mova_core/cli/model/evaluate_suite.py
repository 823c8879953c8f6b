"""Options of `mova evaluate --checkpoint REF --suite NAME`, checked in the first second."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mova_core.errors import UsageError

if TYPE_CHECKING:
    from mova_core.evaluation.evaluate_suite import SuiteRun
    from mova_core.evaluation.suites.named import PromptSuite


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """What the options ask for; None and empty: not given.

    Args:
        checkpoint: the model.
        suite: name or file.
        prompts: file of a suite that has no prompts of its own.
        images: folder of first frames.
        limit: clips of each set.
        shard: I/N.
        negative_prompt: of the unconditional forwards.
        lora: adapters, each with its weight behind an equals sign.
        rewrite_prompt: whether prompts are rewritten before.
        changes: fields of `GenerateSettings`.
    """

    checkpoint: str | None = None
    suite: str | None = None
    prompts: Path | None = None
    images: Path | None = None
    limit: int | None = None
    shard: str | None = None
    negative_prompt: str | None = None
    lora: list[str] | None = None
    rewrite_prompt: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)

    def refuse(self) -> None:
        """UsageError where one is given; of another mode."""
        named = {name: getattr(self, name) for name in self.__slots__ if name != "changes"} | dict(self.changes)
        for name, value in named.items():
            if value not in (None, [], False):
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} goes with a suite, whose clips are generated: name it by --suite")

    def run(self, out: Path | None, data: Path, against: Path | None, runtime: Mapping[str, Any]) -> "SuiteRun":
        """What they ask for.

        Args:
            out: folder of the evaluation.
            data: of training.
            against: other clips to compare with.
            runtime: fields of `RuntimeParams`.

        Raises:
            UsageError, StaleError: one sentence about the first thing that is wrong.
        """
        if self.suite is None or self.checkpoint is None:
            raise UsageError("--suite goes with --checkpoint REF, which generates its clips: give both")
        if out is None:
            raise UsageError("--out is missing: name the folder that clips and scores are written to")
        from mova_core.cli.registry.checkpoint_reference import resolve_checkpoint
        from mova_core.evaluation.evaluate_suite import SuiteRun
        from mova_core.evaluation.suites.clip_files import Generation
        from mova_core.evaluation.suites.parts import Shard
        from mova_core.model.lora.lora_file import parse_wanted
        from mova_core.places import DataFolder
        from mova_core.prompting.rewrite import PromptRewriter

        shard = None if self.shard is None else Shard.parse(self.shard)
        if shard is not None and against is not None:
            raise UsageError("--against compares scores, and a shard is not measured: leave one out")
        loras = [parse_wanted(word) for word in self.lora or ()]
        generation = Generation(dict(self.changes), self.negative_prompt or "", loras, dict(runtime))
        suite, folder = self._suite(), resolve_checkpoint(self.checkpoint)
        rewriter = PromptRewriter.from_environment() if self.rewrite_prompt else None
        images = self.images is not None
        return SuiteRun(suite, folder, generation, out, images, shard, DataFolder(data), against, rewriter)

    def _suite(self) -> "PromptSuite":
        from mova_core.evaluation.suites.first_frames import with_first_frames
        from mova_core.evaluation.suites.named import load_suite
        from mova_core.evaluation.suites.parts import first_of_each_set

        suite = load_suite(str(self.suite), self.prompts)
        items = suite.items if self.limit is None else first_of_each_set(suite.items, self.limit)
        return replace(suite, items=items if self.images is None else with_first_frames(items, self.images))
