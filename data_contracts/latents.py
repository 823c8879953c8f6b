"""Contract of `latents`: every accepted clip once a geometry, in whole shards that one codec made.

Shapes and counts come from the shards' headers, so all shards are looked at; numbers are sampled, a few rows a shard.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from data_contracts.contract import Contract, View, rows_of
from data_contracts.expectations import (
    Column,
    Expectation,
    ExpectExactly,
    ExpectNoFault,
    ExpectOneOf,
    ExpectOneValue,
    ExpectRows,
    ExpectSome,
    ExpectStated,
    ExpectUnique,
)
from data_contracts.places import places_of_clips
from mova_core.curation.latent_shards import (
    INDEX_FILE,
    MANIFEST_FILE,
    METADATA_KEY,
    SCHEMA,
    is_vouched,
    read_manifest,
)
from mova_core.curation.layout import DataFolder
from mova_core.curation.tables import TABLES, read_table
from mova_core.geometry import ClipGeometry
from mova_core.params import Params

SAMPLED_ROWS = 8  # a shard
LATENTS = ("video", "audio", "audio_lufs")

Row = dict[str, Any]


def latents(data: DataFolder, params: Params) -> Contract:
    """The contract over the indexes and shards of all of the preset's geometries.

    Raises:
        UsageError: a table is missing, or a geometry's latents are not finished.
        StaleError: latents of another version.
    """
    clips = {row["clip_id"]: row for row in read_table(data.table("clips"), "clips")}
    verdicts = {row["clip_id"]: row for row in read_table(data.table("verdicts"), "verdicts")}
    places = places_of_clips(data)
    index: list[Row] = []
    shards: list[Row] = []
    for geometry in params.geometries:
        folder = data.latents(geometry.name)
        made = list(_shards(folder, geometry))
        clip_ids = {row["shard"].rpartition("/")[2]: row["clip_ids"] for row in made}
        shards += made
        for row in read_table(folder / INDEX_FILE, "latents"):
            derived = _derived(row, clips.get(row["clip_id"]), verdicts.get(row["clip_id"]), clip_ids)
            index.append({**row, **derived, "geometry": geometry.name, "where": places.get(row["clip_id"])})
            index[-1]["latent"] = f"{geometry.name}/{row['clip_id']}"
            index[-1]["place"] = f"{geometry.name}/{row['path']}[{row['row']}]"
    accepted = [clip_id for clip_id, row in verdicts.items() if row["verdict"] == "accepted"]
    return Contract(
        table="latents",
        views=(
            View("latents", "latent", rows_of(index, _INDEX_COLUMNS), "latent", tuple(_index_rules())),
            _by_clip(index, accepted, params.geometries, places),
            View(
                "latent shards",
                "shard",
                rows_of(shards, _SHARD_COLUMNS),
                "shard",
                tuple(_shard_rules(params.geometries)),
            ),
        ),
        files={
            f"latents/{geometry.name}/{MANIFEST_FILE}": data.latents(geometry.name) / MANIFEST_FILE
            for geometry in params.geometries
        },
    )


_INDEX_COLUMNS = [
    *(name for name in TABLES["latents"].names if name != "phases"),
    *("latent", "where", "place", "train", "clip_fault", "place_fault", "split_fault", "phases_fault"),
]
_SHARD_COLUMNS = [
    *("shard", "where", "geometry", "codec", "text_encoder", "shape_video", "shape_audio", "shape_audio_lufs"),
    *("vouch_fault", "header_fault", "rows_fault", "number_fault"),
]


def _derived(row: Row, clip: Row | None, verdict: Row | None, clip_ids: dict[str, list[str]]) -> Row:
    held = clip_ids.get(row["path"])
    derived: Row = dict.fromkeys(("clip_fault", "place_fault", "split_fault", "phases_fault"))
    derived |= {"train": float(row["split"] == "train")}
    if held is None:
        derived["place_fault"] = f"no shard {row['path']}"
    elif row["row"] not in range(len(held)) or held[row["row"]] != row["clip_id"]:
        derived["place_fault"] = f"row {row['row']} of {row['path']} is another clip or none"
    if clip is None or verdict is None or verdict["verdict"] != "accepted":
        derived["clip_fault"] = "no such accepted clip"
        return derived
    for fact in ("split", "orientation"):
        if row[fact] != clip[fact]:
            derived["split_fault"] = f"{row[fact]}, its clip {clip[fact]}"
    if row["phases"] != verdict["phases"]:
        derived["phases_fault"] = f"{', '.join(row['phases'] or [])}, its verdict {', '.join(verdict['phases'] or [])}"
    return derived


def _shards(folder: Path, geometry: ClipGeometry) -> Iterator[Row]:
    """A row for every file that the folder's manifest names: shards, and the index, which is only to be vouched for."""
    manifest = read_manifest(folder)
    for name in sorted(manifest["files"]):
        row: Row = dict.fromkeys(_SHARD_COLUMNS) | {"shard": f"{geometry.name}/{name}", "clip_ids": []}
        row["vouch_fault"] = None if is_vouched(folder / name, manifest) else "changed, or not there"
        if name != INDEX_FILE:
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
            for name in LATENTS:
                found |= _sampled(name, file.get_slice(name), len(header["clip_ids"]))
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
        ExpectStated.of("clip_id", "latent", known),
        ExpectUnique.of("place", "latent", "Two clips cannot be one row of a shard."),
        ExpectNoFault.of("clip_fault", "every latent is of an accepted clip", "Rejected clips are not trained on."),
        ExpectNoFault.of("place_fault", "every latent lies in the shard and row that the index says", known),
        ExpectNoFault.of("split_fault", "split and orientation are those of the clip for every latent", known),
        ExpectNoFault.of("phases_fault", "phases are those of the verdict for every latent", known),
        ExpectSome.of("train", "latent to train on", "Training needs clips."),
    ]


def _shard_rules(geometries: tuple[ClipGeometry, ...]) -> list[Expectation]:
    size = "A batch is one shape, which follows from the geometry (geometry.py)."
    rules: list[Expectation] = [
        ExpectNoFault.of(
            "vouch_fault",
            "every shard and index is the file its manifest vouches for",
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
        pictures = [f"{geometry.latent_frames}x{one.latent_height}x{one.latent_width}" for one in geometry.canvases]
        every = f"{geometry.name} shard"
        rules.append(ExpectOneOf.of("shape_video", pictures, every, size, only=here))
        rules += (
            ExpectOneOf.of(f"shape_{name}", [str(geometry.audio_latents)], every, size, only=here)
            for name in ("audio", "audio_lufs")
        )
    return rules


def _by_clip(
    index: list[Row], accepted: list[str], geometries: tuple[ClipGeometry, ...], places: dict[str, str]
) -> View:
    encoded = Counter(row["latent"] for row in index)
    return View(
        name="latents by clip",
        noun="clip",
        rows=rows_of(
            (
                {"latent": key, "where": places.get(clip_id), "outcomes": encoded[key]}
                for geometry in geometries
                for clip_id in accepted
                for key in (f"{geometry.name}/{clip_id}",)
            ),
            ["latent", "where", "outcomes"],
        ),
        id_column="latent",
        expectations=(
            ExpectExactly.once(
                "outcomes",
                "every accepted clip is encoded once for each geometry",
                "Nothing disappears: latents = accepted clips x geometries.",
            ),
        ),
    )
