"""Contract of `windows`: stretches of accepted files, each exactly one clip long and inside its file.

Every accepted file either has windows or is among the rejects of `segment`.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
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
    ExpectUnique,
)
from data_contracts.near_duplicates import near_duplicates_view
from data_contracts.places import places_of_sources, places_of_windows
from data_contracts.rejects import read_rejects, rejects_file, rejects_view
from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import TABLES, WINDOW_KINDS, read_table
from mova_core.geometry import ClipGeometry
from mova_core.params import Params

ROUNDING_S = 2e-6  # starts and ends are rounded to a microsecond
SPEECH_END_S = 0.2  # Silero's times are good to about this (speech.py)
TOUCH_S = 1e-3  # a cut or speech this near a window's edge is at its edge (windows.py)
FILE_END_S = 0.1  # a last picture is shown a little longer than the file says


def windows(data: DataFolder, params: Params) -> Contract:
    """The contract over the table, segments and near duplicates beside it, and the rejects of `segment`.

    Raises:
        UsageError: one of them, or the table of sources, is missing.
    """
    rows = read_table(data.table("windows"), "windows")
    segments = read_table(data.table("segments"), "segments")
    near_duplicates = read_table(data.table("near_duplicates"), "near_duplicates")
    rejects = read_rejects(data, "segment")
    accepted = [row for row in read_table(data.table("sources"), "sources") if row["verdict"] == "accepted"]
    duration_of = {row["source_id"]: row["duration_s"] for row in accepted}
    places = places_of_windows(data)
    with_windows = {row["source_id"] for row in rows}
    found_in = {row["source_id"]: row for row in segments}
    view = View(
        name="windows",
        noun="window",
        rows=rows_of(
            ({**row, **_derived(row, duration_of, found_in), "where": places[row["window_id"]]} for row in rows),
            [*TABLES["windows"].names, "where", "missing", "length_s", "source_fault", "end_fault", "kind_fault"],
        ),
        id_column="window_id",
        expectations=tuple(_rows(params.clip_geometry)),
    )
    return Contract(
        table="windows",
        views=(
            view,
            _by_source(accepted, rows, segments, rejects),
            _segments(segments, duration_of, places_of_sources(data)),
            near_duplicates_view(
                near_duplicates,
                {source_id: length for source_id, length in duration_of.items() if source_id in with_windows},
                places_of_sources(data),
            ),
            rejects_view(rejects, "sources", "segment", places_of_sources(data)),
        ),
        files={
            "windows": data.table("windows"),
            "segments": data.table("segments"),
            "near_duplicates": data.table("near_duplicates"),
            "rejects/segment": rejects_file(data, "segment"),
        },
    )


def _derived(
    row: dict[str, Any], duration_of: Mapping[str, float], found_in: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    duration_s = duration_of.get(row["source_id"])
    start_s, end_s = row["start_s"], row["end_s"]
    beyond_s = 0.0 if duration_s is None or end_s is None else end_s - duration_s
    return {
        "missing": missing(row, ("window_id", "source_id", "start_s", "end_s", "kind")),
        "length_s": None if start_s is None or end_s is None else end_s - start_s,
        "source_fault": None if duration_s is not None else "not an accepted file",
        "end_fault": f"{beyond_s:.3f} s after the end" if beyond_s > FILE_END_S else None,
        "kind_fault": _kind_fault(row, found_in.get(row["source_id"])),
    }


def _kind_fault(row: Mapping[str, Any], found: Mapping[str, Any] | None) -> str | None:
    """What the segments of its file say against a window's kind; its other rules tell what is missing."""
    if found is None or None in (row["kind"], row["start_s"], row["end_s"]) or row["kind"] not in WINDOW_KINDS:
        return None
    start_s, end_s = row["start_s"], row["end_s"]
    scenes, _, speech = row["kind"].rpartition("_")
    cuts = found["cuts_s"] or []
    after = bisect_right(cuts, start_s + TOUCH_S)
    has_cut = after < len(cuts) and cuts[after] < end_s - TOUCH_S
    if scenes == "single_scene" and has_cut:
        return f"a cut at {cuts[after]:.3f} s"
    if scenes == "multi_scene" and not any(start_s < cut < end_s for cut in cuts[max(0, after - 2) : after + 2]):
        return "no cut"
    if found["speech_s"] is None:
        return None
    heard_s = sum(max(0.0, min(end, end_s) - max(start, start_s)) for start, end in found["speech_s"])
    if speech == "nonspeech" and heard_s > TOUCH_S:
        return f"{heard_s:.3f} s of speech"
    return "no speech" if speech == "speech" and heard_s <= 0 else None


