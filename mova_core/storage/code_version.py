"""Which code a stage's results depend on, as one hash: the import closure of its entry module over this project.

    python -m mova_core.storage.code_version FILE    writes {stage: hash}, for DVC (its stage `code_versions`)

DVC compares a stage's hash with that of its last run, and the result cache is keyed by the same one. A module counts by
its syntax tree without docstrings, so comments, docstrings and formatting change nothing; a file that it reads from its
own folder (a template) counts by its bytes. Followed are imports at any depth of a file, the `__init__` of packages on
the way, modules named by a string ("mova_core.x.y" or "mova_core.x.y:name"), and of a package that imports lazily, by a
table {name: module}, what is imported from it. Other libraries are not followed: requirements.lock pins them.
"""

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mova_core.storage.atomic import write_text

ROOT = Path(__file__).parents[2]
PACKAGES = ("mova_core", "data_contracts", "services", "flows")

# Where the closure ends, and why. A module below is left out with all that only it imports.
NOT_FOLLOWED = {
    "mova_core.params": "the values are dependencies of their own, of DVC's stages and in the result cache's keys",
    "mova_core.progress": "shows how far a stage is; no result comes from it",
    "mova_core.training.monitor": "shows how a training goes; no weight comes from it",
    "mova_core.curation.engine": "decides where a stage's function runs; the result must be the same everywhere",
    "mova_core.places": "says where files lie, not what is in them; dvc.yaml names the same paths",
    "mova_core.storage": "keeps and checks bytes that others make",
}

# The module that a stage starts in. Each stage of curation is a folder mova_core/curation/STAGE with a stage.py.
ENTRIES = {
    "train": ("mova_core.training.loop",),
    "evaluate": (
        *("mova_core.evaluation.candidates.evaluate_phase", "mova_core.reporting.evaluation.page"),
        *("mova_core.reporting.charts.sweep", "mova_core.reporting.candidates_section"),
    ),
    "select": ("mova_core.evaluation.select",),
    "package": ("mova_core.*", "services.*"),  # a Bento holds a copy of both, whole
    "report": ("mova_core.reporting.report",),
}
CONTRACT = "data_contracts.check"  # judges each table of data_contracts/tables

MODULE_NAME = re.compile(rf"(?P<module>(?:{'|'.join(PACKAGES)})(?:\.\w+)+)(?::\w+)?")


@dataclass(frozen=True, slots=True)
class _Source:
    """What one file of Python holds.

    Args:
        digest: of its syntax tree and of the files beside it that it names.
        imports: (module, name imported from it or "") of each import.
        lazy: name -> module, of a package that imports on demand.
    """

    digest: str
    imports: tuple[tuple[str, str], ...]
    lazy: dict[str, str]


@cache
def stage_version(stage: str) -> str:
    """Hash of the code of one stage.

    Args:
        stage: as in dvc.yaml; what a stage is repeated for (`encode@nano-32`) makes no difference, but for contracts.
    """
    return code_version(*entries_of(stage))


def entries_of(stage: str) -> tuple[str, ...]:
    """The modules that a stage starts in.

    Raises:
        ValueError: there is no such stage.
    """
    name, _, item = stage.partition("@")
    if name == "contract":
        return (CONTRACT, f"data_contracts.tables.{item}")
    if name in ENTRIES:
        return ENTRIES[name]
    entry = f"mova_core.curation.{name}.stage"
    if _file(entry) is None:
        raise ValueError(f"stage {stage!r} has no entry module: make {entry}, or name it in {__name__}.ENTRIES")
    return (entry,)


def code_version(*entries: str) -> str:
    """Hash of the import closure of some modules; `package.*` stands for a package and everything in it."""
    digests = [f"{module} {_source(module).digest}" for module in sorted(closure(entries))]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def closure(entries: Iterable[str]) -> set[str]:
    """The modules that some modules import, directly or not, themselves included."""
    reached: set[str] = set()
    waiting: list[str] = []
    for entry in entries:
        waiting += _all_in(entry.removesuffix(".*")) if entry.endswith(".*") else [entry]
    while waiting:
        module = waiting.pop()
        if module in reached:
            continue
        reached.add(module)
        found = {each for imported in _source(module).imports for each in _modules_of(*imported)}
        waiting += [each for each in found if not _is_left_out(each)]
    return reached


def _is_left_out(module: str) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in NOT_FOLLOWED)


