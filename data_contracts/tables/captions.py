"""Contract of `captions`: one caption for every accepted clip, which says what is there and never when.

Synchrony is to be learnt through the Bridge; a caption that told the timing would teach it by text. What a model wrote
is held to the rules that its answers were held to (`mova_core/curation/caption/rules.py`).
"""

from collections.abc import Callable

import numpy as np
import pyarrow.compute as pc

from data_contracts.columns import Columns, Mask, Row, Tables, accepted_clips, is_word, looked_up
from data_contracts.contract import Contract, View, missing
from data_contracts.expectations import (
    Column,
    Expectation,
    ExpectEmpty,
    ExpectNoFault,
    ExpectRows,
    ExpectStated,
    ExpectUnique,
)
from data_contracts.report.places import at_clip
from data_contracts.rules.balance import once_a_clip
from data_contracts.rules.column_rules import column_rules
from mova_core.curation.caption.rules import prose_fault, quotation_fault, time_fault
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
EXPLAINED = ("speech", "sound")  # parts that a model's caption may be without, where it says why
PARTS = ("visual", "sound", "merged")
MAY_TELL_A_TIME = r"(?i)\p{Nd}|second|minute|frame|time|="  # any text that `time_fault` finds something in


def captions(data: DataFolder, _params: Params) -> Contract:
    """The contract over the table.

    Raises:
        UsageError: a table is missing.
    """
    tables = Tables(data)
    captions, verdicts = tables["captions"], tables["verdicts"].frame
    kinds = captions.frame["kind"]
    by_model = is_word(kinds, "model")
    may_tell_a_time = (by_model | is_word(kinds, "template")) & _may_tell_a_time(captions)
    clip_ids = captions.frame["clip_id"]
    verdict = looked_up(clip_ids, verdicts["clip_id"], verdicts["verdict"].astype(object))
    lacking = captions.blank(STATED)
    for kind, columns in STATED_BY_KIND.items():
        lacking |= is_word(kinds, kind) & captions.blank(columns)
    view = View(
        name="captions",
        noun="clip",
        rows=captions.frame.assign(
            missing=captions.faults(lacking, lambda row: missing(row, _stated(row))),
            clip_fault=captions.faults(verdict != "accepted", _clip_fault, verdict),
            time_fault=captions.faults(may_tell_a_time, lambda row: _first(row, time_fault)),
            quotation_fault=captions.faults(by_model, lambda row: _first(row, quotation_fault, _quotable(row))),
            prose_fault=captions.faults(by_model, lambda row: _first(row, prose_fault, _quotable(row))),
            unexplained=captions.faults(by_model & captions.blank(EXPLAINED), _unexplained),
            fallback=captions.faults(~captions.blank(["fallback_reason"]), lambda row: row["fallback_reason"]),
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


def _may_tell_a_time(captions: Columns) -> Mask:
    masks = [pc.fill_null(pc.match_substring_regex(captions.table[part], MAY_TELL_A_TIME), False) for part in PARTS]
    return np.logical_or.reduce([np.asarray(mask) for mask in masks])


def _quotable(row: Row) -> list[str]:
    """What a model's caption may quote."""
    return [row["speech"] or "", " ".join(row["on_screen_text"] or ())]


def _first(row: Row, fault: Callable[..., str | None], *arguments: list[str]) -> str | None:
    """The first part of a caption with a fault, and which."""
    told = ((part, fault(row[part], *arguments)) for part in PARTS if row[part])
    return next((f"{part}: {what}" for part, what in told if what is not None), None)


def _unexplained(row: Row) -> str | None:
    reasons = dict(row["unavailable"] or {})
    return missing({part: row[part] or reasons.get(part) for part in EXPLAINED}, EXPLAINED)


def _rows() -> list[Expectation]:
    known = "Latents are stored with the text contexts of their clip."
    text = "Text is what the model is conditioned on; a template always says what is visible and audible."
    return [
        ExpectRows.of("caption", "Without one there is nothing to condition on."),
        ExpectNoFault.of("missing", "every caption has its text and kind, a template all its parts", text),
        ExpectUnique.of("clip_id", "caption", "A clip has one caption."),
        ExpectNoFault.of("clip_fault", "every caption is of an accepted clip", known),
        *column_rules(TABLES["captions"].columns, "caption"),
        ExpectNoFault.of(
            "time_fault",
            "no caption of a template or a model tells when something happens",
            "Synchrony must come through the Bridge, not through text.",
        ),
        ExpectNoFault.of(
            "quotation_fault",
            "every model caption quotes only what is said or written in its clip",
            "A quotation that nobody says or writes teaches a model to make up speech.",
        ),
        ExpectNoFault.of(
            "prose_fault",
            "every model caption is prose, what others say or write in quotation marks",
            "Else a text on the screen may have told the model what to write.",
        ),
        ExpectNoFault.of(
            "unexplained", "every model caption without speech or sound says why", "Unavailable is never silence."
        ),
        ExpectNoFault.better(
            "fallback", "no template stands in for the caption of a model", "Run `mova caption` again to ask once more."
        ),
        ExpectEmpty.of(
            "speech", "template caption", "A template has no transcript; it must not invent one.", only=TEMPLATE
        ),
        ExpectEmpty.of("model", "template caption", "No model wrote it.", only=TEMPLATE),
        ExpectEmpty.of("model", "own caption", "It is from a sidecar; no model wrote it.", only=OWN),
        ExpectEmpty.of("fallback_reason", "model caption", "It is no template.", only=MODEL),
        ExpectStated.of("model", "model caption", "Which model wrote it must be known.", only=MODEL),
    ]
