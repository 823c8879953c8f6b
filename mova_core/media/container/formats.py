"""Which container a file is, by its first bytes alone: the list of those that are opened, and the cause for all others.

A name never counts. Each container has one demuxer of FFmpeg's; none of those on this list opens another file.
A transport or program stream may begin in mid-packet: up to 64 KiB in front of its first whole packet are passed over
(`packet_sync.py`).
"""

from dataclasses import dataclass

from mova_core.errors import MediaError
from mova_core.media.container.packet_sync import (
    JUNK_BYTES,
    MOST_SYNCS,
    TS_PACKET_BYTES,
    TS_SYNC,
    first_program_packet,
    transport_packets,
)

# Boxes that a mov or mp4 file may begin with: ISO/IEC 14496-12, DASH (ISO/IEC 23009-1), QuickTime, MPEG-21.
MOV_BOXES = tuple(
    b"ftyp moov mdat free skip wide pnot styp sidx ssix uuid pdin emsg prft moof mfra meta udta junk".split()
)
STILL_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis", b"crx ")
IMAGES = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"8BPS": "Photoshop",
    b"\0\0\x01\0": "icon",
    b"\x76\x2f\x31\x01": "OpenEXR",
    b"SDPX": "DPX",
    b"XPDS": "DPX",
    b"#?RADIANCE": "Radiance HDR",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"P5\n": "PGM",
    b"P6\n": "PPM",
    b"qoif": "QOI",
}
BITSTREAMS = {
    b"\0\0\x01\xb3": "MPEG-1 or MPEG-2",
    b"\0\0\0\x01\x67": "H.264",
    b"\0\0\0\x01\x27": "H.264",
    b"\0\0\0\x01\x09": "H.264",
    b"\0\0\0\x01\x40\x01": "HEVC",
    b"\0\0\0\x01\x46\x01": "HEVC",
    b"DKIF": "IVF",
    b"YUV4MPEG2 ": "raw",
}
ARCHIVES = {b"PK\x03\x04": "ZIP", b"Rar!": "RAR", b"7z\xbc\xaf": "7z", b"\x1f\x8b": "gzip", b"%PDF": "PDF"}
PLAYLISTS = tuple(b"#extm3u|ffconcat|file |<mpd|<?xml|<playlist|[playlist]|<smil|v=0\r|v=0\n".split(b"|"))
MPEG_AUDIO = (b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2")
ADTS = (b"\xff\xf1", b"\xff\xf9", b"\xff\xf0", b"\xff\xf8")
AC3_SYNC, AC3_VERSIONS = b"\x0b\x77", 10  # a higher bsid is E-AC-3 (ATSC A/52, annex E)
ID3_HEADER_BYTES = 10
SIGNATURES = (  # name, demuxer, first bytes
    ("matroska", "matroska", b"\x1a\x45\xdf\xa3"),
    ("mpeg", "mpeg", b"\0\0\x01\xba"),
    ("ogg", "ogg", b"OggS"),
    ("flv", "flv", b"FLV\x01"),
    ("asf", "asf", bytes.fromhex("3026b2758e66cf11")),
    ("mxf", "mxf", bytes.fromhex("060e2b34020501010d0102010102")),  # header partition pack, SMPTE ST 377-1
    ("nut", "nut", b"nut/multimedia container\0"),
    ("flac", "flac", b"fLaC"),
    ("w64", "w64", bytes.fromhex("726966662e91cf11a5d628db04c10000")),
    ("caf", "caf", b"caff\0\x01"),
)
DV_BLOCK_BYTES = 80
DV_HEADERS = (b"\x1f\x07\x00\x3f", b"\x1f\x07\x00\xbf")  # 60 and 50 fields a second, IEC 61834-2


@dataclass(frozen=True, slots=True)
class Container:
    """A container format that footage may have.

    Args:
        name: for tables, such as `mp4` or `webm`.
        demuxer: FFmpeg's name for what reads it.
        starts_at: bytes in front of it that are passed over.
    """

    name: str
    demuxer: str
    starts_at: int = 0


def sniff(head: bytes) -> Container:
    """What a file is.

    Args:
        head: its first bytes, `packet_sync.HEAD_BYTES` or all of it.

    Raises:
        MediaError: `empty_file`, `git_lfs_pointer`, `still_image`, `encrypted`, `no_audio` (video without a
            container) or `not_media`.
    """
    if not head:
        raise MediaError("empty_file", "the file is empty (0 bytes)")
    if head.startswith(b"version https://git-lfs"):
        raise MediaError("git_lfs_pointer", "a Git LFS pointer, not the file itself: run `git lfs pull`")
    if found := _by_signature(head):
        return found
    _refuse_known(head)
    if found := _mid_packet(head) or _raw_audio(head):
        return found
    _refuse_raw_video(head)
    if b"\0" not in head:
        raise MediaError("not_media", "text, not a video")
    raise MediaError("not_media", f"not a known video or audio container (first bytes {head[:8].hex(' ')})")


def _by_signature(head: bytes) -> Container | None:
    if _is_mov(head):
        return Container("mov" if head[8:12] == b"qt  " or head[4:8] != b"ftyp" else "mp4", "mov")
    if head.startswith((b"RIFF", b"RF64")):
        return {b"AVI": Container("avi", "avi"), b"WAV": Container("wav", "wav")}.get(head[8:11])
    if head.startswith(b"FORM") and head[8:12] in (b"AIFF", b"AIFC"):
        return Container("aiff", "aiff")
    if head.startswith(DV_HEADERS) and head[DV_BLOCK_BYTES : DV_BLOCK_BYTES + 2] == b"\x3f\x07":  # then subcode
        return Container("dv", "dv")
    if head.startswith(b"ID3"):
        return _behind_id3(head)
    for name, demuxer, start in SIGNATURES:
        if head.startswith(start):
            return Container("webm" if name == "matroska" and b"webm" in head[:64] else name, demuxer)
    return _transport_stream(head[: MOST_SYNCS * max(TS_PACKET_BYTES)], longest_junk=0)


def _is_mov(head: bytes) -> bool:
    size, box = int.from_bytes(head[:4], "big"), head[4:8]
    if box not in MOV_BOXES or 1 < size < 8:  # 0: to the end of the file, 1: a longer size follows
        return False
    return box != b"ftyp" or head[8:12] not in STILL_BRANDS


def _behind_id3(head: bytes) -> Container:
    """Audio with a tag in front (ID3v2.4, section 3.1: 28 bits of its length, 7 a byte)."""
    length = 0
    for byte in head[6:ID3_HEADER_BYTES]:
        length = length << 7 | byte & 0x7F
    audio = head[ID3_HEADER_BYTES + length :]
    if audio.startswith(b"fLaC"):
        return Container("flac", "flac")
    return Container("aac", "aac") if audio.startswith(ADTS) else Container("mp3", "mp3")


def _mid_packet(head: bytes) -> Container | None:
    """A transport or program stream that begins in mid-packet."""
    if found := _transport_stream(head):
        return found
    first = first_program_packet(head)
    return None if first is None else Container("mpeg", "mpeg", first)


def _transport_stream(head: bytes, longest_junk: int = JUNK_BYTES) -> Container | None:
    packets = transport_packets(head, longest_junk)
    if packets is None:
        return None
    _check_unscrambled(head, *packets)
    return Container("mpegts", "mpegts", packets[0])


def _raw_audio(head: bytes) -> Container | None:
    """Audio without a container, by how its first frame begins: a packet's inside may begin so too."""
    if head.startswith(MPEG_AUDIO):
        return Container("mp3", "mp3")
    if head.startswith(ADTS):
        return Container("aac", "aac")
    if head.startswith(AC3_SYNC) and len(head) > 5:
        return Container("eac3", "eac3") if head[5] >> 3 > AC3_VERSIONS else Container("ac3", "ac3")
    return None


def _check_unscrambled(head: bytes, first: int, step: int) -> None:
    """Refuse a stream most of whose packets are scrambled, as their headers say (ISO/IEC 13818-1, 2.4.3.2)."""
    starts = [start for start in range(first, len(head) - 3, step) if head[start] == TS_SYNC]
    if 2 * sum(head[start + 3] >> 6 != 0 for start in starts) > len(starts):
        raise MediaError(
            "encrypted", "its packets are scrambled (conditional access of a broadcast): descramble it first"
        )


def _refuse_known(head: bytes) -> None:
    """Raise the cause for what is known and is no footage."""
    for start, name in IMAGES.items():
        if head.startswith(start):
            raise MediaError("still_image", f"a {name} image, not a video")
    if (head[4:8] == b"ftyp" and head[8:12] in STILL_BRANDS) or head[8:12] == b"WEBP":
        raise MediaError("still_image", "a still image (HEIF, AVIF or WebP), not a video")
    for start, name in ARCHIVES.items():
        if head.startswith(start):
            raise MediaError("not_media", f"a {name} file, not a video: unpack it first")
    text = head[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html")):
        raise MediaError("not_media", "a web page, not a video: perhaps a failed download")
    if text.startswith(b"<svg"):
        raise MediaError("still_image", "an SVG image, not a video")
    if text.startswith(PLAYLISTS):
        raise MediaError("not_media", "a playlist that names other files, not a video")


def _refuse_raw_video(head: bytes) -> None:
    """Raise the cause for video without a container; after `_mid_packet`, which may begin with the same bytes."""
    for start, name in BITSTREAMS.items():
        if head.startswith(start):
            raise MediaError("no_audio", f"{name} video without audio: put both into one file, such as an mp4")
