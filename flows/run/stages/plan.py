"""What DVC says there is to do: the stages of dvc.yaml in DVC's own order, and which of them may have changed.

`dvc.yaml` stays the only list of stages. Asked are `dvc repro --dry --force` (which stages there are, in their order)
and `dvc status` (which of them have changed), in Python. DVC is imported inside, where it is asked.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from mova_core.errors import UsageError

CODE_VERSIONS = "code_versions"  # the stage that numbers the code of all others; made before DVC is asked


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of dvc.yaml.

    Args:
        name: as on DVC's command line, such as `encode@nano-32`.
        unchanged: no stage up to it, itself included, has changed, so DVC need not be asked again. Behind the first
            changed stage DVC decides, once its turn has come.
        why: what has changed, for a person; empty where DVC knows of nothing yet.
    """

    name: str
    unchanged: bool
    why: str = ""

    @property
    def group(self) -> str:
        """`encode` of `encode@nano-32`: the command, the params section, the word in dvc.yaml."""
        return self.name.partition("@")[0]


def plan(until: str) -> list[Stage]:
    """The stages that `dvc repro UNTIL` would look at, in the order it would.

    Args:
        until: a stage, the name that several share (`encode`), or "" for all.

    Raises:
        UsageError: no DVC project here, dvc.yaml or params.yaml is not understood, or it has no such stage.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo() as repo:
            _number_code(repo)
            names = _in_order(repo, "")
            if until:
                stages = [name for name in names if _is_shown(name)]
                if until not in stages and until not in {name.partition("@")[0] for name in stages}:
                    raise UsageError(f"dvc.yaml has no stage {until!r}, it has {', '.join(stages)}")
                names = _in_order(repo, until)
            status = repo.status()
    except DvcException as error:
        raise UsageError(f"{' '.join(str(error).split())} (asked DVC what has changed)") from None
    unchanged = set(takewhile(lambda name: name not in status, names))
    return [Stage(name, name in unchanged, _sentence(status.get(name, []))) for name in names if _is_shown(name)]


def _in_order(repo: Any, until: str) -> list[str]:
    return [stage.addressing for stage in repo.reproduce(until or None, dry=True, force=True)]


def _number_code(repo: Any) -> None:
    """Bring the number of each stage's code up to date, so that DVC knows what a change of code changes."""
    from dvc.stage.exceptions import StageNotFound

    with suppress(StageNotFound):
        repo.reproduce(CODE_VERSIONS)


def _is_shown(name: str) -> bool:
    """Neither a file that `dvc add` wrote, such as data/footage.dvc, nor the stage that numbers the code."""
    return not name.endswith(".dvc") and name != CODE_VERSIONS


def _sentence(changes: Sequence[str | Mapping[str, Mapping[str, Any]]]) -> str:
    """`in.txt modified, out.txt deleted` of DVC's nested status."""
    words = []
    for change in changes:
        if isinstance(change, str):
            words.append(change)  # such as "changed command"
            continue
        for things in change.values():
            words += [f"{thing} {_flat(how)}" for thing, how in things.items()]
    return ", ".join(words)


def _flat(how: str | Mapping[str, str]) -> str:
    return how if isinstance(how, str) else " and ".join(f"{key} {value}" for key, value in how.items())