def _segments(segments: list[dict[str, Any]], duration_of: Mapping[str, float], places: Mapping[str, str]) -> View:
    return View(
        name="segments",
        noun="file",
        rows=rows_of(
            (
                {
                    "source_id": row["source_id"],
                    "where": places.get(row["source_id"]),
                    "cuts_fault": _cuts_fault(row["cuts_s"], duration_of.get(row["source_id"])),
                    "speech_fault": _speech_fault(row["speech_s"], duration_of.get(row["source_id"])),
                }
                for row in segments
            ),
            ["source_id", "where", "cuts_fault", "speech_fault"],
        ),
        id_column="source_id",
        expectations=(
            ExpectNoFault.of("cuts_fault", "cuts rise inside every file", "Scenes lie between one cut and the next."),
            ExpectNoFault.of(
                "speech_fault",
                "speech lies inside every file, no stretch inside another",
                "Speech lasts no longer than its file; shares of it are summed (sound_measures.py).",
            ),
        ),
    )


def _cuts_fault(cuts_s: list[float] | None, duration_s: float | None) -> str | None:
    cuts = cuts_s or []
    if any(later <= earlier for earlier, later in pairwise(cuts)):
        return "not rising"
    outside = [cut for cut in cuts if cut < 0 or (duration_s is not None and cut > duration_s + FILE_END_S)]
    return f"a cut at {outside[0]:.3f} s of {duration_s} s" if outside else None


def _speech_fault(speech_s: list[list[float]] | None, duration_s: float | None) -> str | None:
    reached_s = 0.0
    for start_s, end_s in speech_s or []:
        if start_s < reached_s - TOUCH_S or end_s < start_s:
            return f"[{start_s:.3f}, {end_s:.3f}] s after {reached_s:.3f} s"
        reached_s = end_s
    if duration_s is not None and reached_s > duration_s + SPEECH_END_S:
        return f"speech until {reached_s:.3f} s of {duration_s:.3f} s"
    return None


def _rows(geometry: ClipGeometry) -> list[Expectation]:
    exact = f"A clip is {geometry.frames} frames at {geometry.fps} a second, no more and no less (geometry.py)."
    return [
        ExpectRows.of("window", "Without one there is nothing to cut."),
        ExpectNoFault.of("missing", "every window is fully described", exact),
        ExpectUnique.of("window_id", "window", "Clips and rejects name their window."),
        ExpectForm.hexadecimal("window_id", 16, "window", "It is the start of a sha256 of file, kind and start."),
        ExpectNoFault.of(
            "source_fault", "every window lies in an accepted file", "A rejected file is not decoded again."
        ),
        ExpectOneOf.of("kind", WINDOW_KINDS, "window", "The four kinds of the MOVA report, section 5."),
        ExpectPossible.of("start_s", 0, 7 * 24 * 3600, "window", "Time 0 is the start of the file."),
        ExpectPossible.of(
            "length_s", geometry.duration_s - ROUNDING_S, geometry.duration_s + ROUNDING_S, "window", exact
        ),
        ExpectNoFault.of(
            "kind_fault",
            "cuts and speech of its file bear out the kind of every window",
            "Phases and captions go by the kind; a window of other segments was found by other params.",
        ),
        ExpectNoFault.of(
            "end_fault", "every window ends before its file does", "Pictures and sound must fill the clip."
        ),
    ]


def _by_source(
    accepted: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    segments: list[dict[str, Any]],
    rejects: list[dict[str, Any]],
) -> View:
    windows_of = Counter(row["source_id"] for row in rows)
    segments_of = Counter(row["source_id"] for row in segments)
    rejected = Counter(row["id"] for row in rejects)
    fate = "Nothing disappears: a file without windows is a reject with its reason."
    return View(
        name="windows by file",
        noun="file",
        rows=rows_of(
            (
                {
                    "source_id": source_id,
                    "where": row["path"],
                    "outcomes": (source_id in windows_of) + rejected[source_id],
                    "segments": segments_of[source_id] if source_id in windows_of else None,
                    "kept": None if row["kind"] == "audio" else float(source_id in windows_of),
                }
                for row in accepted
                for source_id in (row["source_id"],)
            ),
            ["source_id", "where", "outcomes", "segments", "kept"],
        ),
        id_column="source_id",
        expectations=(
            ExpectExactly.once("outcomes", "every accepted file has windows or is rejected, not both", fate),
            ExpectExactly.once(
                "segments",
                "every file with windows has one row of segments",
                "Its borders are cropped by what segments say.",
            ),
            ExpectShare.of(
                "kept",
                0.5,
                "at least half of the accepted files with a picture have windows",
                "Less tells of wrong params segment rather than of short files.",
            ),
        ),
    )
