"""Table 5 of the MOVA report: what the Bridge guidance scale s_B does at full size (360p, text scale 5)."""

from mova_core.evaluation.measuring.metric import Direction

# MOVA report (arXiv:2602.08794v2), Table 5.
SCALES = (1.0, 2.0, 3.0, 3.5, 4.0)
DESYNC, IB_SCORE = "DeSync, s", "IB-Score"
VALUES: dict[str, tuple[Direction, tuple[float, ...]]] = {
    DESYNC: ("lower", (0.475, 0.421, 0.388, 0.351, 0.365)),
    IB_SCORE: ("higher", (0.286, 0.305, 0.312, 0.315, 0.316)),
    "LSE-D": ("lower", (8.098, 7.323, 7.014, 7.004, 6.957)),
    "LSE-C": ("higher", (6.278, 7.331, 7.774, 7.800, 7.891)),
    "DNSMOS": ("higher", (3.797, 3.748, 3.686, 3.674, 3.631)),
    "cpCER": ("lower", (0.177, 0.185, 0.188, 0.247, 0.264)),
}
