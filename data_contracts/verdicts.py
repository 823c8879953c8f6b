"""Contract of `verdicts`: one judgement a clip, numbers that can be, and no accepted clip beyond a limit.

The limits are those of params.yaml, section assess, under the names they have there: `silence_ratio_below: 0.8` means
that `silence_ratio` of an accepted clip is below 0.8. A measure that is null was unavailable.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from data_contracts.balance import balance_view
from data_contracts.contract import Contract, View, missing, rows_of
from data_contracts.expectations import (
    ACCEPTED,
    Expectation,
    ExpectExactly,
    ExpectForm,
    ExpectNoFault,
    ExpectOneOf,
    ExpectPossible,
    ExpectRows,
    ExpectShare,
    ExpectSome,
    ExpectStated,
    ExpectUnique,
)
from data_contracts.places import places_of_clips
from data_contracts.rejects import read_rejects, rejects_file, rejects_view
from mova_core.curation.layout import DataFolder
from mova_core.curation.phases import PHASES
from mova_core.curation.tables import MEASURES, read_table
from mova_core.params import AssessParams, Params

ALWAYS_MEASURED = MEASURES[: MEASURES.index("speech_share") + 1]
SHARES = (
    *("silence_ratio", "clipped_share", "black_share", "frozen_share", "speech_share", "brightness", "av_align"),
    *("text_share", "subtitle_share", "eat_speech", "eat_singing"),
)
RANGES = {
    **dict.fromkeys(SHARES, (0, 1)),
    "lufs": (-150, 30),
    "motion": (0, 255),
    "noise_sd": (0, 255),
    "loudness_range_lu": (0, 100),
    "blur_px": (0, 10_000),
    "blocking": (0, 1e9),  # a ratio: drawn blocks on a flat ground have no bound
    "flow_speed": (0, 1000),
    "onset_lag_s": (-1, 1),
    **dict.fromkeys(("dnsmos_p808", "dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl"), (0, 6)),
    "audiobox_pq": (0, 10),
    "audiobox_cu": (0, 10),
    "audiobox_ce": (0, 10),
    "dover_aesthetic": (0, 1),
    "dover_technical": (0, 1),
    "imagebind": (-1, 1),
    "desync_s": (0, 10),
    "lse_d": (0, 100),
    "lse_c": (-100, 100),
}


def verdicts(data: DataFolder, params: Params) -> Contract:
    """The contract over the table, the rejects of `assess`, and the balance of all stages up to here.

    Raises:
        UsageError: a table is missing.
    """
    rows = read_table(data.table("verdicts"), "verdicts")
    rejects = read_rejects(data, "assess")
    rejected = {row["id"] for row in rejects}
    places = places_of_clips(data)
    unstated = _unstated(data, params.contract.phase3_requires)
    view = View(
        name="verdicts",
        noun="clip",
        rows=rows_of(
            (
                {
                    **row,
                    "where": places.get(row["clip_id"]),
                    "missing": missing(row, ("clip_id", "verdict")),
                    "accepted": float(row["verdict"] == "accepted"),
                    "clip_fault": None if row["clip_id"] in places else "no such clip",
                    "fate_fault": _fate_fault(row, rejected),
                    "sync_fault": _sync_fault(row, params.assess),
                    "subtitles_fault": _subtitles_fault(row),
                    "phases_fault": _phases_fault(row, PHASES),
                    "rights_fault": unstated.get(row["clip_id"]) if "phase3" in (row["phases"] or ()) else None,
                }
                for row in rows
            ),
            [
                *("clip_id", *MEASURES, "verdict", "where", "missing", "accepted"),
                *("clip_fault", "fate_fault", "sync_fault", "subtitles_fault", "phases_fault", "rights_fault"),
            ],
        ),
        id_column="clip_id",
        expectations=(
            *_judgements(),
            *_required(params.contract.phase3_requires),
            *_possible(params),
            *_limits(params.assess),
            *_warnings(),
        ),
    )
    return Contract(
        table="verdicts",
        views=(
            view,
            _by_clip(rows, places),
            balance_view(data, rows),
            rejects_view(rejects, "clips", "assess", places),
        ),
        files={"verdicts": data.table("verdicts"), "rejects/assess": rejects_file(data, "assess")},
    )


def _fate_fault(row: dict[str, Any], rejected: set[str]) -> str | None:
    reasons = len(row["rejections"] or {})
    if row["verdict"] == "accepted" and (reasons or row["clip_id"] in rejected):
        return f"accepted with {reasons} rejections" if reasons else "accepted, and among the rejects"
    if row["verdict"] == "rejected" and (not reasons or row["clip_id"] not in rejected):
        return "rejected, but not among the rejects" if reasons else "rejected without a reason"
    return None


def _sync_fault(row: dict[str, Any], limits: AssessParams) -> str | None:
    imagebind, desync_s = row["imagebind"], row["desync_s"]
    if imagebind is None and desync_s is None:
        return None
    if imagebind is not None and imagebind >= limits.imagebind_at_least:
        return None
    if desync_s is not None and desync_s <= limits.desync_s_at_most:
        return None
    return f"imagebind {imagebind}, desync {desync_s} s"


def _subtitles_fault(row: dict[str, Any]) -> str | None:
    share, said = row["subtitle_share"], row["has_subtitles"]
    measured = None if share is None else share > 0
    return None if said == measured else f"has subtitles: {said}, in a share of {share} of the frames"


def _phases_fault(row: dict[str, Any], known: tuple[str, ...]) -> str | None:
    phases = row["phases"] or []
    if odd := [phase for phase in phases if phase not in known]:
        return f"unknown phase {odd[0]}"
    if row["verdict"] == "rejected" and phases:
        return f"rejected, but in {', '.join(phases)}"
    return "accepted, but in none" if row["verdict"] == "accepted" and not phases else None


def _judgements() -> list[Expectation]:
    known = "Captions and latents go by it."
    return [
        ExpectRows.of("verdict", "Without one there is nothing to go on with."),
        ExpectSome.of("accepted", "accepted clip", "Without one there is nothing to train on."),
        ExpectNoFault.of("missing", "every verdict names its clip and says accepted or rejected", known),
        ExpectUnique.of("clip_id", "verdict", "A clip is judged once."),
        ExpectForm.hexadecimal("clip_id", 16, "verdict", known),
        ExpectNoFault.of("clip_fault", "every verdict is about a clip that exists", known),
        ExpectOneOf.of("verdict", ["accepted", "rejected"], "clip", known),
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
            "subtitles_fault",
            "every verdict says of subtitles what was measured",
            "The caption of a clip without subtitles says so.",
        ),
    ]


def _unstated(data: DataFolder, required: Sequence[str]) -> dict[str, str | None]:
    """clip_id -> what its file's sidecars leave unsaid of that."""
    if not required:
        return {}
    sources = read_table(data.table("sources"), "sources")
    of_source = {row["source_id"]: missing(row, required) for row in sources if row["verdict"] == "accepted"}
    clips = read_table(data.table("clips"), "clips")
    return {row["clip_id"]: of_source.get(row["source_id"], "no such file") for row in clips}


