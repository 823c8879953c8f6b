"""Contract of `clips`: each one exactly as long and as large as the geometry says, where the table says it lies.

Every window became one clip or one reject of `cut`; all clips of a file, and of files that share a stretch, are in one
split, so that nothing leaks.
"""

from collections import Counter, defaultdict
from functools import cache
from typing import Any

from data_contracts.contract import Contract, View, missing, rows_of
from data_contracts.expectations import (
    Expectation,
    ExpectExactly,
    ExpectForm,
    ExpectNoFault,
    ExpectOneOf,
    ExpectPossible,
    ExpectRows,
    ExpectShare,
    ExpectSome,
    ExpectUnique,
)
from data_contracts.near_duplicates import clips_by_group, copy_faults
from data_contracts.places import places_of_clips, places_of_sources, places_of_windows
from data_contracts.rejects import read_rejects, rejects_file, rejects_view
from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import TABLES, read_table
from mova_core.geometry import ClipGeometry
from mova_core.params import Params

DESCRIBED = tuple(name for name in TABLES["clips"].names if name != "member")  # null where a clip is a file
SPLITS = ("train", "validation")


def clips(data: DataFolder, params: Params) -> Contract:
    """The contract over the table, its files' presence and the rejects of `cut`.

    Raises:
        UsageError: a table is missing.
    """
    rows = read_table(data.table("clips"), "clips")
    windows = read_table(data.table("windows"), "windows")
    near_duplicates = read_table(data.table("near_duplicates"), "near_duplicates")
    copies = copy_faults(windows, near_duplicates, places_of_sources(data))
    rejects = read_rejects(data, "cut")
    source_of = {row["window_id"]: row["source_id"] for row in windows}
    places = places_of_clips(data)
    exists = cache(lambda path: bool(path) and (data.clips / path).is_file())
    view = View(
        name="clips",
        noun="clip",
        rows=rows_of(
            (
                {
                    **row,
                    "where": places[row["clip_id"]],
                    "missing": missing(row, DESCRIBED),
                    "canvas": f"{row['width_px']}x{row['height_px']}",
                    "train": float(row["split"] == "train"),
                    "validation": float(row["split"] == "validation"),
                    "window_fault": _window_fault(row, source_of),
                    "copy_fault": copies.get(row["window_id"]),
                    "orientation_fault": _orientation_fault(row, params.clip_geometry),
                    "file_fault": None if exists(row["path"]) else f"{row['path']} is not there",
                    "place": f"{row['path']} {row['member'] or ''}",
                }
                for row in rows
            ),
            [
                *TABLES["clips"].names,
                *("where", "missing", "canvas", "train", "validation"),
                *("window_fault", "copy_fault", "orientation_fault", "file_fault", "place"),
            ],
        ),
        id_column="clip_id",
        expectations=(*_identities(), *_sizes(params.clip_geometry), *_splits()),
    )
    return Contract(
        table="clips",
        views=(
            view,
            _by_window(rows, rejects, places_of_windows(data)),
            _by_source(rows, places_of_sources(data)),
            clips_by_group(rows, near_duplicates, places_of_sources(data)),
            rejects_view(rejects, "windows", "cut", places_of_windows(data)),
        ),
        files={"clips": data.table("clips"), "rejects/cut": rejects_file(data, "cut")},
    )


def _window_fault(row: dict[str, Any], source_of: dict[str, str]) -> str | None:
    if row["window_id"] not in source_of:
        return f"no window {row['window_id']}"
    if row["source_id"] != source_of[row["window_id"]]:
        return f"names file {row['source_id']}, its window {source_of[row['window_id']]}"
    return None


def _orientation_fault(row: dict[str, Any], geometry: ClipGeometry) -> str | None:
    for canvas in geometry.canvases:
        if (canvas.width_px, canvas.height_px) == (row["width_px"], row["height_px"]):
            return None if canvas.orientation == row["orientation"] else f"{row['orientation']} on {canvas.orientation}"
    return None  # no such canvas: a rule of its own says so


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
        ExpectPossible.above("bytes", 0, "clip", "An empty file is no clip."),
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
        ExpectOneOf.of("split", SPLITS, "clip", "There are two splits."),
        ExpectSome.of("train", "clip to train on", "Training needs clips."),
        ExpectShare.of(
            "validation",
            1e-9,
            "some clips are kept for validation",
            "Without any, training cannot be judged on unseen files.",
        ),
    ]


def _by_window(rows: list[dict[str, Any]], rejects: list[dict[str, Any]], places: dict[str, str]) -> View:
    clips_of = Counter(row["window_id"] for row in rows)
    rejected = Counter(row["id"] for row in rejects)
    copies = {row["id"] for row in rejects if row["reason_code"] == "near_duplicate"}
    fate = "Nothing disappears: windows = clips + rejects of cut."
    return View(
        name="clips by window",
        noun="window",
        rows=rows_of(
            (
                {
                    "window_id": window_id,
                    "where": where,
                    "outcomes": clips_of[window_id] + rejected[window_id],
                    "kept": None if window_id in copies else float(window_id in clips_of),
                }
                for window_id, where in places.items()
            ),
            ["window_id", "where", "outcomes", "kept"],
        ),
        id_column="window_id",
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


def _by_source(rows: list[dict[str, Any]], places: dict[str, str]) -> View:
    splits_of: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        splits_of[row["source_id"]].add(row["split"])
    return View(
        name="clips by file",
        noun="file",
        rows=rows_of(
            (
                {"source_id": source_id, "where": places.get(source_id), "splits": len(splits)}
                for source_id, splits in splits_of.items()
            ),
            ["source_id", "where", "splits"],
        ),
        id_column="source_id",
        expectations=(
            ExpectExactly.once(
                "splits",
                "all clips of a file are in one split",
                "Neighbouring clips look alike: validation would judge what was trained on.",
            ),
        ),
    )
