"""Contract of `clips`: each one exactly as long and as large as the geometry says, where the table says it lies.

Every window became one clip or one reject of `cut`; all clips of a file, and of files that share an interval, are in
one split, so that nothing leaks.
"""

import numpy as np
import pandas as pd

from data_contracts.columns import Columns, Row, Tables, counted, is_among, is_word, looked_up
from data_contracts.contract import Contract, View
from data_contracts.expectations import (
    Expectation,
    ExpectExactly,
    ExpectForm,
    ExpectNoFault,
    ExpectOneOf,
    ExpectRows,
    ExpectShare,
    ExpectSome,
    ExpectUnique,
)
from data_contracts.report.places import at_clip, at_source, at_window
from data_contracts.rules.column_rules import column_rules
from data_contracts.rules.rejects import read_rejects, rejects_file, rejects_view
from data_contracts.tables.near_duplicates import clips_by_group, copy_faults
from mova_core.curation.tables import TABLES
from mova_core.geometry import ClipGeometry
from mova_core.params import Params
from mova_core.places import DataFolder

COLUMNS = TABLES["clips"]
EXACT = ("frames", "fps", "audio_rate_hz", "audio_samples", "width_px", "height_px", "orientation")  # by the geometry


def clips(data: DataFolder, params: Params) -> Contract:
    """The contract over the table, its files' presence and the rejects of `cut`.

    Raises:
        UsageError: a table is missing.
    """
    tables = Tables(data)
    rejects = read_rejects(data, "cut")
    clips, windows = tables["clips"], tables["windows"].frame
    view = View(
        name="clips",
        noun="clip",
        rows=_rows(clips, windows, data, params.clip_geometry).assign(copy_fault=copy_faults(clips, tables)),
        id_column="clip_id",
        where=at_clip(tables),
        expectations=(*_identities(), *_sizes(params.clip_geometry), *_splits()),
    )
    return Contract(
        table="clips",
        views=(
            view,
            _by_window(clips, rejects, tables),
            _by_source(clips, tables),
            clips_by_group(clips, tables),
            rejects_view(rejects, "windows", "cut", windows["window_id"], at_window(tables, "id")),
        ),
        files={"clips": data.table("clips"), "rejects/cut": rejects_file(data, "cut")},
    )


def _rows(clips: Columns, windows: pd.DataFrame, data: DataFolder, geometry: ClipGeometry) -> pd.DataFrame:
    frame = clips.frame
    canvas = clips.text_of("width_px", "x", "height_px")
    turned = canvas.map({f"{one.width_px}x{one.height_px}": one.orientation for one in geometry.canvases})
    source = looked_up(frame["window_id"], windows["window_id"], windows["source_id"])
    gone = [path for path in frame["path"].unique() if not (isinstance(path, str) and _is_there(data, path))]
    return frame.assign(
        missing=clips.missing(COLUMNS.stated("always")),
        canvas=canvas.astype("category"),
        train=is_word(frame["split"], "train").astype(float),
        validation=is_word(frame["split"], "validation").astype(float),
        window_fault=clips.faults(source != frame["source_id"], _window_fault, source),
        # No such canvas: a rule of its own says so.
        orientation_fault=clips.faults(
            turned.notna() & (turned != frame["orientation"].astype(object)),
            lambda row, of_canvas: f"{row['orientation']} on {of_canvas}",
            turned,
        ),
        file_fault=clips.faults(frame["path"].isin(gone), lambda row: f"{row['path']} is not there"),
        place=frame["path"].fillna("None") + " " + frame["member"].fillna(""),
    )


def _is_there(data: DataFolder, path: str) -> bool:
    return bool(path) and (data.clips / path).is_file()


def _window_fault(row: Row, source_id: str | None) -> str | None:
    if source_id is None:
        return f"no window {row['window_id']}"
    if row["source_id"] != source_id:
        return f"names file {row['source_id']}, its window {source_id}"
    return None


