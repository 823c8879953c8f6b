"""Tables as columns: a rule is worked out over all rows at once, and only rows that may break it are looked at singly.

A rule across columns has two halves. The quick one, a mask over whole columns, picks every row that could break it
(it may pick too many); the exact one, a function of one row as a plain dict, says what is wrong with it, or None. So a
table of millions of rows is judged in the time of its columns, and the sentence is written in one place.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from data_contracts.contract import missing
from mova_core.curation.tables import TABLES, read_columns
from mova_core.places import DataFolder

Row = Mapping[str, Any]
Mask = NDArray[np.bool_]
CATEGORIES = {  # kept as numbers: columns with a closed list of words
    column.name for table in TABLES.values() for column in table.columns if column.type == "text" and column.values
}


class Columns:
    """One table.

    Args:
        table: as it lies in its file.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def __len__(self) -> int:
        rows: int = self.table.num_rows
        return rows

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The columns that hold one value a row."""
        plain = [field.name for field in self.table.schema if not pa.types.is_nested(field.type)]
        words = [
            name for name in plain if name in CATEGORIES and pa.types.is_string(self.table.schema.field(name).type)
        ]
        return self.table.select(plain).to_pandas(categories=words)

    def where(self, mask: Mask) -> "Columns":
        """The rows of a mask."""
        return Columns(self.table.filter(pa.array(mask)))

    def blank(self, columns: Sequence[str]) -> Mask:
        """Rows in which one of these columns is null or an empty text."""
        blank = np.zeros(len(self), np.bool_)
        for name in columns:
            column = self.table[name]
            blank |= np.asarray(pc.is_null(column))
            if pa.types.is_string(column.type):
                blank |= np.asarray(pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), ""), False))
        return blank

    def missing(self, columns: Sequence[str]) -> pd.Series:
        """Which of these columns are null or blank in each row; null if all are stated."""
        return self.faults(self.blank(columns), lambda row: missing(row, columns))

    def faults(self, suspects: Mask | pd.Series, fault: Callable[..., str | None], *beside: pd.Series) -> pd.Series:
        """What is wrong with each row, or null.

        Args:
            suspects: every row that may be wrong.
            fault: says it of one row; after the row it is given that row's value of each of `beside`, null as None.
            beside: columns of other tables, in the order of the rows.
        """
        said = np.full(len(self), None, dtype=object)
        places = np.flatnonzero(suspects)
        rows = self.table.take(pa.array(places)).to_pylist(maps_as_pydicts="strict")
        others = [column.iloc[places].astype(object).where(column.iloc[places].notna(), None) for column in beside]
        said[places] = [fault(*values) for values in zip(rows, *others, strict=True)]
        return pd.Series(said, dtype=object)

    def lengths(self, column: str) -> NDArray[np.int64]:
        """How many things each row's list or map holds; 0 for null."""
        values = self.table[column]
        if pa.types.is_map(values.type):
            pair = pa.struct([("key", values.type.key_type), ("value", values.type.item_type)])
            values = values.cast(pa.list_(pair))
        return np.asarray(pc.fill_null(pc.list_value_length(values), 0)).astype(np.int64)

    def holding(self, column: str, wanted: Callable[[pa.Array], pa.Array]) -> Mask:
        """Rows whose list holds a value that `wanted` (a mask over values) is true for."""
        values = self.table[column].combine_chunks()
        parents = pc.list_parent_indices(values)
        found = pc.fill_null(wanted(pc.list_flatten(values)), False)
        mask = np.zeros(len(self), np.bool_)
        mask[np.asarray(parents.filter(found))] = True
        return mask

    def joined(self, column: str) -> pd.Series:
        """Each row's list of texts as one text; null stays null."""
        return _text(pc.binary_join(self.table[column], ","))

    def text_of(self, first: str, between: str, second: str) -> pd.Series:
        """Two columns as one text, as Python would write it: null as `None`."""
        texts = [pc.fill_null(pc.cast(self.table[name], pa.string()), "None") for name in (first, second)]
        return _text(pc.binary_join_element_wise(*texts, between))


class Tables:
    """The tables of one data folder, each read once, when it is asked for.

    Raises:
        UsageError: one that is asked for is missing.
    """

    def __init__(self, data: DataFolder) -> None:
        self._data = data
        self._read: dict[str, Columns] = {}

    def __getitem__(self, name: str) -> Columns:
        if name not in self._read:
            self._read[name] = Columns(read_columns(self._data.table(name), name))
        return self._read[name]

    @cached_property
    def accepted(self) -> Columns:
        """The accepted sources."""
        sources = self["sources"]
        return sources.where(is_word(sources.frame["verdict"], "accepted"))


def accepted_clips(tables: Tables) -> pd.Series:
    """The id of every clip that its verdict, the last one where there are two, accepts."""
    verdicts = tables["verdicts"].frame
    clip_ids = verdicts["clip_id"].drop_duplicates(ignore_index=True)
    verdict = looked_up(clip_ids, verdicts["clip_id"], verdicts["verdict"].astype(object))
    return clip_ids[is_word(verdict, "accepted")].reset_index(drop=True)


def is_word(column: pd.Series, word: str) -> Mask:
    """Where a text is this one."""
    return np.asarray(column == word, dtype=np.bool_)


def is_among(ids: pd.Series, known: pd.Series) -> Mask:
    """Whether each text is one of those known. (Series.isin makes a Python list of all that is known.)"""
    return np.asarray(pc.is_in(_arrow(ids), value_set=_arrow(known)))


def looked_up(ids: pd.Series, keys: pd.Series, values: pd.Series) -> pd.Series:
    """The value beside each id's key, of a key that stands twice the last one; null where there is none."""
    known = keys.notna() & ~keys.duplicated(keep="last")
    return pd.Series(values[known].array, index=pd.Index(keys[known])).reindex(ids).reset_index(drop=True)


def counted(ids: pd.Series, among: pd.Series) -> NDArray[np.int64]:
    """How often each id stands among others."""
    return ids.map(among.value_counts()).fillna(0).to_numpy().astype(np.int64)


def _arrow(texts: pd.Series) -> pa.Array:
    array = pa.array(texts, pa.large_string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _text(values: pa.ChunkedArray) -> pd.Series:
    return values.to_pandas().reset_index(drop=True)
