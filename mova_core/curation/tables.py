"""The tables of curation: their columns, and how they are written and read.

Parquet; times in seconds on the file's clock (0 = the container's start), picture sizes after rotation and sample
aspect are applied unless a name says coded. Rows come in a fixed order, so the same inputs give the same bytes.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mova_core.errors import StaleError, UsageError
from mova_core.storage.atomic import atomic_path, clear_temporary
from mova_core.storage.hashing import sha256_file

_text, _int, _real, _flag = pa.string(), pa.int64(), pa.float64(), pa.bool_()

# Measures of `assess`: those always taken, then the groups of params assess.measures, then what needs weights.
MEASURES = (
    "silence_ratio",
    "bandwidth_hz",
    "lufs",
    "clipped_share",
    "black_share",
    "frozen_share",
    "motion",
    "noise_sd",
    "speech_share",
    # ---- groups
    "loudness_range_lu",
    "clipping_runs_hz",
    "brightness",
    "blur_px",
    "blocking",
    "flow_speed",
    "av_align",
    "onset_lag_s",
    "dnsmos_p808",
    "dnsmos_sig",
    "dnsmos_bak",
    "dnsmos_ovrl",
    "text_share",
    "subtitle_share",
    # ---- need weights
    "audiobox_pq",
    "audiobox_cu",
    "audiobox_ce",
    "dover_aesthetic",
    "dover_technical",
    "imagebind",
    "desync_s",
    "lse_d",
    "lse_c",
    "eat_speech",
    "eat_singing",
)

TABLES: dict[str, pa.Schema] = {
    "sources": pa.schema(
        [
            ("source_id", _text),
            ("path", _text),
            ("bytes", _int),
            ("kind", _text),
            ("container", _text),
            ("duration_s", _real),
            ("width_px", _int),
            ("height_px", _int),
            ("display_aspect", _real),
            ("rotation_deg", _int),
            ("fps", _real),
            ("is_vfr", _flag),
            ("video_codec", _text),
            ("audio_codec", _text),
            ("audio_rate_hz", _int),
            ("audio_channels", _int),
            ("audio_track", _int),  # among the file's sound tracks, from 0: the first that sounds
            ("audio_minus_video_start_s", _real),
            ("rights", _text),
            ("origin", _text),
            ("consent", _text),
            ("own_caption", _text),  # from a sidecar, of the whole file
            ("verdict", _text),
            ("reason_code", _text),
            ("reason", _text),
        ]
    ),
    "segments": pa.schema(
        [
            ("source_id", _text),
            ("cuts_s", pa.list_(_real)),
            ("speech_s", pa.list_(pa.list_(_real))),
            ("crop_top_px", _int),
            ("crop_bottom_px", _int),
            ("crop_left_px", _int),
            ("crop_right_px", _int),
        ]
    ),
    "windows": pa.schema(
        [("window_id", _text), ("source_id", _text), ("start_s", _real), ("end_s", _real), ("kind", _text)]
    ),
    "near_duplicates": pa.schema(  # a row per stretch of a source that a better-ranked one has too
        [
            ("source_id", _text),
            ("group_id", _text),  # the best-ranked source that it hangs together with: they share a split
            ("start_s", _real),
            ("end_s", _real),
            ("kept_source_id", _text),
            ("kept_start_s", _real),
            ("is_copy", _flag),  # windows inside are rejected; else the pictures alone agree
            ("video_distance_bits", _real),  # mean distance of the hashes, of 63
            ("audio_similarity", _real),  # -1..1; null: neither has sound that changes
        ]
    ),
    "clips": pa.schema(
        [
            ("clip_id", _text),
            ("window_id", _text),
            ("source_id", _text),
            ("path", _text),  # a tar under the clips folder, or the clip's own file where `member` is null
            ("member", _text),
            ("sha256", _text),
            ("bytes", _int),
            ("width_px", _int),
            ("height_px", _int),
            ("orientation", _text),
            ("frames", _int),
            ("fps", _real),
            ("audio_rate_hz", _int),
            ("audio_samples", _int),
            ("split", _text),
        ]
    ),
    "verdicts": pa.schema(
        [
            ("clip_id", _text),
            *((measure, _real) for measure in MEASURES),
            ("has_subtitles", _flag),
            ("language", _text),
            ("unavailable", pa.map_(_text, _text)),  # measure -> why it is null for this clip alone
            ("rejections", pa.map_(_text, _text)),
            ("phases", pa.list_(_text)),
            ("verdict", _text),
        ]
    ),
    "captions": pa.schema(
        [
            ("clip_id", _text),
            ("visual", _text),
            ("speech", _text),
            ("sound", _text),
            ("merged", _text),
            ("kind", _text),
            ("model", _text),
            ("language", _text),
        ]
    ),
    "latents": pa.schema(
        [
            ("clip_id", _text),
            ("path", _text),  # a shard under data/latents/GEOMETRY/
            ("row", _int),
            ("orientation", _text),
            ("split", _text),
            ("phases", pa.list_(_text)),
        ]
    ),
    "rejects": pa.schema(
        [("table", _text), ("id", _text), ("stage", _text), ("reason_code", _text), ("reason", _text)]
    ),
}

WINDOW_KINDS = ("single_scene_speech", "multi_scene_speech", "single_scene_nonspeech", "multi_scene_nonspeech")


def write_table(
    path: Path, name: str, rows: Iterable[Mapping[str, Any]], inputs: Mapping[str, Path | str] | None = None
) -> None:
    """Write rows of table `name` atomically; a missing key is null, an unknown key a KeyError.

    Rows keep the order they come in: the caller gives a fixed one. `inputs` names what the rows were made from: a
    file is recorded in the table's metadata by its sha256, a string as it is. So a table's bytes change whenever
    anything before it did, and whoever depends on the last table depends on the whole line.
    """
    schema = TABLES[name]
    rows = list(rows)
    for row in rows:
        if unknown := set(row) - set(schema.names):
            raise KeyError(f"table {name} has no column {sorted(unknown)}")
    origin = {
        key: sha256_file(value) if isinstance(value, Path) else value for key, value in sorted((inputs or {}).items())
    }
    table = pa.Table.from_pylist([dict(row) for row in rows], schema=schema)
    clear_temporary(path.parent, path.name)  # a stage that was killed at this very table
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata({"inputs": json.dumps(origin)}), temporary, compression="zstd")


def read_table(path: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a table as plain dicts (maps as dicts), in file order.

    Raises:
        UsageError: the file is missing.
        StaleError: its columns are not those of table `name`.
    """
    return read_columns(path, name).to_pylist(maps_as_pydicts="strict")


def read_columns(path: Path, name: str) -> pa.Table:
    """As `read_table`, column by column: for tables of millions of rows, of which few are looked at one by one."""
    if not path.exists():
        raise UsageError(f"{path} is missing: it is made by an earlier stage, run `dvc repro` (or `mova --help`)")
    with pq.ParquetFile(path) as file:  # `pq.read_table` would import pandas
        table = file.read()
    if table.schema.names != TABLES[name].names:
        raise StaleError(
            f"{path} has columns {table.schema.names}, table {name} has {TABLES[name].names}: make it again"
        )
    return table.cast(TABLES[name])
