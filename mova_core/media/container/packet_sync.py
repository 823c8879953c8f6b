"""Where the first whole packet of a stream lies in a file that was cut in mid-packet: transport and program streams.

A start is believed where packets follow each other from there. A transport stream's have one length and begin with a
sync byte (ISO/IEC 13818-1, 2.4.3). A program stream's state their own: packs, system headers and PES packets
(2.5.3; MPEG-1: ISO/IEC 11172-1, 2.4.3). Their start codes are none of those inside raw video of any MPEG kind.
"""

JUNK_BYTES = 1 << 16  # at most, in front of the first whole packet; the longest PES packet is as long
TS_PACKET_BYTES = (188, 192, 204)  # plain, with a time code in front (M2TS), with parity behind (DVB)
TS_SYNC = 0x47
TIME_CODE_BYTES = 4  # in front of each packet of M2TS
MOST_SYNCS, LEAST_SYNCS = 8, 3  # packets that are looked for in a row; fewer where the file ends sooner
HEAD_BYTES = (1 + LEAST_SYNCS) * JUNK_BYTES  # of a file, that tell

START_CODE = b"\0\0\x01"
END, PACK, FIRST_PES = 0xB9, 0xBA, 0xBB  # last byte of a start code; packets have this one and all above
PES_HEADER_BYTES, PACK_BYTES, MPEG1_PACK_BYTES = 6, 14, 12


def transport_packets(head: bytes, longest_junk: int = JUNK_BYTES) -> tuple[int, int] | None:
    """Where the first packet of a transport stream begins, and from there to the next; None where it is none.

    Args:
        head: the file's first `HEAD_BYTES`, or all of it.
        longest_junk: so many bytes may lie in front.
    """
    first = head.find(TS_SYNC)
    while 0 <= first <= longest_junk + TIME_CODE_BYTES:
        for step in TS_PACKET_BYTES:
            syncs = head[first : first + MOST_SYNCS * step : step]
            if len(syncs) >= LEAST_SYNCS and syncs.count(TS_SYNC) == len(syncs):
                return first, step
        first = head.find(TS_SYNC, first + 1)
    return None


def first_program_packet(head: bytes) -> int | None:
    """Where the first pack or packet of a program stream begins; None where it is none.

    Args:
        head: as above.
    """
    first = head.find(START_CODE)
    while 0 <= first <= JUNK_BYTES:
        if _packets_follow(head, first):
            return first
        first = head.find(START_CODE, first + 1)
    return None


def _packets_follow(head: bytes, first: int) -> bool:
    """Whether packets of a program stream follow each other from here on, with nothing but zeros between them."""
    place = first
    for count in range(1, MOST_SYNCS + 1):
        end = _program_packet_end(head, place)
        if end is None:
            return False
        place = head.find(START_CODE, end)
        if any(head[end:] if place < 0 else head[end:place]):
            return False
        if place < 0:
            return count >= LEAST_SYNCS
    return True


def _program_packet_end(head: bytes, start: int) -> int | None:
    """Where a packet that begins here ends, maybe beyond the head; None where none begins."""
    header = head[start : start + PACK_BYTES]
    if len(header) < PACK_BYTES:
        return len(head)
    kind = header[3]
    if kind == END:
        return start + len(START_CODE) + 1
    if kind == PACK and header[4] >> 6 == 0b01:
        return start + PACK_BYTES + (header[-1] & 0b111)  # bytes of stuffing
    if kind == PACK and header[4] >> 4 == 0b0010:
        return start + MPEG1_PACK_BYTES
    length = int.from_bytes(header[4:PES_HEADER_BYTES])
    return start + PES_HEADER_BYTES + length if kind >= FIRST_PES and length else None
