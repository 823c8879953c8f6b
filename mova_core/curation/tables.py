"""The tables of curation: every column declared once, and how a table is written and read.

Parquet; times in seconds on the file's clock (0 = the container's start), frame sizes after rotation and sample
aspect are applied unless a column says coded. Rows come in a fixed order, so the same inputs give the same bytes.
A range says what is possible at all: beyond it the value is wrong, not the footage unusual.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mova_core.curation.columns import Column, Measure, Table
from mova_core.errors import StaleError, UsageError
from mova_core.media.video.color_tags import PRIMARIES, RANGES, TRANSFERS
from mova_core.storage.atomic import atomic_path, clear_temporary
from mova_core.storage.hashing import sha256_file

WINDOW_KINDS = ("single_scene_speech", "multi_scene_speech", "single_scene_nonspeech", "multi_scene_nonspeech")
ORIENTATIONS = ("landscape", "portrait", "square")
SPLITS = ("train", "validation")
VERDICTS = ("accepted", "rejected")
LONGEST_S = 7 * 24 * 3600
LARGEST_PX = 65_535


def _measure(name: str, meaning: str, unit: str = "", **facts: Any) -> Measure:
    return Measure(name, "number", meaning, unit, **facts)


MEASURES = (
    _measure("silence_ratio", "silent share of the audio", low=0, high=1, limit="below"),
    _measure("bandwidth_hz", "bandwidth of the audio", "Hz", low=0, high=24_000, limit="above"),
    _measure("lufs", "integrated loudness", "LUFS", low=-150, high=30, limit="above"),
    _measure("clipped_share", "clipped share of the audio samples", low=0, high=1, limit="below"),
    _measure("black_share", "share of frames that are black", low=0, high=1, limit="below"),
    _measure("frozen_share", "share of frames equal to the one before", low=0, high=1, limit="below"),
    _measure("motion", "mean change from frame to frame, share of white", low=0, high=1),
    _measure("noise_sd", "standard deviation of the pixel noise, share of white", low=0, high=2),
    _measure("speech_share", "share of the clip in which somebody speaks", low=0, high=1),
    _measure("loudness_range_lu", "loudness range", "LU", low=0, high=100, group="loudness"),
    _measure("clipping_runs_hz", "runs of clipped samples", "1/s", low=0, high=24_000, group="loudness"),
    _measure("brightness", "mean brightness, share of white", low=0, high=1, group="look"),
    _measure("blur_px", "mean width of edges", "px", low=0, high=10_000, group="look"),
    # A ratio: drawn blocks on flat ground have no natural bound.
    _measure("blocking", "visibility of coding blocks, 1 = none", low=0, high=1e9, group="look"),
    _measure("flow_speed", "mean optical flow", "shorter sides/s", low=0, high=1000, group="flow"),
    _measure("av_align", "AV-Align of audio onsets and motion peaks", low=0, high=1, group="sync"),
    _measure("onset_lag_s", "lag of audio onsets behind motion", "s", low=-1, high=1, group="sync"),
    _measure("dnsmos_p808", "speech quality, DNSMOS P.808", low=0, high=6, group="speech"),
    _measure("dnsmos_sig", "speech signal quality, DNSMOS P.835", low=0, high=6, group="speech"),
    _measure("dnsmos_bak", "background quality under speech, DNSMOS P.835", low=0, high=6, group="speech"),
    _measure("dnsmos_ovrl", "overall quality of speech, DNSMOS P.835", low=0, high=6, group="speech"),
    _measure("text_share", "share of frames with text", low=0, high=1, group="text"),
    _measure("subtitle_share", "share of frames with subtitles", low=0, high=1, group="text"),
    _measure("audiobox_pq", "production quality, Audiobox", low=0, high=10, group="audiobox", limit="above"),
    _measure("audiobox_cu", "usefulness, Audiobox", low=0, high=10, group="audiobox", limit="above"),
    _measure("audiobox_ce", "enjoyment, Audiobox", low=0, high=10, group="audiobox", limit="above"),
    _measure("dover_aesthetic", "aesthetic quality, DOVER", low=0, high=1, group="dover", limit="above"),
    _measure("dover_technical", "technical quality, DOVER", low=0, high=1, group="dover", limit="above"),
    _measure(
        "imagebind",
        "ImageBind similarity of audio and video",
        low=-1,
        high=1,
        group="imagebind",
        limit="at_least",
        either=True,
    ),
    _measure(
        "desync_s",
        "offset of audio and video, Synchformer",
        "s",
        low=0,
        high=10,
        group="synchformer",
        limit="at_most",
        either=True,
    ),
    _measure("lse_d", "lip-sync distance, SyncNet", low=0, high=100, group="syncnet"),
    _measure("lse_c", "lip-sync confidence, SyncNet", low=-100, high=100, group="syncnet"),
    _measure("eat_speech", "probability of speech, EAT", low=0, high=1, group="eat"),
    _measure("eat_singing", "probability of singing, EAT", low=0, high=1, group="eat"),
    _measure("voices", "voices that speak, pyannote.audio", low=0, high=3, group="pyannote"),
)

# What is measured of a window of audio alone.
AUDIO_CLIP_MEASURES = ("silence_ratio", "bandwidth_hz", "lufs", "clipped_share", "speech_share")
MEASURE_NAMES = tuple(measure.name for measure in MEASURES)
LIMITED = tuple(measure for measure in MEASURES if measure.limit is not None and not measure.either)
EITHER = tuple(measure for measure in MEASURES if measure.either)

TABLES: dict[str, Table] = {
    "sources": Table(
        "a file of the footage",
        (
            Column("source_id", "text", "sha256 of the file's bytes", stated="accepted"),
            Column("path", "text", "path inside the footage", stated="always"),
            Column("bytes", "integer", "size of the file", "bytes", low=0, stated="accepted"),
            Column(
                "kind", "text", "whether it has video, or audio alone", values=("video", "audio"), stated="accepted"
            ),
            Column("container", "text", "container format", stated="accepted"),
            Column("duration_s", "number", "duration", "s", low=0.001, high=LONGEST_S, stated="accepted"),
            Column("width_px", "integer", "width of a frame", "px", low=1, high=LARGEST_PX, stated="accepted video"),
            Column("height_px", "integer", "height of a frame", "px", low=1, high=LARGEST_PX, stated="accepted video"),
            Column("display_aspect", "number", "shown width over height", low=0.05, high=20, stated="accepted video"),
            Column(
                "rotation_deg",
                "integer",
                "rotation that the file asks for, counter-clockwise",
                "degrees",
                values=(0, 90, 180, 270),
                stated="accepted video",
            ),
            Column(
                "hflip",
                "flag",
                "whether the file asks for a flip left to right, before the rotation",
                stated="accepted video",
            ),
            Column(
                "color_transfer",
                "text",
                "transfer characteristics that its first frame is tagged with, by FFmpeg's names (PQ is smpte2084, HLG "
                "arib-std-b67); null: none",
                values=tuple(TRANSFERS.values()),
            ),
            Column(
                "color_primaries",
                "text",
                "primaries that its first frame is tagged with, by FFmpeg's names; null: none",
                values=tuple(PRIMARIES.values()),
            ),
            Column(
                "color_range",
                "text",
                "range that its first frame is tagged with: limited (tv) or full (pc); null: none, taken for limited",
                values=tuple(RANGES.values()),
            ),
            Column("fps", "number", "mean frame rate", "1/s", low=0.5, high=1000, stated="accepted video"),
            Column("is_vfr", "flag", "whether the frame rate varies", stated="accepted video"),
            Column("video_codec", "text", "codec of the video", stated="accepted video"),
            Column("audio_codec", "text", "codec of the audio", stated="accepted"),
            Column(
                "audio_rate_hz", "integer", "sample rate of the audio", "Hz", low=1000, high=768_000, stated="accepted"
            ),
            Column("audio_channels", "integer", "channels of the audio track", low=1, high=128, stated="accepted"),
            Column(
                "audio_track",
                "integer",
                "the audio track that is used, from 0: the first that is not silent",
                low=0,
                high=127,
                stated="accepted",
            ),
            Column(
                "audio_minus_video_start_s",
                "number",
                "start of the audio after that of the video",
                "s",
                low=-LONGEST_S,
                high=LONGEST_S,
                stated="accepted video",
            ),
            Column("rights", "text", "what a sidecar states about rights"),
            Column("origin", "text", "what a sidecar states about the origin"),
            Column("consent", "text", "what a sidecar states about consent"),
            Column("language", "text", "language spoken in it, as a sidecar states it"),
            Column("own_caption", "text", "caption of the whole file that a sidecar states"),
            Column("verdict", "text", "whether the file is used", values=VERDICTS, stated="always"),
            Column("reason_code", "text", "why it is rejected, in one word", stated="rejected"),
            Column("reason", "text", "why it is rejected, in a sentence", stated="rejected"),
        ),
    ),
    "segments": Table(
        "an accepted file with video",
        (
            Column("source_id", "text", "the file", stated="always"),
            Column("cuts_s", "numbers", "first frame after each shot boundary", "s", stated="always"),
            Column("speech_s", "intervals", "intervals of speech", "s"),
            Column(
                "crop_top_px", "integer", "blank rows at the top", "coded px", low=0, high=LARGEST_PX, stated="always"
            ),
            Column(
                "crop_bottom_px",
                "integer",
                "blank rows at the bottom",
                "coded px",
                low=0,
                high=LARGEST_PX,
                stated="always",
            ),
            Column(
                "crop_left_px",
                "integer",
                "blank columns at the left",
                "coded px",
                low=0,
                high=LARGEST_PX,
                stated="always",
            ),
            Column(
                "crop_right_px",
                "integer",
                "blank columns at the right",
                "coded px",
                low=0,
                high=LARGEST_PX,
                stated="always",
            ),
            Column(
                "audio_stretched_s",
                "number",
                "by how much audio was made longer or shorter to follow its clock, in all",
                "s",
                low=0,
                high=LONGEST_S,
                stated="always",
            ),
        ),
    ),
    "windows": Table(
        "an interval of a file that may become a clip",
        (
            Column("window_id", "text", "start of the sha256 of file, kind and start", stated="always"),
            Column("source_id", "text", "the file", stated="always"),
            Column("start_s", "number", "start", "s", low=0, high=LONGEST_S, stated="always"),
            Column("end_s", "number", "end", "s", low=0, high=LONGEST_S, stated="always"),
            Column("kind", "text", "shots and speech in it", values=WINDOW_KINDS, stated="always"),
        ),
    ),
    "near_duplicates": Table(
        "an interval of a file that a better-ranked file has too",
        (
            Column("source_id", "text", "the file", stated="always"),
            Column("group_id", "text", "best-ranked file of the group that shares a split", stated="always"),
            Column("start_s", "number", "start", "s", low=0, high=LONGEST_S, stated="always"),
            Column("end_s", "number", "end", "s", low=0, high=LONGEST_S, stated="always"),
            Column("kept_source_id", "text", "the better-ranked file", stated="always"),
            Column(
                "kept_start_s", "number", "start in the better-ranked file", "s", low=0, high=LONGEST_S, stated="always"
            ),
            Column(
                "is_copy", "flag", "whether windows inside are rejected; else only the video agrees", stated="always"
            ),
            Column(
                "frames",
                "text",
                "how the frames of one are made from those of the other; `none`: one of them is of audio alone",
                values=("same", "cropped", "mirrored", "none"),
                stated="always",
            ),
            Column(
                "video_distance_bits",
                "number",
                "mean distance of the frame hashes; null unless they are of the same frames",
                "bits of 63",
                low=0,
                high=63,
            ),
            Column(
                "audio_similarity",
                "number",
                "similarity of the audio; null if neither has audio that changes",
                low=-1,
                high=1,
            ),
        ),
    ),
    "clips": Table(
        "a window as a clip of the preset's largest geometry",
        (
            Column("clip_id", "text", "start of the sha256 of window and geometry", stated="always"),
            Column("window_id", "text", "the window", stated="always"),
            Column("source_id", "text", "the file", stated="always"),
            Column(
                "path", "text", "tar in the clips folder, or the clip's own file if `member` is null", stated="always"
            ),
            Column("member", "text", "name inside the tar"),
            Column("sha256", "text", "sha256 of the clip's bytes", stated="always"),
            Column("bytes", "integer", "size of the clip", "bytes", low=1, stated="always"),
            Column("width_px", "integer", "width", "px", low=1, high=LARGEST_PX, stated="always"),
            Column("height_px", "integer", "height", "px", low=1, high=LARGEST_PX, stated="always"),
            Column("orientation", "text", "orientation of the canvas", values=ORIENTATIONS, stated="always"),
            Column("frames", "integer", "frames", low=1, stated="always"),
            Column("fps", "number", "frame rate", "1/s", low=1, high=1000, stated="always"),
            Column(
                "audio_rate_hz", "integer", "sample rate of the audio", "Hz", low=1000, high=768_000, stated="always"
            ),
            Column("audio_samples", "integer", "samples of the audio", low=1, stated="always"),
            Column(
                "filled_s",
                "number",
                "how much of it stands where the file has nothing: such a window is refused",
                "s",
                low=0,
                high=0,
                stated="always",
            ),
            Column(
                "split",
                "text",
                "training or validation; one for a group of near duplicates",
                values=SPLITS,
                stated="always",
            ),
        ),
    ),
    "verdicts": Table(
        "a clip, measured and judged",
        (
            Column("clip_id", "text", "the clip", stated="always"),
            *MEASURES,
            Column("has_subtitles", "flag", "whether any frame has subtitles; null if that was not looked for"),
            Column("language", "text", "language that is spoken, as the sidecar of its file states it"),
            Column("unavailable", "text by name", "measure or language: why it is null for this clip alone"),
            Column("rejections", "text by name", "measure or fault: the limit that does not hold", stated="always"),
            Column("phases", "texts", "training phases that take the clip", stated="always"),
            Column("verdict", "text", "whether the clip is used", values=VERDICTS, stated="always"),
        ),
    ),
    "captions": Table(
        "a caption of an accepted clip",
        (
            Column("clip_id", "text", "the clip", stated="always"),
            Column("visual", "text", "what is visible", stated="template"),
            Column("speech", "text", "what is said, word for word"),
            Column("sound", "text", "what is audible beside speech", stated="template"),
            Column("merged", "text", "everything in one text", stated="always"),
            Column("on_screen_text", "texts", "what is written in the frames, as a model read it"),
            Column("kind", "text", "what wrote it", values=("template", "own", "model"), stated="always"),
            Column("model", "text", "models that wrote it, such as `vlm NAME, llm NAME`", stated="model"),
            Column("language", "text", "language of the caption", stated="template or model"),
            Column("unavailable", "text by name", "speech or sound: why a model's caption is without it"),
            Column("fallback_reason", "text", "why it is a template although a model was asked"),
        ),
    ),
    "audio_clips": Table(
        "a window of an accepted file of audio alone",
        (
            Column("clip_id", "text", "the window", stated="always"),
            Column("source_id", "text", "the file", stated="always"),
            Column("start_s", "number", "start of the window", "s", low=-LONGEST_S, high=LONGEST_S, stated="always"),
            Column("end_s", "number", "end of the window", "s", low=-LONGEST_S, high=LONGEST_S, stated="always"),
            Column("split", "text", "training or validation", values=SPLITS, stated="always"),
            *(measure for measure in MEASURES if measure.name in AUDIO_CLIP_MEASURES),
            Column("sound", "text", "what is audible, where a template says it"),
            Column("merged", "text", "its caption", stated="accepted"),
            Column("kind", "text", "where the caption is from", values=("template", "own"), stated="accepted"),
            Column("verdict", "text", "whether the window is used", values=VERDICTS, stated="always"),
            Column("reason_code", "text", "why it is rejected, in one word", stated="rejected"),
            Column("reason", "text", "why it is rejected, in a sentence", stated="rejected"),
        ),
    ),
    "latents": Table(
        "an accepted clip, or window of audio alone, at one geometry",
        (
            Column("clip_id", "text", "the clip, or the window", stated="always"),
            Column("path", "text", "shard in data/latents/GEOMETRY", stated="always"),
            Column("row", "integer", "row in the shard", low=0, stated="always"),
            Column("orientation", "text", "orientation of the canvas; null: audio alone", values=ORIENTATIONS),
            Column("split", "text", "training or validation", values=SPLITS, stated="always"),
            Column("phases", "texts", "training phases that take the clip", stated="always"),
            Column("origin", "text", "what a sidecar of its file states about the origin"),
        ),
    ),
    "rejects": Table(
        "what a stage rejected: a row of the table before it, or an interval of a file",
        (
            Column("table", "text", "the table of the rejected row", stated="always"),
            Column("id", "text", "the rejected row", stated="always"),
            Column("stage", "text", "the stage", stated="always"),
            Column("reason_code", "text", "why, in one word", stated="always"),
            Column("reason", "text", "why, in a sentence", stated="always"),
            Column(
                "start_s", "number", "start of an interval that lies in no window; null: the whole row is rejected", "s"
            ),
            Column("end_s", "number", "end of that interval", "s"),
        ),
    ),
}


def measures_of(group: str) -> tuple[str, ...]:
    """Names of the measures that one group takes (`Measure.group`), in the order of the table."""
    return tuple(measure.name for measure in MEASURES if measure.group == group)


def write_table(
    path: Path, name: str, rows: Iterable[Mapping[str, Any]], inputs: Mapping[str, Path | str] | None = None
) -> None:
    """Write rows of table `name` atomically; a missing key is null, an unknown key a KeyError.

    Rows keep the order they come in: the caller gives a fixed one. `inputs` names what the rows were made from: a
    file is recorded in the table's metadata by its sha256, a string as it is. So a table's bytes change whenever
    anything before it did, and whoever depends on the last table depends on the whole line.
    """
    table = TABLES[name]
    rows = list(rows)
    for row in rows:
        if unknown := set(row) - set(table.names):
            raise KeyError(f"table {name} has no column {sorted(unknown)}")
    origin = {
        key: sha256_file(value) if isinstance(value, Path) else value for key, value in sorted((inputs or {}).items())
    }
    data = pa.Table.from_pylist([dict(row) for row in rows], schema=table.schema)
    clear_temporary(path.parent, path.name)  # a stage that was killed at this very table
    with atomic_path(path) as temporary:
        pq.write_table(data.replace_schema_metadata({"inputs": json.dumps(origin)}), temporary, compression="zstd")


def table_inputs(path: Path) -> dict[str, str]:
    """What `write_table` recorded that a table was made from, by name; {} where nothing was.

    Raises:
        UsageError: the file is missing.
    """
    if not path.exists():
        raise _missing(path)
    inputs: dict[str, str] = json.loads((pq.read_metadata(path).metadata or {}).get(b"inputs", b"{}"))
    return inputs


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
        raise _missing(path)
    with pq.ParquetFile(path) as file:  # `pq.read_table` would import pandas
        data = file.read()
    table = TABLES[name]
    if tuple(data.schema.names) != table.names:
        raise StaleError(
            f"{path} has columns {', '.join(data.schema.names)}, table {name} has "
            f"{', '.join(table.names)}: make it again"
        )
    return data.cast(table.schema)


def _missing(path: Path) -> UsageError:
    return UsageError(f"{path} is missing: it is made by an earlier stage, run `dvc repro` (or `mova --help`)")
