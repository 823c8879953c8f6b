"""What a generated clip was made from, written into the clip itself: enough to make it again.

A small JSON object, in a `uuid` box of an mp4 (`container/mp4_payload.py`) or a tag of a Matroska file
(`container/matroska_payload.py`). Video and audio stay bit for bit the same, and the same request gives the same bytes
wherever it runs. So what differs from call to call is not in the file: the service's job and its Bento, which the
registry finds by the file's sha256, and where files lay; what a clip was made from is named by its sha256 alone.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from mova_core.errors import MediaError
from mova_core.media.container import matroska_payload, mp4_payload
from mova_core.storage.atomic import write_bytes
from mova_core.storage.manifest import Sha256

SCHEMA, FIRST_SCHEMA = "provenance/2", "provenance/1"
SUFFIXES = (".mp4", ".mkv")  # of files that can carry one
CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, config=CLOSED)
class LoraUsed:
    """A LoRA adapter that worked beside the checkpoint.

    Args:
        adapter_id: first digits of a sha256: of its manifest, or of the file where it has none.
        scale: by which its effect was multiplied.
    """

    adapter_id: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True, config=CLOSED)
class Recipe:
    """All that decides a clip beside the weights.

    Args:
        prompt: as the model was given it.
        negative_prompt: of the unconditional forwards.
        seed: of its noise.
        settings: fields of `GenerateSettings`.
        task: other fields of `ClipInputs` that were asked for, such as `extend`.
        inputs: sha256 of each file that it was made from, by what it was given as, such as `image`.
        runtime: what computed it: fields of `RuntimeParams`, devices by their kind.
        batch: how many clips were generated together; the last bits of an addition depend on it.
        versions: of what decides the bytes, by name.
    """

    prompt: str
    negative_prompt: str
    seed: int
    settings: dict[str, Any]
    task: dict[str, Any]
    inputs: dict[str, Sha256]
    runtime: dict[str, Any]
    batch: int
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, config=CLOSED)
class Try:
    """One seed that a clip was generated with.

    Args:
        seed: of its noise.
        faults: why the clip counts as collapsed, short phrases; none: it does not.
    """

    seed: int
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, config=CLOSED)
class Provenance:
    """Where a clip comes from.

    Args:
        checkpoint_id: the weights that made it.
        loras: adapters beside them, sorted.
        recipe: how it was made; None where no request made it (an evaluation's samples) and in files of provenance/1.
        tries: seeds that were tried, from that of the recipe on; empty where that one did well.
    """

    checkpoint_id: str
    loras: tuple[LoraUsed, ...] = ()
    recipe: Recipe | None = None
    tries: tuple[Try, ...] = ()


def write_provenance(path: Path, provenance: Provenance) -> None:
    """Put provenance at the end of an mp4 or Matroska file, in place of one that is there.

    Raises:
        MediaError: not a whole file of the two (`damaged_clip`).
    """
    values = {"schema": SCHEMA} | asdict(provenance)
    for name in ("recipe", "tries"):
        if not values[name]:
            del values[name]
    payload = json.dumps(values, separators=(",", ":"), sort_keys=True).encode()
    data = path.read_bytes()
    try:
        write_bytes(path, _carrier(data).with_payload(data, payload))
    except ValueError as error:
        raise MediaError("damaged_clip", f"{path} {error}") from None


def read_provenance(path: Path) -> Provenance | None:
    """Provenance of an mp4 or Matroska file, or None if it carries none.

    Raises:
        MediaError: not a whole file of the two, or a provenance that cannot be read (`damaged_clip`).
    """
    data = path.read_bytes()
    try:
        payload = _carrier(data).payload_in(data)
    except ValueError as error:
        raise MediaError("damaged_clip", f"{path} {error}") from None
    return None if payload is None else _parsed(payload, path)


def _carrier(data: bytes) -> Any:
    """The module that knows the file's container."""
    if mp4_payload.is_mp4(data):
        return mp4_payload
    if matroska_payload.is_matroska(data):
        return matroska_payload
    raise ValueError("is neither mp4 (it does not begin with a `ftyp` box) nor Matroska")


def _parsed(payload: bytes, path: Path) -> Provenance:
    try:
        values = json.loads(payload)
        schema = values.pop("schema")
        if schema == FIRST_SCHEMA:  # the id of one adapter or none, and nothing else
            lora = values.pop("lora", None)
            values["loras"] = [] if lora is None else [{"adapter_id": lora}]
        if schema in (SCHEMA, FIRST_SCHEMA):
            return TypeAdapter(Provenance).validate_python(values)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # answered below, like another schema
    raise MediaError(
        "damaged_clip",
        f"{path} carries a provenance that this version cannot read, expected {FIRST_SCHEMA} or {SCHEMA}",
    )
