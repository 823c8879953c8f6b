"""Tables of curation of any number of rows, all of one run, in which every contract holds.

Written column by column: as dicts a million rows would take minutes and gigabytes. Twenty windows a file, one after
another; every fourth is spoken in, every fifth has a cut in its middle; one in a thousand is turned away by `cut`, one
clip in five by `assess`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mova_core.curation.tables import MEASURE_NAMES, TABLES
from mova_core.params import PHASE_NAMES, Params
from mova_core.places import DataFolder

WINDOWS_PER_FILE = 20
AFTER_S = 0.5  # of a file, after its last window
SPREAD = 0x9E3779B97F4A7C15  # odd, so that numbers times it, modulo 2^64, are all different and in no order
MEASURED = {  # within what can be, and within the limits
    **dict.fromkeys(
        ("silence_ratio", "frozen_share", "speech_share", "brightness", "av_align", "motion", "noise_sd"), (0.0, 0.7)
    ),
    **dict.fromkeys(("clipped_share", "black_share"), (0.0, 0.04)),
    **dict.fromkeys(("blur_px", "flow_speed", "blocking"), (0.0, 20.0)),
    **dict.fromkeys(("dnsmos_p808", "dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl"), (1.0, 5.0)),
    "lufs": (-40.0, -10.0),
    "loudness_range_lu": (0.0, 20.0),
    "onset_lag_s": (-0.5, 0.5),
}
TOO_SILENT = 0.95

Values = Mapping[str, Any]


def write_tables(data: DataFolder, rows: int, params: Params) -> None:
    """Write sources, segments, windows, clips, verdicts and all rejects: `rows` windows, nearly as many clips."""
    files = -(-rows // WINDOWS_PER_FILE)
    window, file = np.arange(rows), np.arange(rows) // WINDOWS_PER_FILE
    is_cut = window % 1000 != 999
    clip = window[is_cut]
    is_accepted = clip % 5 != 4
    window_ids, clip_ids = _ids(window, 1, 16), _ids(clip, 2, 16)
    source_ids = _ids(np.arange(files), 3, 64)
    of_file = {"source_id": source_ids.take(pa.array(file))}
    length_s = params.clip_geometry.duration_s
    _write(data.table("sources"), "sources", files, _sources(source_ids, length_s))
    _write(data.table("segments"), "segments", files, _segments(source_ids, length_s))
    windows = {**of_file, "window_id": window_ids, **_windows(window % WINDOWS_PER_FILE, length_s)}
    _write(data.table("windows"), "windows", rows, windows)
    _write(data.table("near_duplicates"), "near_duplicates", 0, {})
    place = {"clip_id": clip_ids, "window_id": window_ids.take(pa.array(clip))}
    clips = {**place, "source_id": of_file["source_id"].take(pa.array(clip)), **_clips(clip, file[clip], params)}
    _write(data.table("clips"), "clips", len(clip), clips)
    _write(data.table("verdicts"), "verdicts", len(clip), {"clip_id": clip_ids, **_verdicts(is_accepted)})
    lost, silent = window_ids.filter(pa.array(~is_cut)), clip_ids.filter(pa.array(~is_accepted))
    for stage, table, ids in (("cut", "windows", lost), ("assess", "clips", silent)):
        _write_rejects(data.rejects(stage), stage, table, ids)
    end_s = WINDOWS_PER_FILE * length_s
    _write_rejects(data.rejects("ingest"), "ingest", "sources", source_ids[:0])
    _write_rejects(data.rejects("segment"), "segment", "sources", source_ids, start_s=end_s, end_s=end_s + AFTER_S)
    data.clips.mkdir(parents=True, exist_ok=True)
    for name in set(clips["path"].to_pylist()):
        (data.clips / name).touch()


def _sources(source_ids: pa.Array, length_s: float) -> Values:
    return {
        "source_id": source_ids,
        "path": [f"{number:08}.mp4" for number in range(len(source_ids))],
        "bytes": 1_000_000,
        "kind": "video",
        "container": "mp4",
        "duration_s": WINDOWS_PER_FILE * length_s + AFTER_S,
        "width_px": 1280,
        "height_px": 720,
        "display_aspect": 1280 / 720,
        "rotation_deg": 0,
        "hflip": False,
        "fps": 25.0,
        "is_vfr": False,
        "video_codec": "h264",
        "audio_codec": "aac",
        "audio_rate_hz": 48_000,
        "audio_channels": 2,
        "audio_track": 0,
        "audio_minus_video_start_s": 0.0,
        "rights": "own",
        "verdict": "accepted",
    }


def _segments(source_ids: pa.Array, length_s: float) -> Values:
    numbers = np.arange(WINDOWS_PER_FILE)
    cuts_s = ((numbers[numbers % 5 == 0] + 0.5) * length_s).tolist()
    speech_s = [[start_s + 0.1, start_s + 0.9] for start_s in (numbers[numbers % 4 == 0] * length_s).tolist()]
    crops = {f"crop_{side}_px": 0 for side in ("top", "bottom", "left", "right")}
    files = len(source_ids)
    return {
        "source_id": source_ids,
        "cuts_s": [cuts_s] * files,
        "speech_s": [speech_s] * files,
        "audio_stretched_s": 0.0,
        **crops,
    }


def _windows(number: NDArray[np.int64], length_s: float) -> Values:
    start_s = np.round(number * length_s, 6)
    scenes = np.where(number % 5 == 0, "multi_scene", "single_scene")
    speech = np.where(number % 4 == 0, "_speech", "_nonspeech")
    return {"start_s": start_s, "end_s": np.round(start_s + length_s, 6), "kind": np.char.add(scenes, speech)}


def _clips(clip: NDArray[np.int64], file: NDArray[np.int64], params: Params) -> Values:
    geometry = params.clip_geometry
    canvas = geometry.canvases[0]
    return {
        "path": pa.array([f"clips-{shard:05}.tar" for shard in (clip // params.cut.clips_per_shard).tolist()]),
        "member": [f"{number}.mp4" for number in clip.tolist()],
        "sha256": _ids(clip, 5, 64),
        "bytes": 900_000 + clip % 1000,
        "width_px": canvas.width_px,
        "height_px": canvas.height_px,
        "orientation": canvas.orientation,
        "frames": geometry.frames,
        "fps": float(geometry.fps),
        "audio_rate_hz": geometry.audio_rate_hz,
        "audio_samples": geometry.audio_samples,
        "filled_s": 0.0,
        "split": np.where(file % 16 == 0, "validation", "train"),
    }


def _verdicts(is_accepted: NDArray[np.bool_]) -> Values:
    rows = len(is_accepted)
    draws = np.random.default_rng(0)
    measures: dict[str, Any] = {
        name: draws.uniform(*MEASURED[name], rows) for name in MEASURE_NAMES if name in MEASURED
    }
    measures["silence_ratio"] = np.where(is_accepted, measures["silence_ratio"], TOO_SILENT)
    measures["bandwidth_hz"] = measures["clipping_runs_hz"] = draws.uniform(2000, 8000, rows)
    reasons = np.concatenate([[0], np.cumsum(~is_accepted)])
    keys, told = (pa.array([text] * int(reasons[-1])) for text in ("silence_ratio", "silence_ratio=0.95 >= 0.8"))
    in_phases = np.concatenate([[0], np.cumsum(np.where(is_accepted, len(PHASE_NAMES), 0))])
    return {
        **measures,
        "rejections": pa.MapArray.from_arrays(pa.array(reasons, pa.int32()), keys, told),
        "phases": pa.ListArray.from_arrays(
            pa.array(in_phases, pa.int32()), pa.array(list(PHASE_NAMES) * int(is_accepted.sum()))
        ),
        "verdict": np.where(is_accepted, "accepted", "rejected"),
    }


def _write_rejects(path: Path, stage: str, table: str, ids: pa.Array, **interval_s: float) -> None:
    values = {"table": table, "id": ids, "stage": stage, "reason_code": "silence_ratio", "reason": "it is silent"}
    _write(path, "rejects", len(ids), values | interval_s)


def _write(path: Path, name: str, rows: int, values: Values) -> None:
    """A value that is no column stands in every row; a column that is not named is null."""
    arrays = []
    for field in TABLES[name].schema:
        value = values.get(field.name)
        if value is None:
            arrays.append(pa.nulls(rows, field.type))
        elif isinstance(value, (str, int, float)):
            arrays.append(pa.repeat(pa.scalar(value, field.type), rows))
        else:
            arrays.append(value.cast(field.type) if isinstance(value, pa.Array) else pa.array(value, field.type))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(arrays, schema=TABLES[name].schema), path, compression="zstd")


def _ids(numbers: NDArray[np.int64], salt: int, digits: int) -> pa.Array:
    """Hexadecimal names, as hashes look, one a number."""
    words = [f"{(number * SPREAD + salt) % 2**64:016x}" for number in numbers.tolist()]
    return pa.array([word * (digits // 16) for word in words])