def _identities() -> list[Expectation]:
    known = "Verdicts, captions and latents name their clip."
    return [
        ExpectRows.of("clip", "Without one there is nothing to judge."),
        ExpectNoFault.of("missing", "every clip is fully described", "Whoever reads clips relies on every column."),
        ExpectUnique.of("clip_id", "clip", known),
        ExpectForm.hexadecimal("clip_id", 16, "clip", "It is the start of a sha256 of window and geometry."),
        ExpectNoFault.of("window_fault", "every clip comes from a window, and from that window's file", known),
        ExpectNoFault.of("copy_fault", "no clip copies a better file", "What is seen twice weighs twice in training."),
        ExpectForm.of(
            "path",
            r"(?s)\A(?!/)(?!(?:.*/)?\.\./).+\Z",
            "path stays inside the clips folder for every clip",
            "Paths never leave their folder.",
        ),
        ExpectNoFault.of("file_fault", "every clip's file is there", "A table must not name what is not there."),
        ExpectUnique.of("place", "clip", "Two clips in one place would overwrite each other."),
        ExpectForm.hexadecimal("sha256", 64, "clip", "A reader checks what it reads."),
        *column_rules((column for column in COLUMNS.columns if column.name not in EXACT), "clip"),
    ]


def _sizes(geometry: ClipGeometry) -> list[Expectation]:
    fixed = "One batch is one shape, and 4k + 1 frames make whole latents (geometry.py; MOVA report, section 1)."
    exact = {
        "frames": geometry.frames,
        "fps": geometry.fps,
        "audio_rate_hz": geometry.audio_rate_hz,
        "audio_samples": geometry.audio_samples,
    }
    return [
        *(ExpectExactly.of(column, value, "clip", fixed) for column, value in exact.items()),
        ExpectOneOf.of(
            "canvas", [f"{canvas.width_px}x{canvas.height_px}" for canvas in geometry.canvases], "clip", fixed
        ),
        ExpectNoFault.of("orientation_fault", "orientation is that of the canvas for every clip", "Shards go by it."),
    ]


def _splits() -> list[Expectation]:
    return [
        ExpectSome.of("train", "clip to train on", "Training needs clips."),
        ExpectShare.of(
            "validation",
            1e-9,
            "some clips are kept for validation",
            "Without any, training cannot be judged on unseen files.",
        ),
    ]


def _by_window(clips: Columns, rejects: Columns, tables: Tables) -> View:
    window_ids = tables["windows"].frame["window_id"].drop_duplicates()
    became = counted(window_ids, clips.frame["window_id"])
    copies = rejects.frame.loc[is_word(rejects.frame["reason_code"], "near_duplicate"), "id"]
    rows = pd.DataFrame(
        {
            "window_id": window_ids,
            "outcomes": became + counted(window_ids, rejects.frame["id"]),
            "kept": np.where(is_among(window_ids, copies), np.nan, became > 0),
        }
    )
    fate = "Nothing disappears: windows = clips + rejects of cut."
    return View(
        name="clips by window",
        noun="window",
        rows=rows.reset_index(drop=True),
        id_column="window_id",
        where=at_window(tables),
        expectations=(
            ExpectExactly.once("outcomes", "every window became one clip or one reject", fate),
            ExpectShare.of(
                "kept",
                0.5,
                "at least half of the windows that copy no other file became clips",
                "A window was decoded once already: losing most of them tells of a fault of ours.",
            ),
        ),
    )


def _by_source(clips: Columns, tables: Tables) -> View:
    pairs = clips.frame[["source_id", "split"]].drop_duplicates()
    splits = pairs.groupby("source_id", sort=False, dropna=False).size()
    return View(
        name="clips by file",
        noun="file",
        rows=splits.rename("splits").reset_index(),
        id_column="source_id",
        where=at_source(tables),
        expectations=(
            ExpectExactly.once(
                "splits",
                "all clips of a file are in one split",
                "Neighbouring clips look alike: validation would judge what was trained on.",
            ),
        ),
    )