def _modules_of(module: str, name: str) -> Iterator[str]:
    """The modules that run when `name` is imported from `module`."""
    parts = module.split(".")
    yield from (each for end in range(1, len(parts) + 1) if _file(each := ".".join(parts[:end])) is not None)
    if name and _file(f"{module}.{name}") is not None:
        yield f"{module}.{name}"
    elif name and _file(module) is not None and name in (lazy := _source(module).lazy):
        yield from _modules_of(lazy[name], "")


@cache
def _file(module: str) -> Path | None:
    """Where a module of this project lies; None for any other."""
    if module.partition(".")[0] not in PACKAGES:
        return None
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _all_in(package: str) -> list[str]:
    files = ROOT.joinpath(*package.split(".")).rglob("*.py")
    modules = (file.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for file in files)
    return [module.removesuffix(".__init__") for module in modules]


@cache
def _source(module: str) -> _Source:
    path = _file(module)
    assert path is not None, module
    return parse(path.read_text(encoding="utf-8"), path)


def parse(text: str, path: Path) -> _Source:
    """A module's digest and imports.

    Args:
        text: its source.
        path: where it lies: relative imports start there, and the files that it names lie beside it.
    """
    tree = ast.parse(text)
    syntax, imports, strings = _Syntax(), list[tuple[str, str]](), list[str]()
    for node in syntax.nodes(tree):
        imports += _imported(node, path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.append(node.value)
    lazy: dict[str, str] = {}
    if path.name == "__init__.py":  # its table of modules says what it would import when asked
        lazy = dict(pair for node in ast.walk(tree) if isinstance(node, ast.Dict) for pair in _named_modules(node))
    else:
        imports += [(match["module"], "") for text in strings if (match := MODULE_NAME.fullmatch(text))]
    digest = hashlib.sha256("\0".join(syntax.words).encode())
    for file in _files_named(path.parent, strings):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return _Source(digest.hexdigest(), tuple(dict.fromkeys(imports)), lazy)


class _Syntax:
    """Reads a syntax tree as a list of words, the same for every Python and every way of writing the same."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def nodes(self, node: ast.AST) -> Iterator[ast.AST]:
        """Every node that has an effect, each after its words."""
        if _has_no_effect(node):
            return
        self.words.append(type(node).__name__)
        yield node
        for field, value in ast.iter_fields(node):
            if value is None or value == []:  # some versions of Python have fields that others have not
                continue
            self.words.append(field)
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, ast.AST):
                    yield from self.nodes(each)
                else:
                    self.words.append(repr(each))
        self.words.append(")")


def _has_no_effect(node: ast.AST) -> bool:
    """Docstrings, and what only a type checker reads."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imported(node: ast.AST, path: Path) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import):
        yield from ((alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        if node.level:
            package = path.parents[node.level - 1].relative_to(ROOT).as_posix().replace("/", ".")
            module = f"{package}.{module}".rstrip(".")
        yield from ((module, alias.name) for alias in node.names)


def _named_modules(table: ast.Dict) -> Iterator[tuple[str, str]]:
    for pair in zip(table.keys, table.values, strict=True):
        name, module = (each.value if isinstance(each, ast.Constant) else None for each in pair)
        if isinstance(name, str) and isinstance(module, str) and MODULE_NAME.fullmatch(module):
            yield name, module


def _files_named(folder: Path, strings: Iterable[str]) -> list[Path]:
    """Files beside a module, other than code, that a string in it names, or that lie in a folder so named."""
    beside = {
        path.name: path
        for path in folder.iterdir()
        if path.suffix != ".py" and not (path / "__init__.py").is_file() and path.name != "__pycache__"
    }
    named = {beside[string] for string in strings if string in beside}
    files = [each for path in named for each in (path.rglob("*") if path.is_dir() else [path])]
    return sorted(each for each in files if each.is_file())


def all_versions() -> dict[str, str | dict[str, str]]:
    """Stage -> its hash; of `contract` table -> hash."""
    stages = [path.parent.name for path in (ROOT / "mova_core/curation").glob("*/stage.py")]
    tables = [path.stem for path in (ROOT / "data_contracts/tables").glob("[!_]*.py")]
    versions: dict[str, str | dict[str, str]] = {stage: stage_version(stage) for stage in sorted([*stages, *ENTRIES])}
    return versions | {"contract": {table: stage_version(f"contract@{table}") for table in sorted(tables)}}


if __name__ == "__main__":
    write_text(Path(sys.argv[1]), json.dumps(all_versions(), indent=1) + "\n")
