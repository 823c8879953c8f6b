"""Contract of `verdicts`: one judgement a clip, numbers that can be, and no accepted clip beyond a limit.

The limits are those of params.yaml, section assess, under the names they have there: `silence_ratio_below: 0.8` means
that `silence_ratio` of an accepted clip is below 0.8. A measure that is null was unavailable.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data_contracts.columns import Columns, Mask, Row, Tables, is_among, is_word, looked_up
from data_contracts.contract import Contract, View
from data_contracts.expectations import (
    ACCEPTED,
    Expectation,
    ExpectForm,
    ExpectNoFault,
    ExpectPossible,
    ExpectRows,
    ExpectShare,
    ExpectSome,
    ExpectStated,
    ExpectUnique,
)
from data_contracts.report.places import at_clip
from data_contracts.rules.balance import balance_view, once_a_clip
from data_contracts.rules.column_rules import column_rules
from data_contracts.rules.rejects import read_rejects, rejects_file, rejects_view
from mova_core.curation.assess.phase_filters import phase_needs, refusals
from mova_core.curation.assess.stage import FILTERS_UNAVAILABLE
from mova_core.curation.tables import LIMITED, MEASURE_NAMES, TABLES, measures_of
from mova_core.geometry import ClipGeometry
from mova_core.params import PHASE_NAMES, AssessParams, Params
from mova_core.places import DataFolder

PER_SECOND = ("bandwidth_hz", "clipping_runs_hz")  # at most half the sample rate of the clips


def verdicts(data: DataFolder, params: Params) -> Contract:
    """The contract over the table, the rejects of `assess`, and the balance of all stages up to here.

    Raises:
        UsageError: a table is missing.
    """
    tables = Tables(data)
    clips, verdicts, rejects = tables["clips"].frame, tables["verdicts"], read_rejects(data, "assess")
    is_clip = is_among(verdicts.frame["clip_id"], clips["clip_id"])
    view = View(
        name="verdicts",
        noun="clip",
        rows=verdicts.frame[["clip_id", *MEASURE_NAMES, "verdict"]].assign(
            missing=verdicts.missing(TABLES["verdicts"].stated("always")),
            accepted=is_word(verdicts.frame["verdict"], "accepted").astype(float),
            clip_fault=verdicts.faults(~is_clip, lambda _: "no such clip"),
            fate_fault=_fate_faults(verdicts, rejects.frame["id"]),
            sync_fault=verdicts.faults(
                _may_be_out_of_step(verdicts.frame, params.assess), lambda row: _sync_fault(row, params.assess)
            ),
            subtitles_fault=verdicts.faults(_may_belie_subtitles(verdicts.frame), _subtitles_fault),
            phases_fault=verdicts.faults(
                _may_be_in_wrong_phases(verdicts), lambda row: _phases_fault(row, PHASE_NAMES)
            ),
            **_filter_faults(verdicts, params),
            rights_fault=_rights_faults(verdicts, tables, params.contract.phase3_requires),
        ),
        id_column="clip_id",
        where=at_clip(tables),
        expectations=(
            *_judgements(),
            *_required(params.contract.phase3_requires),
            *_possible(params.clip_geometry),
            *_limits(params.assess),
            *_warnings(),
        ),
    )
    once = "every clip has one verdict", "Nothing disappears: one verdict a clip."
    judged = verdicts.frame["clip_id"]
    return Contract(
        table="verdicts",
        views=(
            view,
            once_a_clip(
                "verdicts", clips[["clip_id"]].drop_duplicates(ignore_index=True), "clip_id", judged, tables, *once
            ),
            balance_view(data, tables),
            rejects_view(rejects, "clips", "assess", clips["clip_id"], at_clip(tables, "id")),
        ),
        files={"verdicts": data.table("verdicts"), "rejects/assess": rejects_file(data, "assess")},
    )


def _fate_faults(verdicts: Columns, rejected: pd.Series) -> pd.Series:
    is_reject = is_among(verdicts.frame["clip_id"], rejected)
    has_reason = verdicts.lengths("rejections") > 0
    accepted, turned_away = (is_word(verdicts.frame["verdict"], word) for word in ("accepted", "rejected"))
    suspects = accepted & (has_reason | is_reject) | turned_away & ~(has_reason & is_reject)
    return verdicts.faults(suspects, _fate_fault, pd.Series(is_reject))


def _fate_fault(row: Row, is_reject: bool) -> str | None:
    reasons = len(row["rejections"] or {})
    if row["verdict"] == "accepted" and (reasons or is_reject):
        return f"accepted with {reasons} rejections" if reasons else "accepted, and among the rejects"
    if row["verdict"] == "rejected" and not (reasons and is_reject):
        return "rejected, but not among the rejects" if reasons else "rejected without a reason"
    return None


def _may_be_out_of_step(frame: pd.DataFrame, limits: AssessParams) -> pd.Series:
    in_step = (frame["imagebind"] >= limits.imagebind_at_least) | (frame["desync_s"] <= limits.desync_s_at_most)
    return (frame["imagebind"].notna() | frame["desync_s"].notna()) & ~in_step


def _sync_fault(row: Row, limits: AssessParams) -> str | None:
    imagebind, desync_s = row["imagebind"], row["desync_s"]
    if imagebind is None and desync_s is None:
        return None
    if imagebind is not None and imagebind >= limits.imagebind_at_least:
        return None
    if desync_s is not None and desync_s <= limits.desync_s_at_most:
        return None
    return f"imagebind {imagebind}, desync {desync_s} s"


def _may_belie_subtitles(frame: pd.DataFrame) -> pd.Series:
    share, said = frame["subtitle_share"], frame["has_subtitles"]
    return (share.notna() != said.notna()) | ((share > 0) != (said == True))  # noqa: E712, column-wise


def _subtitles_fault(row: Row) -> str | None:
    share, said = row["subtitle_share"], row["has_subtitles"]
    measured = None if share is None else share > 0
    return None if said == measured else f"has subtitles: {said}, in a share of {share} of the frames"


def _may_be_in_wrong_phases(verdicts: Columns) -> Mask:
    known = pa.array(PHASE_NAMES)
    odd = verdicts.holding("phases", lambda phases: pc.invert(pc.is_in(phases, value_set=known)))
    in_some = verdicts.lengths("phases") > 0
    return odd | (in_some != is_word(verdicts.frame["verdict"], "accepted"))


def _phases_fault(row: Row, known: tuple[str, ...]) -> str | None:
    phases = row["phases"] or []
    if odd := [phase for phase in phases if phase not in known]:
        return f"unknown phase {odd[0]}"
    if row["verdict"] == "rejected" and phases:
        return f"rejected, but in {', '.join(phases)}"
    return "accepted, but in none" if row["verdict"] == "accepted" and not phases else None


def _filter_faults(verdicts: Columns, params: Params) -> dict[str, pd.Series]:
    """What the filters of training phases miss of each clip: of phases that took it, and of phases that refused it."""
    needs = [need for needs in phase_needs(params.preset, params.assess).values() for need in needs]
    needed = sorted({measure for need in needs for alternative in need for measure in alternative})
    suspects = verdicts.frame[needed].isna().any(axis=1)

    def missed(row: Row, taken: bool) -> str | None:
        if set(row["rejections"] or {}) - {FILTERS_UNAVAILABLE}:
            return None
        refusing = refusals(params.preset, params.assess, row)
        told = {phase: names for phase, names in refusing.items() if (phase in (row["phases"] or [])) is taken}
        names = dict.fromkeys(name for names in told.values() for name in names)
        return f"{', '.join(told)} without {', '.join(names)}" if told else None

    return {
        "taken_fault": verdicts.faults(suspects, lambda row: missed(row, True)),
        "refused_fault": verdicts.faults(suspects, lambda row: missed(row, False)),
    }


def _judgements() -> list[Expectation]:
    known = "Captions and latents go by it."
    return [
        ExpectRows.of("verdict", "Without one there is nothing to go on with."),
        ExpectSome.of("accepted", "accepted clip", "Without one there is nothing to train on."),
        ExpectNoFault.of("missing", "every verdict is fully described", known),
        ExpectUnique.of("clip_id", "verdict", "A clip is judged once."),
        ExpectForm.hexadecimal("clip_id", 16, "verdict", known),
        ExpectNoFault.of("clip_fault", "every verdict is about a clip that exists", known),
        ExpectNoFault.of(
            "fate_fault",
            "every rejected clip has a reason and is among the rejects, no accepted one is",
            "Nothing disappears: clips = accepted + rejected.",
        ),
        ExpectNoFault.of(
            "phases_fault",
            "every accepted clip is in a training phase that exists, no rejected one is in any",
            "Training draws its clips by phase (phases.py).",
        ),
        ExpectNoFault.of(
            "taken_fault",
            "every clip has the measures that the filters of its training phases need",
            "What no filter has seen is unavailable, neither pass nor fail; params assess.allow_unavailable allows it.",
        ),
        ExpectNoFault.of(
            "subtitles_fault",
            "every verdict says of subtitles what was measured",
            "Phase 2 tells its prompts that a clip has no subtitles.",
        ),
    ]


def _rights_faults(verdicts: Columns, tables: Tables, required: Sequence[str]) -> pd.Series:
    """What the sidecars of its file leave unsaid of every clip of phase 3."""
    if not required:
        return pd.Series(np.full(len(verdicts), None, dtype=object))
    sources, clips = tables.accepted, tables["clips"].frame
    source_id = looked_up(verdicts.frame["clip_id"], clips["clip_id"], clips["source_id"])
    unstated = looked_up(source_id, sources.frame["source_id"], sources.missing(required).fillna(""))
    in_phase3 = verdicts.holding("phases", lambda phases: pc.equal(phases, "phase3"))
    faulty = in_phase3 & source_id.notna() & (unstated != "")
    return verdicts.faults(faulty, lambda _, said: "no such file" if said is None else said, unstated)


def _required(required: Sequence[str]) -> list[Expectation]:
    if not required:
        return []
    because = "params contract.phase3_requires: the last phase decides what the model shows; a sidecar states it."
    stated = " and ".join(required)
    return [ExpectNoFault.of("rights_fault", f"{stated} stated for the file of every clip of phase 3", because)]


def _possible(geometry: ClipGeometry) -> list[Expectation]:
    nyquist_hz = geometry.audio_rate_hz / 2
    columns = [replace(one, high=nyquist_hz) if one.name in PER_SECOND else one for one in TABLES["verdicts"].columns]
    return column_rules(columns, "clip")


def _limits(assess: AssessParams) -> list[Expectation]:
    rules: list[Expectation] = []
    for measure in LIMITED:
        rule = ExpectPossible.below if measure.limit == "below" else ExpectPossible.above
        because = (
            f"params assess.{measure.limit_name}; its default is that of the MOVA report, stage 2, where it has one."
        )
        rules.append(rule(measure.name, getattr(assess, measure.limit_name), "accepted clip", because, only=ACCEPTED))
    sentence = (
        f"imagebind ≥ {assess.imagebind_at_least:g} or desync ≤ {assess.desync_s_at_most:g} s among accepted clips,"
        " where either was measured"
    )
    return [*rules, ExpectNoFault.of("sync_fault", sentence, "MOVA report, stage 2: either is enough.", only=ACCEPTED)]


def _warnings() -> list[Expectation]:
    return [
        ExpectNoFault.better(
            "refused_fault",
            "no clip is refused by a training phase whose filters are unavailable",
            "Bring the weights (params weights), or name the measure in params assess.allow_unavailable.",
        ),
        ExpectShare.of(
            "accepted",
            0.5,
            "at least half of the clips are accepted",
            "The report keeps 31 % of its raw stage-1 clips; less than half tells a small set to look at its limits.",
        ),
        *(
            ExpectStated.better(
                measure,
                "accepted clip",
                "It needs no weights, so it should not be unavailable; null holds no limit.",
                only=ACCEPTED,
            )
            for measure in measures_of("always")
        ),
    ]
