"""Contract of `captions`: one caption for every accepted clip, which says what is there and never when.

Synchrony is to be learnt through the Bridge; a caption that told the timing would teach it by text.
"""

from collections import Counter
from typing import Any

from data_contracts.contract import Contract, View, missing, rows_of
from data_contracts.expectations import (
    Column,
    Expectation,
    ExpectEmpty,
    ExpectExactly,
    ExpectForm,
    ExpectNoFault,
    ExpectOneOf,
    ExpectRows,
    ExpectStated,
    ExpectUnique,
)
from data_contracts.places import places_of_clips
from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import TABLES, read_table
from mova_core.params import Params

TEMPLATE = Column("kind") == "template"
MODEL = Column("kind") == "model"
STATED = ("clip_id", "merged", "kind", "language")
TEMPLATE_PARTS = ("visual", "sound")
NO_TIME = r"(?is)\A(?!.*\b(?!\d{4}s\b)\d+(?:[.,:]\d+)?\s*(?:ms|milliseconds?|s|secs?|seconds?|minutes?|frames?)\b).*\Z"


def captions(data: DataFolder, _params: Params) -> Contract:
    """The contract over the table.

    Raises:
        UsageError: a table is missing.
    """
    rows = read_table(data.table("captions"), "captions")
    verdict_of = {row["clip_id"]: row["verdict"] for row in read_table(data.table("verdicts"), "verdicts")}
    places = places_of_clips(data)
    view = View(
        name="captions",
        noun="clip",
        rows=rows_of(
            (
                {
                    **row,
                    "where": places.get(row["clip_id"]),
                    "missing": missing(row, STATED + TEMPLATE_PARTS * (row["kind"] == "template")),
                    "clip_fault": _clip_fault(verdict_of.get(row["clip_id"])),
                }
                for row in rows
            ),
            [*TABLES["captions"].names, "where", "missing", "clip_fault"],
        ),
        id_column="clip_id",
        expectations=tuple(_rows()),
    )
    accepted = [clip_id for clip_id, verdict in verdict_of.items() if verdict == "accepted"]
    return Contract(
        table="captions",
        views=(view, _by_clip(rows, accepted, places)),
        files={"captions": data.table("captions")},
    )


def _clip_fault(verdict: str | None) -> str | None:
    if verdict is None:
        return "no such clip was judged"
    return None if verdict == "accepted" else f"its clip is {verdict}"


def _rows() -> list[Expectation]:
    known = "Latents are stored with the text contexts of their clip."
    text = "Text is what the model is conditioned on; a template always says what is seen and heard."
    return [
        ExpectRows.of("caption", "Without one there is nothing to condition on."),
        ExpectNoFault.of("missing", "every caption has its text, kind and language, a template all its parts", text),
        ExpectUnique.of("clip_id", "caption", "A clip has one caption."),
        ExpectNoFault.of("clip_fault", "every caption is of an accepted clip", known),
        ExpectOneOf.of("kind", ["template", "model"], "caption", "There are two kinds."),
        ExpectForm.of(
            "merged",
            NO_TIME,
            "no template caption tells when something happens",
            "Synchrony must come through the Bridge, not through text.",
            only=TEMPLATE,
        ),
        ExpectEmpty.of(
            "speech", "template caption", "A template has no transcript; it must not invent one.", only=TEMPLATE
        ),
        ExpectEmpty.of("model", "template caption", "No model wrote it.", only=TEMPLATE),
        ExpectStated.of("model", "model caption", "Which model wrote it must be known.", only=MODEL),
    ]


def _by_clip(rows: list[dict[str, Any]], accepted: list[str], places: dict[str, str]) -> View:
    captioned = Counter(row["clip_id"] for row in rows)
    return View(
        name="captions by clip",
        noun="clip",
        rows=rows_of(
            ({"clip_id": key, "where": places.get(key), "outcomes": captioned[key]} for key in accepted),
            ["clip_id", "where", "outcomes"],
        ),
        id_column="clip_id",
        expectations=(
            ExpectExactly.once(
                "outcomes",
                "every accepted clip has one caption",
                "Nothing disappears: captions = accepted clips.",
            ),
        ),
    )
