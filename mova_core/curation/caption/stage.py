"""A caption for every accepted clip: its file's own one from a sidecar, else one by models or a filled template.

An own caption describes a whole file, so all clips of the file get it (kind `own`, its language not known). A template
names the scenes that the file's sidecar lists, or else what was measured. Where models are asked (params caption.kind)
and give a clip no caption, its template stands, and `fallback_reason` says why.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mova_core.curation.caption.templates import (
    SYNTHETIC_CLASSES,
    Facts,
    measured_caption,
    synthetic_caption,
)
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.sidecars_read import check_sidecars
from mova_core.curation.tables import read_table, write_table
from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.places import CAPTION_CACHE, RESULT_CACHE, DataFolder
from mova_core.storage.result_cache import ResultCache

if TYPE_CHECKING:
    from mova_core.curation.caption.models.captioner import Captioner

Row = Mapping[str, Any]

TEMPLATE_LANGUAGE = "en"
SEEN_SHARE = 0.05  # of the window: a scene that lasts less is a cut found a frame late, not named


def caption(
    params: Params,
    footage: Path,
    data: DataFolder,
    result_cache: Path = RESULT_CACHE,
    answers: Path = CAPTION_CACHE,
) -> dict[str, Any]:
    """Write `captions`: a row for every accepted clip, in the order of `clips`.

    Args:
        params: all sections.
        footage: the folder, list or lock that `sources` was made from; sidecars are read from there.
        data: where the tables lie.
        result_cache: folder that keeps finished captions by models.
        answers: folder that keeps what models answered.

    Raises:
        UsageError: the footage or a table is missing, the language is one that no template is written in, or a model
            that params name has no endpoint that answers.
        StaleError: a sidecar is not what it was when `ingest` read it, or a clip not what it was when it was cut.
        EndpointError: an endpoint is gone; what is done is kept.
    """
    if params.caption.language != TEMPLATE_LANGUAGE:
        raise UsageError(
            f"params caption.language is {params.caption.language!r}, template captions are written in"
            f" {TEMPLATE_LANGUAGE!r} only: set it to {TEMPLATE_LANGUAGE!r}"
        )
    captioner = _captioner(params, answers)
    clips = {row["clip_id"]: row for row in read_table(data.table("clips"), "clips")}
    verdicts = {row["clip_id"]: row for row in read_table(data.table("verdicts"), "verdicts")}
    rows = _without_models(params, footage, data, clips, verdicts)
    if captioner is not None:
        from mova_core.curation.caption.models.caption_clips import Clip, caption_clips
        from mova_core.curation.caption.models.captioner import Measured

        def wanted(clip_id: str) -> Clip:
            verdict = verdicts[clip_id]
            return Clip(clips[clip_id], Measured(verdict["speech_share"], verdict["text_share"]))

        asked = {row["clip_id"]: wanted(row["clip_id"]) for row in rows if row["kind"] == "template"}
        finished = ResultCache.of_stage("caption", result_cache)
        by_models = caption_clips(captioner, asked, data.clips, finished, params.caption.requests.at_once)
        rows = [row | by_models.get(row["clip_id"], {}) for row in rows]
    inputs = {name: data.table(name) for name in ("verdicts", "clips", "windows", "segments", "sources")}
    write_table(data.table("captions"), "captions", rows, inputs)
    return _summary(rows)


def _without_models(
    params: Params, footage: Path, data: DataFolder, clips: Mapping[str, Row], verdicts: Mapping[str, Row]
) -> list[dict[str, Any]]:
    """Own captions and templates of the accepted clips."""
    windows = {row["window_id"]: row for row in read_table(data.table("windows"), "windows")}
    segments = {row["source_id"]: row for row in read_table(data.table("segments"), "segments")}
    sources = read_table(data.table("sources"), "sources")
    own_captions = {row["source_id"]: row["own_caption"] for row in sources if row["verdict"] == "accepted"}
    opened = Footage.open(footage)
    check_sidecars(data.table("sources"), opened, params.ingest.sidecar)
    scenes_of = _scene_reader(opened, sources)
    rows = []
    for clip in clips.values():
        verdict, window = verdicts[clip["clip_id"]], windows[clip["window_id"]]
        if verdict["verdict"] != "accepted":
            continue
        if own := own_captions[clip["source_id"]]:
            rows.append(_row(clip["clip_id"], merged=own, kind="own", language=None))
            continue
        classes = classes_seen(scenes_of(clip["source_id"]), window["start_s"], window["end_s"])
        if classes:
            text = synthetic_caption(classes, verdict["black_share"])
        else:
            text = measured_caption(_facts(clip, verdict, window, segments[clip["source_id"]]["cuts_s"]))
        rows.append(_row(clip["clip_id"], **asdict(text), kind="template", language=params.caption.language))
    return rows


def _summary(rows: Sequence[Row]) -> dict[str, Any]:
    own, by_model = (sum(row["kind"] == kind for row in rows) for kind in ("own", "model"))
    reasons = [row["fallback_reason"] for row in rows if row.get("fallback_reason")]
    told = f", {own} of them by their files' own captions" if own else ""
    told += f", {by_model} by models" if by_model else ""
    if reasons:
        told += f"; {len(reasons)} keep a template, the first because {reasons[0]} (asked again by `mova caption`)"
    return {
        "captions": len(rows),
        "own": own,
        "model": by_model,
        "fallback": len(reasons),
        "text": f"{len(rows)} clips captioned{told}",
    }


def _captioner(params: Params, answers: Path) -> "Captioner | None":
    """The models that params ask for, all of which answer."""
    if params.caption.kind != "model":
        return None
    from mova_core.curation.caption.models.captioner import Captioner

    return Captioner.from_environment(params, answers)


def classes_seen(scenes: Iterable[Mapping[str, Any]], start_s: float, end_s: float) -> list[str]:
    """Classes of synthetic footage seen in a window, in order, the same one only once in a row.

    Empty when any scene in the window is of no known class: then nothing is claimed about it.
    """
    seen: list[str] = []
    for scene in sorted(scenes, key=lambda scene: scene["start_s"]):
        start, end = max(scene["start_s"], start_s), min(scene["end_s"], end_s)
        if not (start < end and end - start >= SEEN_SHARE * (end_s - start_s)):
            continue
        name = str(scene.get("class"))
        if name not in SYNTHETIC_CLASSES:
            return []
        if seen[-1:] != [name]:
            seen.append(name)
    return seen


def _scene_reader(footage: Footage, sources: Iterable[Row]) -> Callable[[str], list[dict[str, Any]]]:
    """Scenes by source_id, each sidecar read once; of files of the same bytes the first that states any."""
    paths: dict[str, list[str]] = {}
    for row in sources:
        if row["verdict"] == "accepted" or row["reason_code"] == "duplicate":
            paths.setdefault(row["source_id"], []).append(row["path"])

    @cache
    def scenes(source_id: str) -> list[dict[str, Any]]:
        stated = (footage.sidecar(path).get("scenes") for path in paths[source_id])
        return next((some for some in stated if some), [])

    return scenes


def _facts(clip: Row, verdict: Row, window: Row, cuts_s: Sequence[float]) -> Facts:
    inside = [cut for cut in cuts_s if window["start_s"] < cut < window["end_s"]]
    return Facts(
        orientation=clip["orientation"],
        shots=len(inside) + 1,
        black_share=verdict["black_share"],
        motion=verdict["motion"],
        lufs=verdict["lufs"],
        speech_share=verdict["speech_share"],
    )


def _row(
    clip_id: str, *, merged: str, kind: str, language: str | None, visual: str | None = None, sound: str | None = None
) -> dict[str, Any]:
    return {
        "clip_id": clip_id,
        "visual": visual,
        "speech": None,  # neither kind has a transcript
        "sound": sound,
        "merged": merged,
        "kind": kind,
        "model": None,
        "language": language,
    }
