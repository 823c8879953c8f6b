"""Bytes of ours within a Matroska file: a tag of our own name, in the last element of the segment.

The elements before it stay where they are, so video, audio and index stay bit for bit the same; only the segment's size
grows, in place. Source: RFC 9559 (Matroska, 5.1.8 Tags) and RFC 8794 (EBML, section 4: numbers of variable length).
"""

from collections.abc import Iterator

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
TAGS, TAG, TARGETS, SIMPLE_TAG = b"\x12\x54\xc3\x67", b"\x73\x73", b"\x63\xc0", b"\x67\xc8"
TAG_NAME, TAG_STRING = b"\x45\xa3", b"\x44\x87"
NAME = b"MOVA_PROVENANCE"
SIZE_BYTES = 8  # of every size that is written here, and of a segment's by FFmpeg

Element = tuple[bytes, int, int, int]  # id; where it, its content and what is behind it begin


def is_matroska(data: bytes) -> bool:
    """Whether a file begins as Matroska does."""
    return data.startswith(EBML)


def payload_in(data: bytes) -> bytes | None:
    """What our tag holds, None where there is none; ValueError says why the file is not whole."""
    _, _, first, end = _segment(data)
    tags = (_payload_of(data, element) for element in _elements(data, first, end) if element[0] == TAGS)
    return next((payload for payload in tags if payload is not None), None)


def with_payload(data: bytes, payload: bytes) -> bytes:
    """The file with a payload, in place of one that is there; ValueError says why it is not whole."""
    _, start, first, end = _segment(data)
    kept = [
        data[element[1] : element[3]]
        for element in _elements(data, first, end)
        if element[0] != TAGS or _payload_of(data, element) is None
    ]
    simple = _element(SIMPLE_TAG, _element(TAG_NAME, NAME) + _element(TAG_STRING, payload))
    ours = _element(TAGS, _element(TAG, _element(TARGETS, b"") + simple))  # no target: it is about the whole file
    return data[:start] + _element(SEGMENT, b"".join(kept) + ours) + data[end:]


def _payload_of(data: bytes, tags: Element) -> bytes | None:
    """The payload in one element Tags."""
    for tag in _children(data, tags, TAG):
        for simple in _children(data, tag, SIMPLE_TAG):
            fields = {kind: data[first:end] for kind, _, first, end in _elements(data, simple[2], simple[3])}
            if fields.get(TAG_NAME) == NAME:
                return fields.get(TAG_STRING)
    return None


def _children(data: bytes, parent: Element, kind: bytes) -> Iterator[Element]:
    return (child for child in _elements(data, parent[2], parent[3]) if child[0] == kind)


def _segment(data: bytes) -> Element:
    """The first segment, whose size must be written as wide as it is written here."""
    for element in _elements(data, 0, len(data)):
        kind, start, first, _ = element
        if kind == SEGMENT:
            if first - start != len(SEGMENT) + SIZE_BYTES:
                raise ValueError(f"has a segment whose size is not written in {SIZE_BYTES} bytes")
            return element
    raise ValueError("has no segment")


def _elements(data: bytes, start: int, end: int) -> Iterator[Element]:
    while start < end:
        id_bytes = _width(data, start)
        size_bytes = _width(data, start + id_bytes)
        first = start + id_bytes + size_bytes
        marked = int.from_bytes(data[start + id_bytes : first])
        size = marked & ~(1 << 7 * size_bytes)
        if first + size > end:  # an unknown size, all ones, too: what is put behind it would become part of it
            raise ValueError(f"has an element at byte {start} that is cut short or has no size")
        yield data[start : start + id_bytes], start, first, first + size
        start = first + size


def _width(data: bytes, at: int) -> int:
    """Bytes of the number that begins there: one more than the zero bits before its first one."""
    if at >= len(data) or data[at] == 0:
        raise ValueError(f"has no element at byte {at}")
    return 9 - data[at].bit_length()


def _element(kind: bytes, content: bytes) -> bytes:
    return kind + (1 << 7 * SIZE_BYTES | len(content)).to_bytes(SIZE_BYTES) + content
