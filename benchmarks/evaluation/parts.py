"""What an evaluation costs: against the metrics' usual scripts, and in memory.

Each part can be run by itself, as `python -m benchmarks evaluation.memory`.
"""

from collections.abc import Callable

from benchmarks.evaluation import against_scripts, memory
from benchmarks.measure import Row

PARTS: dict[str, Callable[[], list[Row]]] = {"scripts": against_scripts.rows, "memory": memory.rows}
