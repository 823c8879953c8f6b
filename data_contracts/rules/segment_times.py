"""Cuts and speech of all files at once: which windows may belie their kind, which files may be out of order.

Times of all files are put behind one another on one line of whole microseconds, so that one sorted search serves every
window. What comes within `CLOSE_S` of being wrong is picked too, and so are all windows of a file that is out of order:
the exact rules look at those one by one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_contracts.columns import Columns, Mask, looked_up
from mova_core.curation.tables import WINDOW_KINDS

CLOSE_S = 1e-5
PER_S = 1_000_000
FILE_US = 2_000_000 * PER_S  # of the line for each file: more than any lasts
SINGLE_SCENE = [kind for kind in WINDOW_KINDS if kind.startswith("single_scene")]
SPEECH = [kind for kind in WINDOW_KINDS if not kind.endswith("nonspeech")]

Times = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Moments:
    """Times in files.

    Args:
        row: of table `segments`, for each.
        time_s: since the file's start.
    """

    row: Rows
    time_s: Times

    @property
    def place_us(self) -> Rows:
        return _on_line(self.row, self.time_s)


class SegmentTimes:
    """What table `segments` says of every file."""

    def __init__(self, segments: Columns) -> None:
        self._ids = segments.frame["source_id"]
        cuts, speech = (segments.table[name].combine_chunks() for name in ("cuts_s", "speech_s"))
        self._has_speech = pc.is_valid(speech).to_numpy(zero_copy_only=False)
        self._cuts = _Moments(_rows(pc.list_parent_indices(cuts)), _times(pc.list_flatten(cuts)))
        edges_s = _times(pc.list_flatten(pc.list_flatten(speech)))
        self._edges = _Moments(np.repeat(_rows(pc.list_parent_indices(speech)), 2), edges_s)
        self._cuts_us = self._cuts.place_us
        self._starts_us, self._ends_us = self._edges.place_us[::2], self._edges.place_us[1::2]
        self._spoken_us = np.concatenate([[0], np.cumsum(self._ends_us - self._starts_us)])

    @cached_property
    def disordered(self) -> Mask:
        """Files whose cuts do not rise, or whose speech does not follow on one another."""
        disordered = np.zeros(len(self._ids), np.bool_)
        for moments, least_us in ((self._cuts, 1), (self._edges, 0)):
            disordered[moments.row[1:][np.diff(moments.place_us) < least_us]] = True
        return disordered

    def outside(self, duration_s: pd.Series) -> Mask:
        """Files with a cut or speech before the start or beyond so many seconds (null: no end is known)."""
        ends_s = duration_s.to_numpy(dtype=np.float64)
        outside = np.zeros(len(self._ids), np.bool_)
        for moments in (self._cuts, self._edges):
            outside[moments.row[(moments.time_s < 0) | (moments.time_s > ends_s[moments.row])]] = True
        return outside

    def rows_of(self, source_ids: pd.Series) -> Rows:
        """The row of each file, of a file that stands twice the last one; -1 without any."""
        rows = pd.Series(np.arange(len(self._ids)))
        return looked_up(source_ids, self._ids, rows).fillna(-1).to_numpy().astype(np.int64)

    def may_belie(self, windows: pd.DataFrame, half_frame_s: float, touch_s: float) -> Mask:
        """Windows whose kind cuts or speech may not bear out.

        Args:
            windows: columns of table `windows`.
            half_frame_s: a cut this near a window's edge is in no frame of the clip.
            touch_s: speech this near a window's edge is at its edge.
        """
        files = self.rows_of(windows["source_id"])
        told = (files >= 0) & windows[["kind", "start_s", "end_s"]].notna().all(axis=1).to_numpy()
        files = files[told]
        start_s, end_s = (windows[edge].to_numpy()[told] for edge in ("start_s", "end_s"))
        is_single, is_speech = (windows["kind"].isin(kinds).to_numpy()[told] for kinds in (SINGLE_SCENE, SPEECH))
        first_s, last_s = start_s + half_frame_s, end_s - half_frame_s
        maybe_cut = self._cuts_within(files, first_s - CLOSE_S, last_s + CLOSE_S) > 0
        surely_cut = self._cuts_within(files, first_s + CLOSE_S, last_s - CLOSE_S) > 0
        speech_s = self._speech_before(files, end_s) - self._speech_before(files, start_s)
        belies = np.where(is_single, maybe_cut, ~surely_cut)
        belies |= self._has_speech[files] & np.where(is_speech, speech_s < CLOSE_S, speech_s > touch_s - CLOSE_S)
        may = np.zeros(len(windows), np.bool_)
        may[told] = belies | self.disordered[files]
        return may

    def _cuts_within(self, files: Rows, start_s: Times, end_s: Times) -> Rows:
        before = np.searchsorted(self._cuts_us, _on_line(files, start_s))
        return np.searchsorted(self._cuts_us, _on_line(files, end_s), side="right") - before

    def _speech_before(self, files: Rows, time_s: Times) -> Times:
        """Seconds of speech in all files before each one, and in itself up to a time."""
        place_us = _on_line(files, time_s)
        begun = np.searchsorted(self._starts_us, place_us)
        last_end_us = np.concatenate([[np.iinfo(np.int64).min // 2], self._ends_us])[begun]
        return (self._spoken_us[begun] - np.maximum(0, last_end_us - place_us)) / PER_S


def _rows(array: pa.Array) -> Rows:
    return np.asarray(array, np.int64)


def _times(array: pa.Array) -> Times:
    return np.asarray(array, np.float64)


def _on_line(files: Rows, time_s: Times) -> Rows:
    """Times in files on the line of all."""
    own_us = np.clip(np.rint(time_s * PER_S), -FILE_US // 4, FILE_US // 4).astype(np.int64)
    return files.astype(np.int64) * FILE_US + own_us
