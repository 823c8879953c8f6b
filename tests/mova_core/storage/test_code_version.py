"""A stage's number follows the code that its results depend on, and nothing else."""

import ast
from functools import cache
from pathlib import Path

import pytest
from dvc.repo import Repo

from mova_core.storage import code_version as subject
from mova_core.storage.code_version import all_versions, closure, code_version, entries_of, parse

REPOSITORY = Path(__file__).parents[3]
pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # between two libraries of DVC's own


def stages() -> list[str]:
    with Repo(REPOSITORY) as repo:
        return sorted(stage.addressing for stage in repo.index.stages if stage.addressing != "code_versions")


@cache
def path_of(module: str) -> Path:
    path = subject._file(module)
    assert path is not None
    return path


@cache
def text_of(module: str) -> str:
    return path_of(module).read_text(encoding="utf-8")


@cache
def with_a_changed_function(module: str) -> str:
    """The module's source with one more statement in its last function; behind everything where it has none."""
    lines = text_of(module).splitlines()
    functions = [node for node in ast.walk(ast.parse(text_of(module))) if isinstance(node, ast.FunctionDef)]
    if not functions:
        return f"{text_of(module)}\nchanged = 1\n"
    last = max(functions, key=lambda function: function.lineno).body[-1]
    lines.insert(last.lineno - 1, " " * last.col_offset + "changed = 1")
    return "\n".join(lines)


def written_otherwise(text: str) -> str:
    """The same code without a comment, formatted anew, with other docstrings and a comment."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Expr(ast.Constant("Said in other words."))
    return f"# a comment\n{ast.unparse(tree)}"


@cache
def parsed(module: str, text: str) -> "subject._Source":
    return parse(text, path_of(module))


@pytest.mark.parametrize("stage", stages())
def test_a_change_in_any_module_that_a_stage_uses_changes_the_stage(stage, monkeypatch):
    original = subject._source
    before = code_version(*entries_of(stage))
    modules = closure(entries_of(stage))
    assert len(modules) > 5
    for module in modules:
        changed = parsed(module, with_a_changed_function(module))
        monkeypatch.setattr(subject, "_source", lambda name, m=module, c=changed: c if name == m else original(name))
        assert code_version(*entries_of(stage)) != before, f"{stage} does not see a change in {module}"


def test_a_comment_a_docstring_or_another_way_of_writing_changes_no_stage():
    for module in set().union(*(closure(entries_of(stage)) for stage in stages())):
        assert parsed(module, written_otherwise(text_of(module))).digest == parsed(module, text_of(module)).digest, (
            module
        )


def test_each_stage_of_dvc_yaml_names_its_own_number():
    known = all_versions()
    with Repo(REPOSITORY) as repo:
        for stage in repo.index.stages:
            if stage.addressing == "code_versions":
                continue
            named = [dep.params for dep in stage.deps if dep.def_path == ".mova/code_versions.json"]
            name, _, item = stage.addressing.partition("@")
            key = f"contract.{item}" if name == "contract" else name
            assert named == [[key]], stage.addressing
            value = known[name]
            assert value[item] if isinstance(value, dict) else value


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Function that writes a small project and gives the closure of its module mova_core.stage."""

    def write(**files: str) -> set[str]:
        for name, text in files.items():
            path = tmp_path / "mova_core" / name.replace("__", "/").replace("/init/", "/__init__")
            path = path.with_name("__init__.py") if path.name == "init" else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return {module.removeprefix("mova_core.") for module in closure(["mova_core.stage"])}

    (tmp_path / "mova_core").mkdir()
    monkeypatch.setattr(subject, "ROOT", tmp_path)
    for cached in (subject._file, subject._source):
        cached.cache_clear()
    yield write
    for cached in (subject._file, subject._source):
        cached.cache_clear()


def test_imports_are_followed_at_any_depth_and_packages_on_the_way_too(project):
    inside = "def f():\n    def g():\n        from mova_core.a.b import x\n"
    assert project(stage=inside, a__init="", a__b="from . import c", a__c="") == {"stage", "a", "a.b", "a.c"}


def test_modules_named_by_a_string_are_followed(project):
    found = project(stage='PRELOAD = ("av", "mova_core.a")\nLOAD = "mova_core.b:load"', a="", b="", c="")
    assert found == {"stage", "a", "b"}


def test_of_a_lazy_package_only_what_is_imported_from_it_is_followed(project):
    lazy = 'NAMES = {"A": "mova_core.p.a", "B": "mova_core.p.b"}'
    assert project(stage="from mova_core.p import A", p__init=lazy, p__a="", p__b="") == {"stage", "p", "p.a"}


def test_what_only_a_type_checker_reads_is_not_followed(project):
    checked = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mova_core import a\n"
    assert project(stage=checked, a="") == {"stage"}


def test_a_template_counts_where_a_module_names_it(project, tmp_path):
    project(stage='PAGE = "page"', other="")
    template = tmp_path / "mova_core/page/report.html"
    template.parent.mkdir()
    digests = set()
    for text in ("one", "two"):
        template.write_text(text)
        subject._source.cache_clear()
        digests.add((code_version("mova_core.stage"), code_version("mova_core.other")))
    assert len({stage for stage, _ in digests}) == 2 and len({other for _, other in digests}) == 1


def test_each_file_is_parsed_once_for_all_stages(monkeypatch):
    for cached in (subject._file, subject._source, subject.stage_version):
        cached.cache_clear()
    parsed: list[Path] = []
    monkeypatch.setattr(subject, "parse", lambda text, path: parsed.append(path) or parse(text, path))
    all_versions()
    assert len(parsed) == len(set(parsed)) > 100


def test_a_stage_without_an_entry_module_is_refused():
    with pytest.raises(ValueError, match=r"'dream'.*mova_core\.curation\.dream\.stage"):
        entries_of("dream")
