"""Contract of `latents`: every accepted clip once a geometry, and windows of audio alone, in shards of one codec.

Shapes and counts come from the shards' headers, so all shards are looked at; numbers are sampled, a few rows a shard.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open

from data_contracts.columns import Columns, Tables, accepted_clips, is_among, is_word, looked_up
from data_contracts.contract import Contract, View, nowhere, rows_of
from data_contracts.expectations import (
    Column,
    Expectation,
    ExpectNoFault,
    ExpectOneOf,
    ExpectOneValue,
    ExpectRows,
    ExpectSome,
    ExpectUnique,
)
from data_contracts.report.places import at_clip
from data_contracts.rules.audio_clips import accepted_windows, audio_clips_views, read_audio_clips
from data_contracts.rules.balance import once_a_clip
from data_contracts.rules.column_rules import column_rules
from mova_core.curation.encode.folder_constants import CONSTANTS_FILE
from mova_core.curation.encode.latent_shards import LATENTS, VIDEO_LATENTS
from mova_core.curation.encode.latents_file import METADATA_KEY
from mova_core.curation.encode.latents_manifest import AUDIO_CLIPS_FILE, INDEX_FILE, SCHEMA, read_latents_manifest
from mova_core.curation.tables import TABLES, read_columns
from mova_core.geometry import ClipGeometry
from mova_core.params import Params
from mova_core.places import DataFolder
from mova_core.storage.manifest import MANIFEST_FILE, fault

SAMPLED_ROWS = 8  # a shard
AUDIO_ALONE = "audio alone"  # in place of an orientation
COLUMNS = TABLES["latents"]

Row = dict[str, Any]


def latents(data: DataFolder, params: Params) -> Contract:
    """The contract over the indexes and shards of all of the preset's geometries.

    Raises:
        UsageError: a table is missing, or a geometry's latents are not finished.
        StaleError: latents of another version.
    """
    tables = Tables(data)
    index: list[pd.DataFrame] = []
    shards: list[Row] = []
    windows = read_audio_clips(data, params.geometries[0])
    for geometry in params.geometries:
        folder = data.latents(geometry.name)
        made = list(_shards(folder, geometry))
        shards += made
        known = _known_clips(tables, windows if geometry == params.geometries[0] else None)
        index.append(_index(Columns(read_columns(folder / INDEX_FILE, "latents")), geometry, made, known))
    rows = pd.concat(index, ignore_index=True)
    clip_ids = accepted_clips(tables)
    due = [pd.DataFrame({"clip_id": clip_ids, "latent": f"{each.name}/" + clip_ids}) for each in params.geometries]
    alone = accepted_windows(windows)
    due.append(pd.DataFrame({"clip_id": alone, "latent": f"{params.geometries[0].name}/" + alone}))
    once = (
        "every accepted clip is encoded once for each geometry",
        "Nothing disappears: latents = accepted clips x geometries + accepted windows of audio alone.",
    )
    return Contract(
        table="latents",
        views=(
            View("latents", "latent", rows, "latent", at_clip(tables), tuple(_index_rules())),
            once_a_clip("latents", pd.concat(due, ignore_index=True), "latent", rows["latent"], tables, *once),
            View(
                "latent shards",
                "shard",
                rows_of(shards, _SHARD_COLUMNS),
                "shard",
                nowhere,
                tuple(_shard_rules(params.geometries)),
            ),
            *audio_clips_views(windows, tables),
        ),
        files={
            f"latents/{geometry.name}/{MANIFEST_FILE}": data.latents(geometry.name) / MANIFEST_FILE
            for geometry in params.geometries
        },
    )


_SHARD_COLUMNS = [
    *("shard", "geometry", "codec", "text_encoder", *(f"shape_{name}" for name in LATENTS)),
    *("file_fault", "header_fault", "rows_fault", "number_fault", "audio_alone"),
]


def _known_clips(tables: Tables, windows: Columns | None) -> pd.DataFrame:
    """What the index must say of each clip, and of each window of audio alone."""
    clips, verdicts = tables["clips"].frame, tables["verdicts"]
    sources = tables.accepted.frame[["source_id", "origin"]].astype(object)
    known = clips[["clip_id", "split", "orientation"]].astype(object)
    known["origin"] = looked_up(clips["source_id"].astype(object), sources["source_id"], sources["origin"])
    for name, values in (("verdict", verdicts.frame["verdict"].astype(object)), ("phases", verdicts.joined("phases"))):
        known[name] = looked_up(clips["clip_id"], verdicts.frame["clip_id"], values)
    if windows is None or not len(windows):
        return known
    alone = windows.frame[["clip_id", "split", "verdict"]].astype(object)
    origin = looked_up(windows.frame["source_id"].astype(object), sources["source_id"], sources["origin"])
    alone = alone.assign(orientation=AUDIO_ALONE, phases="audio", origin=origin)
    return pd.concat([known, alone], ignore_index=True)


def _index(index: Columns, geometry: ClipGeometry, shards: list[Row], known: pd.DataFrame) -> pd.DataFrame:
    """The index of one geometry, each row beside its clip, its verdict and what its shard holds in its place."""
    frame = index.frame
    clip_ids, own_orientation = frame["clip_id"], frame["orientation"].astype(object).fillna(AUDIO_ALONE)
    verdict, phases, split, orientation, origin = (
        looked_up(clip_ids, known["clip_id"], known[fact])
        for fact in ("verdict", "phases", "split", "orientation", "origin")
    )
    is_accepted = is_among(clip_ids, known["clip_id"]) & is_word(verdict, "accepted")
    facts_differ = (frame["split"].astype(object) != split) | (own_orientation != orientation)
    own_origin, origin = (each.astype(object).fillna("") for each in (frame["origin"], origin))
    held, names = _held(shards), {row["shard"].rpartition("/")[2] for row in shards}
    alone = {f"{row['shard'].rpartition('/')[2]}" for row in shards if row["audio_alone"]}
    shown_fault = frame["path"].isin(alone) != is_word(own_orientation, AUDIO_ALONE)
    place = index.text_of("path", "[", "row") + "]"
    return frame.assign(
        latent=f"{geometry.name}/" + clip_ids.fillna("None"),
        place=f"{geometry.name}/" + place,
        missing=index.missing(COLUMNS.stated("always")),
        train=is_word(frame["split"], "train").astype(float),
        clip_fault=index.faults(~is_accepted, lambda _: "no such accepted clip"),
        place_fault=index.faults(
            (place.map(held).astype(object).fillna("") != clip_ids) | shown_fault,
            lambda row: _place_fault(row, names, alone, held),
        ),
        split_fault=index.faults(is_accepted & facts_differ, _split_fault, split, orientation),
        origin_fault=index.faults(
            is_accepted & (own_origin != origin),
            lambda row, stated: f"{row['origin']}, its file {stated or None}",
            origin,
        ),
        phases_fault=index.faults(
            is_accepted & (index.joined("phases").fillna("null") != phases.fillna("null")), _phases_fault, phases
        ),
    )


def _held(shards: list[Row]) -> dict[str, str]:
    """Place in a shard -> the clip that the shard says is there."""
    return {
        f"{shard['shard'].rpartition('/')[2]}[{row}]": clip_id
        for shard in shards
        for row, clip_id in enumerate(shard["clip_ids"])
    }


def _place_fault(row: Mapping[str, Any], names: set[str], alone: set[str], held: Mapping[str, str]) -> str:
    if row["path"] not in names:
        return f"no shard {row['path']}"
    if held.get(f"{row['path']}[{row['row']}]") != row["clip_id"]:
        return f"row {row['row']} of {row['path']} is another clip or none"
    return f"{row['path']} holds {'no video' if row['path'] in alone else 'video, and it is audio alone'}"


def _split_fault(row: Mapping[str, Any], split: str | None, orientation: str | None) -> str | None:
    if (own := row["orientation"] or AUDIO_ALONE) != orientation:
        return f"{own}, its clip {orientation}"
    return f"{row['split']}, its clip {split}" if row["split"] != split else None


def _phases_fault(row: Mapping[str, Any], phases: str | None) -> str:
    return f"{', '.join(row['phases'] or [])}, its verdict {(phases or '').replace(',', ', ')}"


def _shards(folder: Path, geometry: ClipGeometry) -> Iterator[Row]:
    """A row for every file of the folder's manifest: of the index and the constants only the checksum counts."""
    for name, entry in sorted(read_latents_manifest(folder).files.items()):
        row: Row = dict.fromkeys(_SHARD_COLUMNS) | {"shard": f"{geometry.name}/{name}", "clip_ids": []}
        row["file_fault"] = fault(folder / name, entry)
        if name not in (INDEX_FILE, CONSTANTS_FILE, AUDIO_CLIPS_FILE):
            row |= {"geometry": geometry.name} | _looked_into(folder / name, geometry)
        yield row


