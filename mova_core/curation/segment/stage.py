"""Stage `segment`: what one decode pass finds in each source, and the windows that follow from it.

Frames go to the letterbox and shot boundary detectors, audio to the speech detector, both into a fingerprint, while the
file is read once. Memory does not grow with the file's length, except for the fingerprint's 720 bytes a second and the
timeline's 24 bytes a packet. Findings are kept per source; windows and near duplicates are computed from them in each
run, because they cost little beside decoding.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.dedup.duplicates import Member, find_near_duplicates
from mova_core.curation.dedup.fingerprints import Fingerprint, FingerprintBuilder
from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.curation.ingest.footage import Footage
from mova_core.curation.ingest.source_bytes import reading, source_path
from mova_core.curation.segment.remainder import remainder
from mova_core.curation.segment.spans import whole_spans
from mova_core.curation.segment.video_findings import VideoFindings
from mova_core.curation.segment.windows import SourceSegments, find_windows
from mova_core.curation.tables import WINDOW_KINDS, read_table, write_table
from mova_core.errors import MediaError
from mova_core.geometry import ClipGeometry
from mova_core.media.audio_resample import AudioChunk
from mova_core.media.decode import Frame, decode
from mova_core.media.lost import Lost
from mova_core.params import Params, SegmentParams
from mova_core.places import DataFolder
from mova_core.progress import track
from mova_core.speech.audio import SPEECH_RATE_HZ
from mova_core.speech.voice_activity import SpeechDetector
from mova_core.storage.hashing import sha256_json
from mova_core.storage.result_cache import ResultCache

AUDIO_ONLY = {
    "reason_code": "audio_only",
    "reason": "audio without video gives no clip; it stays an accepted source for the audio tower's pretraining",
}
PRELOAD = ("onnxruntime", "scenedetect", "av", "mova_core.curation.segment.stage")


@dataclass(frozen=True, slots=True)
class Source:
    """One file to be segmented.

    Args:
        source_id: sha256 of its bytes.
        path: where it lies.
        params: how.
        duration_s: how long it lasts, which says how long that may take.
        audio_only: it has no video, so its fingerprint is all that is wanted.
    """

    source_id: str
    path: Path
    params: SegmentParams
    duration_s: float = 0.0
    audio_only: bool = False


def segment(params: Params, footage: Path, data: DataFolder, engine: Engine, result_cache: Path) -> dict[str, Any]:
    """Segment every accepted source; write `segments`, `windows`, `near_duplicates` and the rejects of this stage.

    A source of which nothing is left has no row in `segments`; one that gives no window has, and is a reject as well.
    One of audio alone is compared with the others by its audio; it is a reject of this stage, so that rows in = sources
    with windows + rejects, and stays an accepted source. Of a source with windows each interval outside them is a
    reject with start and end.
    """
    engine = engine.with_resources(params.engine.segment)
    files = Footage.open(footage)
    accepted = [row for row in read_table(data.table("sources"), "sources") if row["verdict"] == "accepted"]
    row_of = {row["source_id"]: row for row in accepted}
    sources = [
        Source(
            row["source_id"], source_path(files, row["path"]), params.segment, row["duration_s"], row["kind"] == "audio"
        )
        for row in accepted
    ]
    segments: list[dict[str, Any]] = []
    windows: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    members: list[Member] = []
    found = _found(sources, engine, params, ResultCache.of_stage("segment", result_cache))
    for source, result in zip(sources, found, strict=True):
        of_source = {"table": "sources", "id": source.source_id, "stage": "segment"}
        if source.audio_only:
            rejects.append(of_source | _audio_only(result))
        elif "reason_code" in result:
            rejects.append(of_source | result)
        if "reason_code" in result:
            continue
        fingerprint = Fingerprint.from_json(result["fingerprint"])
        if source.audio_only:
            members.append(Member(source.source_id, 0, source.duration_s, fingerprint))
            continue
        segments.append({"source_id": source.source_id, **result["segment"]})
        try:
            found_windows = windows_of(result, params.clip_geometry, params.seed, source.source_id)
        except MediaError as error:
            rejects.append(of_source | {"reason_code": error.code, "reason": error.reason})
            continue
        windows.extend(found_windows)
        rest = remainder(result, found_windows, params.clip_geometry, source.duration_s)
        rejects.extend(of_source | interval for interval in rest)
        row = row_of[source.source_id]
        members.append(Member(source.source_id, row["width_px"] * row["height_px"], row["duration_s"], fingerprint))
    write_table(data.rejects("segment"), "rejects", rejects)
    write_table(data.table("segments"), "segments", segments, {"sources": data.table("sources")})
    inputs = {"segments": data.table("segments"), "rejects": data.rejects("segment")}
    write_table(data.table("windows"), "windows", windows, inputs)
    near_duplicates = find_near_duplicates(members, params.segment.near_duplicates)
    write_table(data.table("near_duplicates"), "near_duplicates", near_duplicates, {"windows": data.table("windows")})
    return _summary(len(accepted), windows, rejects, near_duplicates, params.clip_geometry)


def segment_source(source: Source) -> dict[str, Any]:
    """Decode one source once.

    Returns:
        `segment` (a row of that table without its id), `video_s` and `audio_s` ([start, end] of each stream, seconds),
        `lost` (what the decode pass could not trust, as rows of `Lost`), `fingerprint` (as JSON); of audio alone the
        fingerprint only.

    Raises:
        MediaError: nothing of it can be used: no frame, no audio, or another fault of the whole file.
        StaleError: it is not the file that `ingest` read.
    """
    with reading(source.path, source.source_id):
        return (
            _fingerprinted(source.path, source.params) if source.audio_only else _segmented(source.path, source.params)
        )


def _audio_only(result: dict[str, Any]) -> dict[str, str]:
    reason = AUDIO_ONLY["reason"]
    if "reason_code" in result:
        reason += f", and is not compared with other sources ({result['reason']})"
    return AUDIO_ONLY | {"reason": reason}


def _fingerprinted(path: Path, params: SegmentParams) -> dict[str, Any]:
    fingerprint = FingerprintBuilder(params.letterbox_luma)
    for piece in decode(path, audio_rate_hz=SPEECH_RATE_HZ, video=False):
        if isinstance(piece, AudioChunk):
            fingerprint.add_audio(piece.time_s, piece.samples)
    return {"fingerprint": fingerprint.fingerprint().to_json()}


def _segmented(path: Path, params: SegmentParams) -> dict[str, Any]:
    fingerprint = FingerprintBuilder(params.letterbox_luma)
    video, speech = VideoFindings(params, fingerprint), SpeechDetector(params.speech_threshold)
    lost: list[Lost] = []
    audio_start_s: float | None = None
    audio_end_s = stretched_s = 0.0
    for piece in decode(path, audio_rate_hz=SPEECH_RATE_HZ):
        if isinstance(piece, Lost):
            lost.append(piece)
        elif isinstance(piece, Frame):
            video.add(piece)
        else:
            audio_start_s = piece.time_s if audio_start_s is None else audio_start_s
            audio_end_s = piece.time_s + len(piece.samples) / SPEECH_RATE_HZ
            stretched_s += piece.stretched_s
            speech.add(piece.time_s, piece.samples)
            fingerprint.add_audio(piece.time_s, piece.samples)
    video_s = video.span_s()
    if audio_start_s is None:
        raise MediaError("no_audio", "its audio stream holds no samples")
    return {
        "segment": {
            "cuts_s": [round(cut, 6) for cut in video.cuts_s()],
            "speech_s": speech.speech(),
            **{f"crop_{side}": width for side, width in asdict(video.letterbox()).items()},
            "audio_stretched_s": round(stretched_s, 6),
        },
        "video_s": video_s,
        "audio_s": [audio_start_s, audio_end_s],
        "lost": [asdict(one) for one in lost],
        "fingerprint": fingerprint.fingerprint().to_json(),  # whose frames `cuts_s` has completed
    }


def windows_of(found: dict[str, Any], geometry: ClipGeometry, seed: int, source_id: str) -> list[dict[str, Any]]:
    """Rows of table `windows` of one source, at least one.

    Args:
        found: what `segment_source` found in it.
        geometry: of a clip.
        seed: of the windows that are drawn.
        source_id: sha256 of its bytes.

    Raises:
        MediaError: video and audio are nowhere whole together for as long as a window.
    """
    cuts_s, speech_s = found["segment"]["cuts_s"], found["segment"]["speech_s"]
    pieces = [SourceSegments.from_seconds(span_s, cuts_s, speech_s) for span_s in whole_spans(found, geometry)]
    return find_windows(pieces, geometry, seed, source_id)


def _found(sources: list[Source], engine: Engine, params: Params, result_cache: ResultCache) -> list[dict[str, Any]]:
    """What `segment_source` says of each, from an earlier run where it still holds."""
    found_by = params.segment.model_dump(exclude={"near_duplicates"})  # those are worked out from what is kept
    keys = [sha256_json(found_by, source.source_id) for source in sources]
    results = {key: part for key in keys if (part := result_cache.get(key)) is not None}
    missing = [(key, source) for key, source in zip(keys, sources, strict=True) if key not in results]
    if not missing:
        return [results[key] for key in keys]
    items = [source for _, source in missing]
    task_results = run(segment_source, items, engine=engine, limits=params.limits, preload=PRELOAD)
    for (key, _), task_result in zip(missing, track(task_results, len(missing), "segment"), strict=True):
        if task_result.failed:  # a file out of reach or a worker's end may not repeat itself: never kept
            results[key] = {"reason_code": task_result.reason_code, "reason": task_result.reason}
        else:
            results[key] = task_result.value
            result_cache.put(key, task_result.value)
    return [results[key] for key in keys]


def _summary(
    sources: int,
    windows: list[dict[str, Any]],
    rejects: list[dict[str, Any]],
    near_duplicates: list[dict[str, Any]],
    geometry: ClipGeometry,
) -> dict[str, Any]:
    kinds = Counter(window["kind"] for window in windows)
    rest_s = sum(reject["end_s"] - reject["start_s"] for reject in rejects if "start_s" in reject)
    rejected = [reject for reject in rejects if "start_s" not in reject]
    reasons = Counter(reject["reason_code"] for reject in rejected)
    told = ", ".join(f"{kinds[kind]} {kind.replace('_', ' ')}" for kind in WINDOW_KINDS if kinds[kind])
    text = f"{sources - len(rejected)} of {sources} sources give {len(windows)} windows"
    text += f" of {geometry.duration_s:.2f} s ({told}), {rest_s:.1f} s of them lie in none" if told else ""
    sharing = len({row["source_id"] for row in near_duplicates})
    if sharing:
        text += f"; {sharing} overlap with a better-ranked source"
    if reasons:
        text += "; none from " + ", ".join(f"{count} {code}" for code, count in sorted(reasons.items()))
    return {
        "sources": sources,
        "accepted": sources - len(rejected),
        "rejected": len(rejected),
        "windows": len(windows),
        "in_no_window_s": round(rest_s, 3),
        "kinds": {kind: kinds[kind] for kind in WINDOW_KINDS},
        "near_duplicates": sharing,
        "reasons": dict(sorted(reasons.items())),
        "text": text,
    }
