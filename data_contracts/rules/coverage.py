"""Seconds of each file that lie in at least one of some pieces of it: as `funnel.covered_s`, over columns."""

import numpy as np
import pandas as pd


def covered_s(pieces: pd.DataFrame) -> pd.Series:
    """By source_id.

    Args:
        pieces: source_id, start_s and end_s of each; one with a null is passed over.
    """
    placed = pieces[["source_id", "start_s", "end_s"]].dropna().sort_values(["source_id", "start_s", "end_s"])
    reached_s = placed.groupby("source_id")["end_s"].cummax().groupby(placed["source_id"]).shift(fill_value=-np.inf)
    begun_s = placed["start_s"].clip(lower=reached_s)
    return (placed["end_s"] - begun_s).clip(lower=0.0).groupby(placed["source_id"]).sum()
