"""A project's paths are written in `mova_core/places.py` and nowhere else: found by reading all code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PACKAGES = ("mova_core", "flows", "services", "data_contracts")
FOLDER = r"(data|models|runs|reports|dist|logs|demo|\.mova)"
PATH = re.compile(rf"(?<![\w./-]){FOLDER}/|(?<!\w)\.mova\b|^params\.yaml$")
DOCUMENTATION = {"help", "description"}  # arguments of a command, of columns and of params
EXCEPTIONS = {
    "mova_core/speech/voice_activity.py": "data/silero_vad_16k_sequence.onnx lies in a package, not in the project",
    "mova_core/curation/tables.py": "data/latents/GEOMETRY stands in the description of a column",
}


def _places(tree: ast.AST) -> Iterator[ast.Constant]:
    """String literals with a path of a project, docstrings and help texts left out."""
    documentation, operands = set[ast.AST](), set[ast.AST]()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value):
                documentation.add(value)
            case ast.keyword(arg=name, value=value) if name in DOCUMENTATION:
                documentation.update(ast.walk(value))
            case ast.BinOp(left, ast.Div(), right):
                operands |= {left, right}
            case ast.Call(ast.Name("Path"), arguments):
                operands.update(arguments)
    for node in ast.walk(tree):
        match node:
            case ast.Constant(str(text)) if node not in documentation:
                if PATH.search(text) or (node in operands and re.fullmatch(FOLDER, text)):
                    yield node


def test_only_places_names_the_paths_of_a_project():
    found = {}
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            literals = [f"{node.lineno}: {node.value!r}" for node in _places(ast.parse(path.read_text("utf-8")))]
            if literals and path.name != "places.py":
                found[path.relative_to(PROJECT).as_posix()] = literals
    assert found.keys() == EXCEPTIONS.keys(), found


def test_a_path_is_told_from_a_word():
    paths = """[Path("data"), root / "runs", "models/phase3", f"runs/{name}", ".mova/registry.db", "params.yaml"]"""
    words = """[{"data": 1}, table("runs"), "of data", "metadata/x", "see params.yaml", option(help="in data/clips")]"""
    assert len([*_places(ast.parse(paths))]) == 6
    assert not [*_places(ast.parse(words))]
