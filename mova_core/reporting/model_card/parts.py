"""What a model card is made of: sections of sentences and tables, the same for Markdown and HTML."""

from collections.abc import Sequence
from dataclasses import dataclass

from mova_core.reporting.wording import one_line


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings, each cell ready to print."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what is said under it, and tables.

    Args:
        title: the heading.
        sentences: a paragraph each.
        tables: after them; one without rows is left out.
    """

    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()


def markdown(title: str, sections: Sequence[Section]) -> str:
    """A card as Markdown; what comes from outside cannot end a cell or start markup of its own."""
    lines = [f"# {_escaped(title)}"]
    for section in sections:
        lines += ["", f"## {section.title}"]
        for sentence in section.sentences:
            lines += ["", _escaped(sentence)]
        for table in section.tables:
            if table.rows:
                lines += ["", _row(table.headings), _row(["---"] * len(table.headings)), *map(_row, table.rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell if cell == '---' else _escaped(cell) for cell in cells)} |"


def _escaped(text: str) -> str:
    return "".join(f"\\{character}" if character in "\\`*_[]<>|#" else character for character in one_line(text))
