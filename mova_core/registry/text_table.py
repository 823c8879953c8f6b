"""Rows as aligned columns for a terminal."""

from collections.abc import Mapping, Sequence


def aligned(rows: Sequence[Mapping[str, str]]) -> str:
    """Lines of two spaces and the cells, under a line of the headings; every row has the same keys."""
    lines = [list(rows[0]), *([*row.values()] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
