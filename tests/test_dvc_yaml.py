"""dvc.yaml names what each stage reads: params, tables and folders, found in the code that the stage runs."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx
import pytest
import yaml
from dvc.repo import Repo
from dvc.stage import Stage

from mova_core.params import Params
from mova_core.places import PLOTS, RUNS
from mova_core.storage import code_version
from mova_core.storage.code_version import closure, entries_of
from mova_core.training.monitor.plots import FILES
from mova_core.training.recipe import PHASES

REPOSITORY = Path(__file__).parents[1]
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # between two libraries of DVC's own

COMMANDS = ("mova_core/curation/{}/command.py", "mova_core/cli/*/{}.py")  # where a stage's command lies
PARAMS_ARE_CALLED = ("params", "values", "checked_params")
PROPERTIES = {"clip_geometry": "preset", "geometries": "preset"}  # of Params -> what they are worked out from
NO_RESULT = [  # params that a stage reads and no result depends on
    "ingest.footage",  # where the footage lies; what is in it is named by sources, which all stages come after
    "caption.requests",  # how fast models are asked
    "train.activation_checkpointing",  # what is computed again is the same
    "train.monitor",  # what is shown of a training
    "train.launch",  # where processes are started
    "train.parallel",  # the last bits alone
]
NOT_ASKED = ("code_versions", "package")  # read the code itself: the one its syntax, the other as what it packs
# Modules that these stages import for something else than what reads the params or the table.
NOT_RUN = {
    "mova_core.training.preflight": ("evaluate", "select"),
    "mova_core.curation.assess.stage": ("report", "contract"),
    "mova_core.evaluation.evaluate": ("select",),
    "mova_core.evaluation.suites": ("select",),
    "mova_core.speech": ("select", "report", "contract"),
}


@cache
def graph() -> networkx.DiGraph:
    with Repo(REPOSITORY) as repo:
        return repo.index.graph  # arrows point upstream


@cache
def stages() -> dict[str, Stage]:
    return {stage.addressing: stage for stage in graph() if stage.addressing not in NOT_ASKED}


@cache
def outs_known_to(name: str) -> frozenset[str]:
    """Paths that a stage makes or that are made before it."""
    stage = stages()[name]
    return frozenset(out.def_path for each in [stage, *networkx.descendants(graph(), stage)] for out in each.outs)


def modules_of(name: str) -> list[Path]:
    """The files that a stage runs: its command's and the closure of its entry."""
    stage = name.partition("@")[0]
    modules = {
        module
        for module in closure(entries_of(name))
        if not any(module.startswith(other) and stage in NOT_RUN[other] for other in NOT_RUN)
    }
    commands = (path for place in COMMANDS for path in REPOSITORY.glob(place.format(stage)))
    return [*commands, *(path for module in sorted(modules) if (path := code_version._file(module)) is not None)]


def chain_of(node: ast.AST) -> list[str]:
    """`a.b.c` as its names; empty for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else []


def params_read(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        first, *names = chain_of(node) or [""]
        if first in PARAMS_ARE_CALLED and names:
            if names[0] in PROPERTIES:
                yield PROPERTIES[names[0]]
            elif names[0] in Params.model_fields:
                yield ".".join(names)


def places_read(tree: ast.AST) -> Iterator[str]:
    """Tables and folders below data/ and models/ that functions name through a DataFolder."""
    outs = {Path(out) for name in stages() for out in outs_known_to(name)}
    tables = {out.stem for out in outs if out.parent == Path("data") and out.suffix == ".parquet"}
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        nodes = list(ast.walk(function))
        chains = [chain_of(node) for node in nodes]
        used = {chain[-1] for chain in chains if len(chain) > 1 and chain[-2] == "data"}
        yield from ("data/clips" for _ in used & {"clips"})
        yield from ("models/codec" for _ in used & {"codec"})
        yield from ("data/latents" for _ in used & {"latents"})
        if "table" in used:
            strings = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
            yield from (f"data/{name}.parquet" for name in strings & tables)


def is_named(value: str, names: list[str], separator: str) -> bool:
    """Whether a name is the value, holds it, or is a part of it."""
    return any(f"{value}{separator}".startswith(f"{name}{separator}") for name in names) or any(
        name.startswith(f"{value}{separator}") for name in names
    )


@pytest.mark.parametrize("name", sorted(stages()))
def test_a_stage_names_the_params_that_it_reads(name: str) -> None:
    named = [param for dep in stages()[name].deps if dep.def_path == "params.yaml" for param in dep.params]
    read = {param: path for path in modules_of(name) for param in params_read(ast.parse(path.read_text()))}
    where = {param: str(path) for param, path in read.items() if not is_named(param, [*named, *NO_RESULT], ".")}
    assert where == {}, f"{name} reads params that dvc.yaml does not name"


@pytest.mark.parametrize("name", sorted(stages()))
def test_a_stage_comes_after_what_makes_the_tables_and_folders_that_it_reads(name: str) -> None:
    made = sorted(outs_known_to(name))
    read = {place: path for path in modules_of(name) for place in places_read(ast.parse(path.read_text()))}
    where = {place: str(path) for place, path in read.items() if not is_named(place, made, "/")}
    assert where == {}, f"{name} reads what no stage before it makes"


def test_the_code_is_searched_for_what_it_reads() -> None:
    """What the two tests above go by finds the reads that are known."""
    code = """
def run(params, data):
    size = params.clip_geometry
    rows = {name: data.table(name) for name in ("clips", "windows")}
    return params.cut.crf, data.clips, places.data.codec
"""
    tree = ast.parse(code)
    assert {"preset", "cut.crf"} <= set(params_read(tree))
    read = {"data/clips.parquet", "data/windows.parquet", "data/clips", "models/codec"}
    assert set(places_read(tree)) == read


def test_plots_are_of_columns_that_training_writes() -> None:
    plots = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["plots"]
    drawn = {(Path(path), column) for plot in plots for each in plot.values() for path, column in each["y"].items()}
    for path, column in drawn:
        assert path.parent == RUNS / path.parts[1] / PLOTS and path.parts[1] in PHASES
        assert column in FILES[path.name]
    video = {path.parts[1] for path, column in drawn if column == "video"}
    assert video == {name for name, phase in PHASES.items() if phase.joint}
