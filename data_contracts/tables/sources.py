"""Contract of `sources`: every file of the footage is a row, usable and described, or turned away with its reason.

Ranges of what can be stand in `mova_core/curation/tables.py`.
"""

import numpy as np
import pandas as pd

from data_contracts.columns import Columns, Mask, Row, Tables, is_among, is_word
from data_contracts.contract import Contract, View, missing, nowhere
from data_contracts.expectations import (
    ACCEPTED,
    REJECTED,
    Expectation,
    ExpectEmpty,
    ExpectForm,
    ExpectNoFault,
    ExpectPossible,
    ExpectRows,
    ExpectShare,
    ExpectSome,
    ExpectStated,
    ExpectUnique,
)
from data_contracts.rules.column_rules import column_rules
from data_contracts.rules.rejects import read_rejects, rejects_file, rejects_view
from mova_core.curation.tables import TABLES
from mova_core.params import Params
from mova_core.places import DataFolder

COLUMNS = TABLES["sources"]
VIDEO = COLUMNS.stated("always", "accepted", "accepted video")
AUDIO = COLUMNS.stated("always", "accepted")
REJECTED_FILE = COLUMNS.stated("always", "rejected")


def sources(data: DataFolder, params: Params) -> Contract:
    """The contract over the table and the rejects of `ingest`.

    Raises:
        UsageError: one of them is missing.
    """
    sources = Tables(data)["sources"]
    rejects = read_rejects(data, "ingest")
    rejected = rejects.frame["id"]
    accepted = is_word(sources.frame["verdict"], "accepted")
    is_reject = is_among(sources.frame["path"], rejected)
    view = View(
        name="sources",
        noun="file",
        rows=sources.frame.assign(
            missing=sources.faults(_may_lack(sources), lambda row: missing(row, _needed(row))),
            accepted=accepted.astype(float),
            fate_fault=sources.faults(accepted == is_reject, _fate_fault, pd.Series(is_reject)),
        ),
        id_column="path",
        where=nowhere,
        expectations=(*_whole(), *_described(), *_warnings()),
    )
    return Contract(
        table="sources",
        views=(view, rejects_view(rejects, "sources", "ingest", sources.frame["path"], nowhere)),
        files={"sources": data.table("sources"), "rejects/ingest": rejects_file(data, "ingest")},
    )


def _needed(row: Row) -> tuple[str, ...]:
    if row["verdict"] != "accepted":
        return REJECTED_FILE
    return AUDIO if row["kind"] == "audio" else VIDEO


def _may_lack(sources: Columns) -> Mask:
    accepted = is_word(sources.frame["verdict"], "accepted")
    is_audio = is_word(sources.frame["kind"], "audio")
    described = np.where(is_audio, sources.blank(AUDIO), sources.blank(VIDEO))
    return np.where(accepted, described, sources.blank(REJECTED_FILE))


def _fate_fault(row: Row, is_reject: bool) -> str | None:
    if row["verdict"] == "accepted" and is_reject:
        return "accepted and rejected"
    if row["verdict"] == "rejected" and not is_reject:
        return "rejected, but not among the rejects"
    return None


def _whole() -> list[Expectation]:
    """Nothing is lost, nothing is twice."""
    fate = "Nothing disappears: files in = accepted + rejected."
    return [
        ExpectRows.of("file", "A run over no footage is a mistake in params ingest.footage."),
        ExpectSome.of("accepted", "accepted file", "Without one there is nothing to cut clips from."),
        ExpectUnique.of("path", "file", "A file is one row."),
        ExpectForm.of(
            "path",
            r"(?s)\A(?!/)(?!(?:.*/)?\.\./).+\Z",
            "path stays inside the footage folder for every file",
            "Paths from outside never leave their folder.",
        ),
        ExpectNoFault.of("fate_fault", "every file is either accepted or among the rejects, not both", fate),
        ExpectNoFault.of("missing", "every rejected file has a reason", fate, only=REJECTED),
        ExpectEmpty.of("reason_code", "accepted file", "A reason to reject it contradicts its verdict.", only=ACCEPTED),
        ExpectForm.hexadecimal("source_id", 64, "file", "It is the sha256 of the file's bytes."),
        ExpectUnique.of(
            "source_id", "accepted file", "A copy adds nothing and would leak between splits.", only=ACCEPTED
        ),
    ]


def _described() -> list[Expectation]:
    """An accepted file is known well enough to cut clips from."""
    needed = "Later stages rely on it; ingest finds it out by decoding the head, so an accepted file has it."
    return [
        ExpectNoFault.of("missing", "every accepted file is fully described", needed, only=ACCEPTED),
        ExpectPossible.above("bytes", 0, "accepted file", "An empty file holds no clip.", only=ACCEPTED),
        *column_rules(COLUMNS.columns, "file"),
    ]


def _warnings() -> list[Expectation]:
    return [
        ExpectShare.of(
            "accepted",
            0.5,
            "at least half of the files are accepted",
            "More rejects than that tell of a wrong folder or a broken decoder rather than of bad files.",
        ),
        ExpectStated.better(
            "rights",
            "accepted file",
            "Null is unknown: a team needs to know what it may train on (a sidecar file states it).",
            only=ACCEPTED,
        ),
    ]
