"""Rules about table `audio_clips`, the windows of files of audio alone, which lies beside the latents made of them."""

import numpy as np
import pandas as pd

from data_contracts.columns import Columns, Tables, is_among, is_word
from data_contracts.contract import View, missing
from data_contracts.expectations import ExpectNoFault, ExpectUnique
from data_contracts.report.places import at_source
from data_contracts.rules.column_rules import column_rules
from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE, read_latents_manifest
from mova_core.curation.tables import TABLES, read_columns
from mova_core.geometry import ClipGeometry
from mova_core.places import DataFolder

DECLARED = TABLES["audio_clips"]


def read_audio_clips(data: DataFolder, geometry: ClipGeometry) -> Columns:
    """The table of a geometry's folder; no rows where its manifest lists none."""
    folder = data.latents(geometry.name)
    if AUDIO_CLIPS_FILE not in read_latents_manifest(folder).files:
        return Columns(DECLARED.schema.empty_table())
    return Columns(read_columns(folder / AUDIO_CLIPS_FILE, "audio_clips"))


def accepted_windows(windows: Columns) -> pd.Series:
    """Ids of those that are taken."""
    return windows.frame["clip_id"][is_word(windows.frame["verdict"], "accepted")].reset_index(drop=True)


def audio_clips_views(windows: Columns, tables: Tables) -> tuple[View, View]:
    """A row for each window, and one for each file that must have some."""
    frame, sources = windows.frame, tables.accepted
    of_audio = sources.frame["source_id"][is_word(sources.frame["kind"], "audio")].reset_index(drop=True)
    stated, accepted = DECLARED.stated("always"), is_word(frame["verdict"], "accepted")
    lacking = windows.blank(stated)
    for verdict in ("accepted", "rejected"):
        lacking |= is_word(frame["verdict"], verdict) & windows.blank(DECLARED.stated(verdict))
    rows = frame.assign(
        missing=windows.faults(
            lacking, lambda row: missing(row, (*stated, *(DECLARED.stated(row["verdict"]) if row["verdict"] else ())))
        ),
        file_fault=windows.faults(~is_among(frame["source_id"], of_audio), lambda _: "no accepted file of audio alone"),
        reason_fault=windows.faults(
            accepted & frame["reason_code"].notna().to_numpy(), lambda row: f"accepted, with reason {row['reason']}"
        ),
        length_fault=windows.faults(
            np.asarray(frame["end_s"] <= frame["start_s"]), lambda row: f"from {row['start_s']} to {row['end_s']} s"
        ),
    )
    lost = ["no window and no reason" if none else None for none in ~is_among(of_audio, frame["source_id"])]
    files = pd.DataFrame({"source_id": of_audio, "lost": pd.Series(lost, dtype=object)})
    disappears = "Nothing disappears: a file of audio alone gives windows, or says why it does not."
    return (
        View(
            "windows of audio alone",
            "window",
            rows,
            "clip_id",
            at_source(tables),
            (
                ExpectNoFault.of("missing", "every window is fully described", disappears),
                *column_rules(DECLARED.columns, "window"),
                ExpectUnique.of("clip_id", "window", "Latents are found by it."),
                ExpectNoFault.of("file_fault", "every window is of an accepted file of audio alone", disappears),
                ExpectNoFault.of("reason_fault", "only a rejected window has a reason", disappears),
                ExpectNoFault.of("length_fault", "every window ends after it starts", disappears),
            ),
        ),
        View(
            "files of audio alone",
            "file",
            files,
            "source_id",
            at_source(tables),
            (ExpectNoFault.of("lost", "every accepted file of audio alone has windows or a reason", disappears),),
        ),
    )
