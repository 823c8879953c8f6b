"""The suites by name, and any other by its file."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mova_core.errors import UsageError
from mova_core.evaluation.catalogue import SYNTHETIC
from mova_core.evaluation.suites.compositions import compositions
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.evaluation.suites.suite import synthetic_suite
from mova_core.evaluation.suites.suite_file import LINES_SUFFIX, VERSE_BENCH_SUFFIX, read_suite
from mova_core.evaluation.suites.verse_bench import read_verse_bench
from mova_core.measures.clip import Asked
from mova_core.params.evaluation import EvaluateParams
from mova_core.sampling.request.wanted import Wanted
from mova_core.storage.hashing import sha256_json


@dataclass(frozen=True, slots=True)
class PromptSuite:
    """A suite whose clips are files.

    Args:
        name: one of those below, or the file's.
        items: its clips, in its order.
    """

    name: str
    items: tuple[SuiteItem, ...]

    @property
    def asked(self) -> Mapping[str, Asked]:
        """What each clip was asked to be, by its name."""
        return {item.name: item.asked for item in self.items}

    def described(self) -> dict[str, Any]:
        """As it stands in results; the sha256 is of all that the items say but the bytes of given files."""
        return {"name": self.name, "clips": len(self.items), "sha256": sha256_json(*map(_plain, self.items))}


def _synthetic() -> tuple[SuiteItem, ...]:
    suite = synthetic_suite(EvaluateParams())
    rows = zip(suite.prompts, suite.labels, suite.seeds, strict=True)
    return tuple(
        SuiteItem(Wanted(f"{label}-{seed}", prompt, seed), Asked(prompt=prompt, label=label))
        for prompt, label, seed in rows
    )


def _multi_speaker(path: Path) -> tuple[SuiteItem, ...]:
    items = read_suite(path)
    for item in items:
        speakers = set() if item.asked.speech is None else set(item.asked.speech.by_speaker)
        if len(speakers) < 2:
            raise UsageError(
                f"{path}: clip {item.name} has {len(speakers)} speakers in its speech, expected 2 or more in suite "
                "multi-speaker: name who says what"
            )
    return items


BUILT_IN: dict[str, Callable[[], tuple[SuiteItem, ...]]] = {
    SYNTHETIC: _synthetic,
    "synthetic-compositions": compositions,
}
FROM_FILE: dict[str, Callable[[Path], tuple[SuiteItem, ...]]] = {
    "verse-bench": read_verse_bench,
    "multi-speaker": _multi_speaker,
}


def load_suite(reference: str, prompts: Path | None) -> PromptSuite:
    """The suite that a name or a file stands for.

    Args:
        reference: a name, or the path of a file.
        prompts: the file that holds the prompts of a suite that has none of its own.

    Raises:
        UsageError: no such suite, a file that it needs or has no use for, or one that is wrong.
    """
    if reference in FROM_FILE:
        if prompts is None:
            raise UsageError(f"suite {reference} has no prompts of its own: give them by --prompts FILE")
        return PromptSuite(reference, FROM_FILE[reference](prompts))
    if prompts is not None:
        raise UsageError(f"--prompts goes with suite {' or '.join(FROM_FILE)}: name the file as --suite {prompts}")
    if reference in BUILT_IN:
        return PromptSuite(reference, BUILT_IN[reference]())
    if reference.endswith((LINES_SUFFIX, VERSE_BENCH_SUFFIX)):
        return PromptSuite(Path(reference).stem, read_suite(Path(reference)))
    names = ", ".join((*BUILT_IN, *FROM_FILE))
    raise UsageError(f"--suite is {reference!r}, expected {names} or a {LINES_SUFFIX} file")


def _plain(item: SuiteItem) -> dict[str, Any]:
    asked, wanted = asdict(item.asked), item.wanted
    speech = item.asked.speech
    asked["speech"] = None if speech is None else speech.model_dump(mode="json")
    given = wanted.given.asked | {name: file.name for name, file in wanted.given.files.items()}
    return {"name": wanted.name, "prompt": wanted.prompt, "seed": wanted.seed, "given": given, "asked": asked}
