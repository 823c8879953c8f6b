"""Files of the same bytes: the first by path is kept, and with it what sidecars state of any of them.

A value that is stated of one of them holds for all. Where two are stated that differ, neither is used: the column is
null, which is unknown, and the difference is told, by the reject of the later file and by the stage's summary.
"""

from collections import defaultdict
from typing import Any

from mova_core.curation.ingest.sidecars import COLUMN_OF

Row = dict[str, Any]


def reject_duplicates(rows: dict[str, Row]) -> list[str]:
    """Reject all but the first of files with the same bytes, and bring together what is stated of them.

    Args:
        rows: of table `sources` by path, in the order of the paths; those with a verdict are left alone.

    Returns:
        A sentence for each value that was stated differently.
    """
    alike: dict[str, list[Row]] = defaultdict(list)
    for row in rows.values():
        if "verdict" not in row:
            alike[row["source_id"]].append(row)
    conflicts = []
    for kept, *others in alike.values():
        differing: dict[str, list[str]] = {row["path"]: [] for row in others}
        for column in COLUMN_OF.values():
            stated = {row["path"]: row[column] for row in (kept, *others) if row[column] is not None}
            values = list(dict.fromkeys(stated.values()))
            kept[column] = values[0] if len(values) == 1 else None
            if len(values) > 1:
                (first, value), *later = stated.items()
                for path, other in later:
                    if other != value:
                        sentence = f"{column} {other!r} is stated of it, but {value!r} of {first}: neither is used"
                        differing[path].append(sentence)
                        conflicts.append(f"{path} holds the same bytes as {first}; {sentence}")
        for row in others:
            reason = "; ".join([f"the same bytes as {kept['path']}", *differing[row["path"]]])
            row |= {"verdict": "rejected", "reason_code": "duplicate", "reason": reason}
    return conflicts
