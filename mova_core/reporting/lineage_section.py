"""Lineage for the page: from the packaged clip back to its footage, long lists cut short, with links to what is there.

The registry's rows are a record of the folders, so they are made again in memory: the page needs no registry, and the
same folders give the same page whatever was promoted since. Without a package the last selected model is traced, and
without one the last evaluation.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import MovaError
from mova_core.model.pretrained.index import read_json
from mova_core.places import BENTO, EVALUATIONS, MODELS, SMOKE_CLIP
from mova_core.registry.database.base import Base
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Checkpoint, Run
from mova_core.registry.lineage.lineage import Node, lineage
from mova_core.registry.manifests import METRICS_FILE, REFERENCE_FILE, SELECTION_FILE
from mova_core.registry.sync import sync
from mova_core.reporting.phase_reports import PhaseReport
from mova_core.reporting.wording import plural
from mova_core.storage.manifest import MANIFEST_FILE

SHORT_DIGITS, OPEN_DEPTH = 12, 4
LISTED = 5  # of files, and of the clips of a file; the rest is counted


@dataclass(frozen=True, slots=True)
class Branch:
    """One node as it is shown.

    Args:
        node: kind, name, hash and note.
        href: from the page to the file, if it is there.
        before: what it came from.
        open: whether what it came from is shown before a click.
        more: what was left out, in words.
    """

    node: Node
    href: str | None
    before: tuple["Branch", ...]
    open: bool = True
    more: str | None = None

    @property
    def short_sha256(self) -> str:
        return (self.node.sha256 or "")[:SHORT_DIGITS]


@dataclass(frozen=True, slots=True)
class Lineage:
    """The tree, or why there is none."""

    tree: Branch | None
    unavailable: str | None = None

    @property
    def start(self) -> str:
        """Where the tree starts, in words."""
        if self.tree is not None and self.tree.node.kind == "clip":
            return "From the clip that the packaged service answers with, byte for byte,"
        return f"Nothing is packaged yet: from the {self.tree.node.kind if self.tree else 'nothing'}"

    @property
    def command(self) -> str:
        """What prints the same."""
        packaged = self.tree is not None and self.tree.node.kind == "clip"
        return f"mova registry lineage {self.tree.node.name}" if packaged and self.tree else "mova registry lineage"


def trace_lineage(project: Path, footage: str, phases: Sequence[PhaseReport], page: Path) -> Lineage:
    """Trace the project's newest result.

    Args:
        project: its folder.
        footage: where the footage lies, as in params.yaml.
        phases: of `read_phases`.
        page: the page that links.
    """
    reference = _newest(project, phases)
    if reference is None:
        return Lineage(None, "no phase is evaluated yet")
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    try:
        sync(engine, project)
        with reading(engine) as session:
            tree = _with_bento(lineage(session, reference, project), project)
            links = _Links(project, footage, page, _folders(session))
            return Lineage(_branch(tree, links, 0))
    except MovaError as error:
        return Lineage(None, str(error))
    finally:
        engine.dispose()


@dataclass(frozen=True, slots=True)
class _Links:
    """Where nodes lie: `folders` are manifests of runs and checkpoints by name."""

    project: Path
    footage: str
    page: Path
    folders: Mapping[str, str]

    def to(self, node: Node) -> str | None:
        """Address relative to the page; None if nothing is there, or it lies outside the project."""
        name = f"{self.footage}/{node.name}" if node.kind == "file" else self.folders.get(node.name, node.name)
        if not name or os.path.isabs(name) or ".." in Path(name).parts or not os.path.exists(self.project / name):
            return None
        return quote(Path(os.path.relpath(self.project / name, self.page.parent)).as_posix())


def _newest(project: Path, phases: Sequence[PhaseReport]) -> str | None:
    if (project / SMOKE_CLIP).is_file():
        return SMOKE_CLIP.as_posix()
    for each in reversed(phases):
        if each.selection is not None and each.selection.passed:
            return (MODELS / each.phase.name).as_posix()
    evaluated = next((each for each in reversed(phases) if each.evaluation is not None), None)
    return None if evaluated is None else (EVALUATIONS / evaluated.phase.name / METRICS_FILE).as_posix()


def _with_bento(node: Node, project: Path) -> Node:
    """Put the Bento between its clip and its checkpoint."""
    path = project / BENTO / REFERENCE_FILE
    if node.kind != "clip" or not path.is_file():
        return node
    reference = read_json(path)
    if node.sha256 != reference["smoke"]["sha256"]:
        return replace(node, note="changed since it was packaged")
    request = ", ".join(f"{key} {value}" for key, value in reference["smoke"]["request"].items())
    bento = Node("bento", reference["tag"], reference["manifest_sha256"], "serves this clip", node.came_from)
    return replace(node, note=request, came_from=[bento])


def _folders(session: Session) -> dict[str, str]:
    found = {run.run_id: f"{run.path}/{MANIFEST_FILE}" for run in session.scalars(sa.select(Run))}
    for checkpoint in session.scalars(sa.select(Checkpoint)):
        if checkpoint.model_path is not None:
            found[checkpoint.checkpoint_id] = f"{checkpoint.model_path}/{SELECTION_FILE}"
        elif checkpoint.path is not None:
            found[checkpoint.checkpoint_id] = f"{checkpoint.path}/{MANIFEST_FILE}"
    return found


def _branch(node: Node, links: _Links, depth: int) -> Branch:
    files = [one for one in node.came_from if one.kind == "file"]
    before = [_branch(one, links, depth + 1) for one in node.came_from if one.kind != "file"]
    if files:
        before.append(_footage(node, files, links, depth + 1))
    return Branch(node, links.to(node), tuple(before), depth < OPEN_DEPTH)


def _footage(of: Node, files: Sequence[Node], links: _Links, depth: int) -> Branch:
    count, clips = max(of.files, len(files)), of.clips
    shown = tuple(_file(file, links, depth + 1) for file in files[:LISTED])
    node = Node("footage", plural(count, "file"), note=f"{plural(clips, 'clip')} cut from them" if clips else "")
    return Branch(node, None, shown, depth < OPEN_DEPTH, _rest(count, "file"))


def _file(file: Node, links: _Links, depth: int) -> Branch:
    shown = tuple(Branch(clip, None, ()) for clip in file.came_from[:LISTED])
    return Branch(file, links.to(file), shown, depth < OPEN_DEPTH, _rest(file.clips, "clip"))


def _rest(count: int, what: str) -> str | None:
    return f"and {plural(count - LISTED, f'more {what}')}" if count > LISTED else None
