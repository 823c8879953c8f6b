"""Contract of `captions`: one caption for every accepted clip, which says what is there and never when.

Synchrony is to be learnt through the Bridge; a caption that told the timing would teach it by text.
"""

from data_contracts.columns import Row, Tables, accepted_clips, is_word, looked_up
from data_contracts.contract import Contract, View, missing
from data_contracts.expectations import (
    Column,
    Expectation,
    ExpectEmpty,
    ExpectForm,
    ExpectNoFault,
    ExpectRows,
    ExpectStated,
    ExpectUnique,
)
from data_contracts.report.places import at_clip
from data_contracts.rules.balance import once_a_clip
from data_contracts.rules.column_rules import column_rules
from mova_core.curation.tables import TABLES
from mova_core.params import Params
from mova_core.places import DataFolder

TEMPLATE = Column("kind") == "template"
OWN = Column("kind") == "own"
MODEL = Column("kind") == "model"
STATED = TABLES["captions"].stated("always")
STATED_BY_KIND = {  # an own caption is text alone; that of a model has a rule of its own
    "template": TABLES["captions"].stated("template", "template or model"),
    "model": TABLES["captions"].stated("template or model"),
}
NO_TIME = r"(?is)\A(?!.*\b(?!\d{4}s\b)\d+(?:[.,:]\d+)?\s*(?:ms|milliseconds?|s|secs?|seconds?|minutes?|frames?)\b).*\Z"


def captions(data: DataFolder, _params: Params) -> Contract:
    """The contract over the table.

    Raises:
        UsageError: a table is missing.
    """
    tables = Tables(data)
    captions, verdicts = tables["captions"], tables["verdicts"].frame
    clip_ids = captions.frame["clip_id"]
    verdict = looked_up(clip_ids, verdicts["clip_id"], verdicts["verdict"].astype(object))
    lacking = captions.blank(STATED)
    for kind, columns in STATED_BY_KIND.items():
        lacking |= is_word(captions.frame["kind"], kind) & captions.blank(columns)
    view = View(
        name="captions",
        noun="clip",
        rows=captions.frame.assign(
            missing=captions.faults(lacking, lambda row: missing(row, _stated(row))),
            clip_fault=captions.faults(verdict != "accepted", _clip_fault, verdict),
        ),
        id_column="clip_id",
        where=at_clip(tables),
        expectations=tuple(_rows()),
    )
    accepted = accepted_clips(tables).to_frame("clip_id")
    once = "every accepted clip has one caption", "Nothing disappears: captions = accepted clips."
    return Contract(
        table="captions",
        views=(view, once_a_clip("captions", accepted, "clip_id", clip_ids, tables, *once)),
        files={"captions": data.table("captions")},
    )


def _stated(row: Row) -> tuple[str, ...]:
    return STATED + STATED_BY_KIND.get(row["kind"], ())


def _clip_fault(_: Row, verdict: str | None) -> str | None:
    if verdict is None:
        return "no such clip was judged"
    return None if verdict == "accepted" else f"its clip is {verdict}"


def _rows() -> list[Expectation]:
    known = "Latents are stored with the text contexts of their clip."
    text = "Text is what the model is conditioned on; a template always says what is visible and audible."
    return [
        ExpectRows.of("caption", "Without one there is nothing to condition on."),
        ExpectNoFault.of("missing", "every caption has its text and kind, a template all its parts", text),
        ExpectUnique.of("clip_id", "caption", "A clip has one caption."),
        ExpectNoFault.of("clip_fault", "every caption is of an accepted clip", known),
        *column_rules(TABLES["captions"].columns, "caption"),
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
        ExpectEmpty.of("model", "own caption", "It is from a sidecar; no model wrote it.", only=OWN),
        ExpectStated.of("model", "model caption", "Which model wrote it must be known.", only=MODEL),
    ]