def _looked_into(path: Path, geometry: ClipGeometry) -> Row:
    """What a shard's header says, shapes of its latents without rows and channels, and what is wrong with it."""
    try:
        with safe_open(path, framework="np") as file:
            header = json.loads((file.metadata() or {}).get(METADATA_KEY, "{}"))
            if (header.get("schema"), header.get("geometry")) != (SCHEMA, geometry.name):
                return {"header_fault": f"schema {header.get('schema')}, made for {header.get('geometry')}"}
            found = {key: header[key] for key in ("clip_ids", "codec", "text_encoder")}
            names = set(file.keys())
            found["audio_alone"] = names.isdisjoint(VIDEO_LATENTS)
            for name in LATENTS:
                if name in names:
                    found |= _sampled(name, file.get_slice(name), len(header["clip_ids"]))
                elif not (found["audio_alone"] and name in VIDEO_LATENTS):
                    found["rows_fault"] = f"it holds no {name}"
    except (OSError, SafetensorError) as error:
        return {"header_fault": f"cannot be read: {error}"}
    return found


def _sampled(name: str, latents: Any, clips: int) -> Row:
    rows, _, *sides = latents.get_shape()
    found: Row = {f"shape_{name}": "x".join(map(str, sides))}
    if rows != clips:
        found["rows_fault"] = f"{name} has {rows} rows for {clips} clips"
    for row in range(0, rows, max(1, rows // SAMPLED_ROWS)):
        if not np.isfinite(latents[row : row + 1]).all():
            found["number_fault"] = f"{name} of row {row}"
    return found


def _index_rules() -> list[Expectation]:
    known = "Training finds a clip's latents by the index, and chooses clips by split and phase."
    return [
        ExpectRows.of("latent", "Without one there is nothing to train on."),
        ExpectNoFault.of("missing", "every latent is fully described", known),
        *column_rules(COLUMNS.columns, "latent"),
        ExpectUnique.of("place", "latent", "Two clips cannot be one row of a shard."),
        ExpectNoFault.of("clip_fault", "every latent is of an accepted clip", "Rejected clips are not trained on."),
        ExpectNoFault.of("place_fault", "every latent lies in the shard and row that the index says", known),
        ExpectNoFault.of("split_fault", "split and orientation are those of the clip for every latent", known),
        ExpectNoFault.of("origin_fault", "origin is what the sidecar of its file states for every latent", known),
        ExpectNoFault.of("phases_fault", "phases are those of the verdict for every latent", known),
        ExpectSome.of("train", "latent to train on", "Training needs clips."),
    ]


def _shard_rules(geometries: tuple[ClipGeometry, ...]) -> list[Expectation]:
    size = "A batch is one shape, which follows from the geometry (geometry.py)."
    rules: list[Expectation] = [
        ExpectNoFault.of(
            "file_fault",
            "every file of latents is the one that its manifest names",
            "A killed run leaves no half shard behind.",
        ),
        ExpectNoFault.of("header_fault", "every shard is whole and made for its geometry", size),
        ExpectOneValue.of("codec", "one codec made all shards", "Latents of two codecs cannot be mixed or decoded."),
        ExpectOneValue.of(
            "text_encoder", "one text encoder made all shards", "Contexts of two encoders cannot be mixed."
        ),
        ExpectNoFault.of("rows_fault", "every shard has a row for each of its clips", size),
        ExpectNoFault.of(
            "number_fault",
            f"no NaN or infinity in up to {SAMPLED_ROWS} rows of every shard",
            "One such number ends training (a sample, evenly spread).",
        ),
    ]
    for geometry in geometries:
        here = Column("geometry") == geometry.name
        video = [f"{geometry.latent_frames}x{one.latent_height}x{one.latent_width}" for one in geometry.canvases]
        every = f"{geometry.name} shard"
        last = [f"1x{one.latent_height}x{one.latent_width}" for one in geometry.canvases]
        shapes = {name: [str(geometry.audio_latents)] for name in LATENTS}
        shapes |= {"video": video, "condition": video, "condition_last": last}
        rules += (ExpectOneOf.of(f"shape_{name}", allowed, every, size, only=here) for name, allowed in shapes.items())
    return rules
