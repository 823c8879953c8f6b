"""Which footage a checkpoint was trained on, as it goes with a bundle: sources, their paths, and clips of each."""

import json
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from mova_core.errors import StaleError, first_fault
from mova_core.registry.bundle.rows import Rows
from mova_core.registry.footage.read import DatasetFootage
from mova_core.registry.footage.recorded import recorded_footage

FOOTAGE = TypeAdapter(list[DatasetFootage])


def collect_footage(session: Session, rows: Rows) -> list[Any]:
    """The footage of every dataset among a bundle's rows of which that is recorded, JSON-able."""
    found = (recorded_footage(session, row["name"], row["sha256"]) for row in rows["datasets"])
    dumped: list[Any] = FOOTAGE.dump_python([each for each in found if each is not None], mode="json")
    return dumped


def read_footage(content: bytes, rows: Rows, what: str) -> list[DatasetFootage]:
    """Parse the footage of a bundle.

    Args:
        content: its JSON.
        rows: of the same bundle.
        what: how the bundle is called in messages.

    Raises:
        StaleError: it is of another version, or of a dataset or source that the bundle does not name.
    """
    try:
        footage = FOOTAGE.validate_python(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise _refused(what, first_fault(error)) from None
    datasets = {(row["name"], row["sha256"]) for row in rows["datasets"]}
    for each in footage:
        sources = {source_id for source_id, _ in each.paths} | each.sources.keys()
        of_rows = {row.get(end) for row in each.near_duplicates for end in ("source_id", "kept_source_id")}
        if (each.name, each.sha256) not in datasets or not {*(each.clips or ()), *of_rows} <= sources:
            raise _refused(what, f"{each.name} {each.sha256[:12]} is no dataset of its rows, or names other sources")
    return footage


def _refused(what: str, fault: str) -> StaleError:
    return StaleError(f"the footage of {what} cannot be read ({fault}): export it with this version of the project")
