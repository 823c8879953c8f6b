"""Boxes of a mov or mp4 file, as far as they tell why it cannot be used (ISO/IEC 14496-12, section 4)."""

import os
from collections.abc import Iterator
from typing import IO

ENCRYPTED_ENTRIES = (b"encv", b"enca", b"drmi", b"drms")  # Common Encryption (ISO/IEC 23001-7), and Apple's own
TO_SAMPLE_ENTRIES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
ENTRY_COUNT_BYTES = 8  # between the header of stsd and its first entry

Box = tuple[bytes, int, int]  # type, and where its content begins and ends


def has_index(file: IO[bytes]) -> bool:
    """Whether the top level holds the index, box moov."""
    return any(kind == b"moov" for kind, _, _ in _boxes(file, 0, file.seek(0, os.SEEK_END)))


def is_encrypted(file: IO[bytes]) -> bool:
    """Whether a track's samples are encrypted."""
    return any(kind in ENCRYPTED_ENTRIES for kind, _, _ in _sample_entries(file))


def _sample_entries(file: IO[bytes]) -> Iterator[Box]:
    found: list[Box] = [(b"", 0, file.seek(0, os.SEEK_END))]
    for wanted in TO_SAMPLE_ENTRIES:
        found = [box for _, first, end in found for box in _boxes(file, first, end) if box[0] == wanted]
    for _, first, end in found:
        yield from _boxes(file, first + ENTRY_COUNT_BYTES, end)


def _boxes(file: IO[bytes], first: int, end: int) -> Iterator[Box]:
    """The boxes between two places; ends at the first that is no box."""
    while first + 8 <= end:
        file.seek(first)
        header = file.read(16)
        size, content = int.from_bytes(header[:4], "big"), first + 8
        if size == 1:
            size, content = int.from_bytes(header[8:16], "big"), first + 16
        elif size == 0:  # to the end
            size = end - first
        if size < content - first:
            return
        yield header[4:8], content, min(first + size, end)
        first += size
