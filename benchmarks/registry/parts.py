"""How fast files go into the artifact store, against the usual tools, and lineage out of a large registry.

Each part can be run by itself, as `python -m benchmarks registry.local`.
"""

from collections.abc import Callable

from benchmarks.measure import Row
from benchmarks.registry import against_copy, against_rclone, lineage

PARTS: dict[str, Callable[[], list[Row]]] = {
    "local": against_copy.rows,
    "s3": against_rclone.rows,
    "lineage": lineage.rows,
}
