"""What DVC says there is to do: the stages of dvc.yaml in DVC's own order, and which of them may have changed.

The one place that asks; `dvc.yaml` stays the only list of stages. DVC is imported inside, where it is asked.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mova_core.errors import UsageError

if TYPE_CHECKING:
    from dvc.repo import Repo

CODE_VERSIONS = "code_versions"  # the stage that numbers the code of all others; made before DVC is asked


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of dvc.yaml.

    Args:
        name: as on DVC's command line, such as `encode@nano-32`.
        unchanged: neither it nor anything upstream of it has changed, so it is not asked again.
        why: what has changed, for a person; empty when only something upstream has.
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
    from dvc.repo.reproduce import get_active_graph, plan_repro

    try:
        with Repo() as repo:
            _number_code(repo)
            graph = get_active_graph(repo.index.graph)
            targets = [stage for stage in graph if until in ("", stage.addressing, stage.addressing.partition("@")[0])]
            if not targets:
                raise UsageError(f"dvc.yaml has no stage {until!r}, it has {', '.join(s.addressing for s in graph)}")
            status = repo.status()
            changed: set[str] = set()
            stages = []
            for stage in plan_repro(graph, targets):
                upstream = {other.addressing for other in graph.successors(stage)}  # DVC's arrows point upstream
                if stage.addressing in status or upstream & changed:
                    changed.add(stage.addressing)
                if not stage.is_data_source and stage.addressing != CODE_VERSIONS:
                    why = _sentence(status.get(stage.addressing, []))
                    stages.append(Stage(stage.addressing, stage.addressing not in changed, why))
            return stages
    except DvcException as error:
        raise UsageError(f"{' '.join(str(error).split())} (asked DVC what has changed)") from None


def _number_code(repo: "Repo") -> None:
    """Bring each stage's number of its code up to date, so that DVC knows what a change of code changes."""
    if any(stage.addressing == CODE_VERSIONS for stage in repo.index.stages):
        repo.reproduce([CODE_VERSIONS])


def _sentence(changes: list[str | dict[str, dict[str, str]]]) -> str:
    """`in.txt modified, out.txt deleted` of DVC's nested status."""
    words = []
    for change in changes:
        if isinstance(change, str):
            words.append(change)  # such as "changed command"
            continue
        for things in change.values():
            words += [f"{thing} {_flat(how)}" for thing, how in things.items()]
    return ", ".join(words)


def _flat(how: str | dict[str, str]) -> str:
    return how if isinstance(how, str) else " and ".join(f"{key} {value}" for key, value in how.items())
