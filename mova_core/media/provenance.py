"""Which checkpoint made a clip, written into the clip itself.

An mp4 is a sequence of boxes; a `uuid` box at the end, which players ignore, holds a small JSON object. Nothing before
it moves, so video and audio stay bit for bit the same, and the same request gives the same bytes wherever it runs. What
differs from call to call (the service's job, its Bento) is therefore not in the file: the registry finds it by the
file's sha256. Source: ISO/IEC 14496-12, 4.2 (boxes) and 11.1 (`uuid`).
"""

import json
import struct
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from mova_core.errors import MediaError
from mova_core.storage.atomic import write_bytes

BOX_UUID = uuid.UUID("6d6f7661-7072-4f76-a56e-616e63650001")  # ours alone
SCHEMA = "provenance/1"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a clip comes from.

    Args:
        checkpoint_id: the weights that made it.
        lora: id of the LoRA adapter beside them; None for none.
    """

    checkpoint_id: str
    lora: str | None = None


def write_provenance(path: Path, provenance: Provenance) -> None:
    """Put provenance at the end of an mp4, in place of one that is there.

    Raises:
        MediaError: not a whole mp4 (`damaged_clip`).
    """
    data = path.read_bytes()
    kept = b"".join(data[start:end] for start, end, ours in _boxes(data, path) if not ours)
    stated = {name: value for name, value in asdict(provenance).items() if value is not None}
    payload = json.dumps({"schema": SCHEMA} | stated, separators=(",", ":")).encode()
    box = struct.pack(">I4s", 24 + len(payload), b"uuid") + BOX_UUID.bytes + payload
    write_bytes(path, kept + box)


def read_provenance(path: Path) -> Provenance | None:
    """Provenance of an mp4, or None if it carries none.

    Raises:
        MediaError: not a whole mp4, or a provenance that cannot be read (`damaged_clip`).
    """
    data = path.read_bytes()
    for start, end, ours in _boxes(data, path):
        if ours:
            return _parsed(data[start + 24 : end], path)
    return None


def _parsed(payload: bytes, path: Path) -> Provenance:
    try:
        values = json.loads(payload)
        if values.pop("schema") == SCHEMA:
            return Provenance(**values)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # answered below, like another schema
    raise MediaError("damaged_clip", f"{path} carries a provenance that this version cannot read, expected {SCHEMA}")


def _boxes(data: bytes, path: Path) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each top-level box, and whether it is ours."""
    if data[4:8] != b"ftyp":
        raise MediaError("damaged_clip", f"{path} is not an mp4 (it does not begin with a `ftyp` box)")
    start = 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4])
        if size == 1:
            size = int.from_bytes(data[start + 8 : start + 16])
        end = start + size
        if size < 8 or end > len(data):  # size 0, an open end, too: what is put behind it would become part of it
            raise MediaError("damaged_clip", f"{path} has a box at byte {start} that is cut short or has no size")
        ours = data[start + 4 : start + 8] == b"uuid" and data[start + 8 : start + 24] == BOX_UUID.bytes
        yield start, end, ours
        start = end
