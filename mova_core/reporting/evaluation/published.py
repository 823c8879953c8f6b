"""What the MOVA report publishes of its own models, for the metrics of its tables.

Source: MOVA report, arXiv:2602.08794; suite Verse-Bench (600 prompts in three sets), cpCER on its own set of several
speakers. "dual CFG" guides by the Bridge too, s_B 3.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass

SUITE = "verse-bench"
SOURCE = "arXiv:2602.08794"


@dataclass(frozen=True, slots=True)
class Column:
    """A metric of the report; `metric` is the name of the catalogue's that is the same, None where it has none."""

    label: str
    better: str
    metric: str | None = None


COLUMNS = (
    Column("IS", "higher", "inception_score"),
    Column("DNSMOS", "higher", "dnsmos_p808"),
    Column("DeSync", "lower", "desync_synchformer_s"),
    Column("IB-Score", "higher", "ib_score"),
    Column("LSE-D", "lower", "lse_d"),
    Column("LSE-C", "higher", "lse_c"),
    Column("cpCER", "lower", "cpcer"),
)
ROWS: Mapping[str, tuple[float, ...]] = {
    "MOVA-360p": (4.269, 3.797, 0.475, 0.286, 8.098, 6.278, 0.177),
    "MOVA-360p, dual CFG": (4.169, 3.674, 0.351, 0.315, 7.004, 7.800, 0.247),
    "MOVA-720p": (3.936, 3.671, 0.485, 0.277, 8.048, 6.593, 0.149),
    "MOVA-720p, dual CFG": (3.814, 3.751, 0.370, 0.297, 7.094, 7.452, 0.218),
    "MOVA-360p, text to video and audio": (4.370, 3.767, 0.441, 0.281, 8.362, 5.830, 0.188),
}
