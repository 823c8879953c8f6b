"""A lineage drawn for a terminal: a tree, newest on top, each line with kind, name, hash and note."""

from collections.abc import Iterator

from mova_core.registry.lineage.lineage import Node

SHORT = 12  # digits of a hash
FILES_SHOWN = 5  # of each latents; more of them are in --json


def draw(node: Node) -> str:
    """The whole tree as text."""
    return "\n".join(_lines(node, "", ""))


def _lines(node: Node, first: str, rest: str) -> Iterator[str]:
    yield f"{first}{_line(node)}"
    shown = [] if node.kind == "file" else [one for one in node.came_from if one.kind != "file"]
    files = [one for one in node.came_from if one.kind == "file"]
    shown += files[:FILES_SHOWN]
    hidden = max(node.files - FILES_SHOWN, 0)
    for number, child in enumerate(shown, start=1):
        last = number == len(shown) and not hidden
        yield from _lines(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))
    if hidden:
        clips = node.clips - sum(file.clips for file in files[:FILES_SHOWN])
        yield f"{rest}└─ … and {hidden} more files with {clips} clips"


def _line(node: Node) -> str:
    hashed = "" if node.sha256 is None else f"  sha256 {node.sha256[:SHORT]}"
    return f"{node.kind} {node.name}{hashed}{f'  ({node.note})' if node.note else ''}"
