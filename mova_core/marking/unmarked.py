"""A marked mp4 without its C2PA manifest: byte for byte what it was before it was signed.

Signing puts one `uuid` box in front of the media and moves the offsets of its samples by the box's length; nothing else
changes. Source: C2PA specification 2.2, A.5 (BMFF); ISO/IEC 14496-12, 8.7.5 (`stco`, `co64`).
"""

import uuid
from collections.abc import Iterator

from mova_core.errors import MediaError

C2PA_BOX = uuid.UUID("d8fec3d6-1b0e-483c-9297-5828877ec481")
PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")  # boxes of boxes, on the way to the offsets
OFFSET_BYTES = {b"stco": 4, b"co64": 8}
TABLE_HEADER_BYTES = 8  # version and flags, count


def without_manifest(data: bytes) -> bytes:
    """The bytes of an mp4 without its manifest; those of one that carries none as they are.

    Raises:
        MediaError: no whole mp4 (`damaged_clip`).
    """
    found = next(
        ((start, end) for kind, start, body, end in _boxes(data, 0, len(data)) if _is_manifest(data, kind, body)), None
    )
    if found is None:
        return data
    start, end = found
    kept = bytearray(data[:start] + data[end:])
    _move_offsets(kept, 0, len(kept), start, end - start)
    return bytes(kept)


def _is_manifest(data: bytes, kind: bytes, body: int) -> bool:
    return kind == b"uuid" and data[body : body + 16] == C2PA_BOX.bytes


def _move_offsets(data: bytearray, start: int, end: int, behind: int, by: int) -> None:
    """Lower each offset of a sample that lay behind a byte."""
    for kind, _, body, after in _boxes(data, start, end):
        if kind in PARENTS:
            _move_offsets(data, body, after, behind, by)
        elif width := OFFSET_BYTES.get(kind):
            for at in range(body + TABLE_HEADER_BYTES, after, width):
                offset = int.from_bytes(data[at : at + width])
                if offset > behind:
                    data[at : at + width] = (offset - by).to_bytes(width)


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Type, start, start of the content and end of each box in a range."""
    while start < end:
        size, header = int.from_bytes(data[start : start + 4]), 8
        if size == 1:
            size, header = int.from_bytes(data[start + 8 : start + 16]), 16
        if size < header or start + size > end:
            raise MediaError("damaged_clip", f"not a whole mp4: the box at byte {start} is cut short or has no size")
        yield bytes(data[start + 4 : start + 8]), start, start + header, start + size
        start += size
