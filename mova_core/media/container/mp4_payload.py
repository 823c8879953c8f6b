"""Bytes of ours within an mp4: a `uuid` box at the end, which players ignore.

Nothing before it moves, so video and audio stay bit for bit the same. Source: ISO/IEC 14496-12, 4.2 (boxes) and 11.1
(`uuid`).
"""

import struct
import uuid
from collections.abc import Iterator

BOX_UUID = uuid.UUID("6d6f7661-7072-4f76-a56e-616e63650001")  # ours alone
HEADER_BYTES = 24  # size, type, uuid


def is_mp4(data: bytes) -> bool:
    """Whether a file begins as an mp4 does."""
    return data[4:8] == b"ftyp"


def payload_in(data: bytes) -> bytes | None:
    """What our box holds, None where there is none; ValueError says why the file is not whole."""
    return next((data[start + HEADER_BYTES : end] for start, end, ours in _boxes(data) if ours), None)


def with_payload(data: bytes, payload: bytes) -> bytes:
    """The file with a payload, in place of one that is there; ValueError says why it is not whole."""
    kept = b"".join(data[start:end] for start, end, ours in _boxes(data) if not ours)
    return kept + struct.pack(">I4s", HEADER_BYTES + len(payload), b"uuid") + BOX_UUID.bytes + payload


def _boxes(data: bytes) -> Iterator[tuple[int, int, bool]]:
    """Start and end of each top-level box, and whether it is ours."""
    start = 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4])
        if size == 1:
            size = int.from_bytes(data[start + 8 : start + 16])
        end = start + size
        if size < 8 or end > len(data):  # size 0, an open end, too: what is put behind it would become part of it
            raise ValueError(f"has a box at byte {start} that is cut short or has no size")
        ours = data[start + 4 : start + 8] == b"uuid" and data[start + 8 : start + HEADER_BYTES] == BOX_UUID.bytes
        yield start, end, ours
        start = end