def _required(required: Sequence[str]) -> list[Expectation]:
    if not required:
        return []
    because = "params contract.phase3_requires: the last phase decides what the model shows; a sidecar states it."
    stated = " and ".join(required)
    return [ExpectNoFault.of("rights_fault", f"{stated} stated for the file of every clip of phase 3", because)]


def _possible(params: Params) -> list[Expectation]:
    can_be = "Beyond it the measure is wrong, not the clip."
    ranges = {**RANGES, "bandwidth_hz": (0, params.clip_geometry.audio_rate_hz / 2)}
    ranges["clipping_runs_hz"] = ranges["bandwidth_hz"]
    return [ExpectPossible.of(measure, *ranges[measure], "clip", can_be) for measure in MEASURES]


def _limits(assess: AssessParams) -> list[Expectation]:
    rules: list[Expectation] = []
    for name, limit in assess:
        measure, _, comparison = name.rpartition("_")
        if comparison in ("below", "above"):
            rule = ExpectPossible.below if comparison == "below" else ExpectPossible.above
            because = f"params assess.{name}; defaults are those of the MOVA report, stage 2, where it has one."
            rules.append(rule(measure, limit, "accepted clip", because, only=ACCEPTED))
    sentence = (
        f"imagebind ≥ {assess.imagebind_at_least:g} or desync ≤ {assess.desync_s_at_most:g} s among accepted clips,"
        " where either was measured"
    )
    return [*rules, ExpectNoFault.of("sync_fault", sentence, "MOVA report, stage 2: either is enough.", only=ACCEPTED)]


def _warnings() -> list[Expectation]:
    return [
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
            for measure in ALWAYS_MEASURED
        ),
    ]


def _by_clip(rows: list[dict[str, Any]], places: dict[str, str]) -> View:
    judged = Counter(row["clip_id"] for row in rows)
    return View(
        name="verdicts by clip",
        noun="clip",
        rows=rows_of(
            ({"clip_id": key, "where": where, "outcomes": judged[key]} for key, where in places.items()),
            ["clip_id", "where", "outcomes"],
        ),
        id_column="clip_id",
        expectations=(
            ExpectExactly.once("outcomes", "every clip has one verdict", "Nothing disappears: one verdict a clip."),
        ),
    )
