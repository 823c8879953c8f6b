"""Read and decode the packets of untrusted media, strictly and as far as they can be read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from mova_core.errors import MediaError
from mova_core.media.container.demux import read_errors

VP8_SHOWN = 0x10  # bit of a packet's first byte


def readable_packets(container: InputContainer, wanted: Sequence[VideoStream | AudioStream]) -> "Iterator[Packet[Any]]":
    """Packets of these streams as far as they can be read, at the file's end an empty one of each stream.

    Raises:
        MediaError: `decode_error`, not even the first can be read.
    """
    count = 0
    try:
        with read_errors("decode_error", "its packets cannot be read"):
            for packet in container.demux(wanted) if wanted else ():
                count += 1
                yield packet
    except MediaError as error:
        if not count or error.code != "decode_error":
            raise


class FilmStart:
    """Says of a video stream's packets, in order, whether decoding has begun: at a key frame, for a recording may begin
    between two.

    In a program stream that was cut in mid-frame, what is left of the frame takes the stamp that belongs to the next
    one. So stamps count from the second one on that a PES packet brings; FFmpeg gives the position of those alone.
    """

    def __init__(self) -> None:
        self._begun = False
        self._packets = self._stamped = 0

    def has_begun(self, packet: "Packet[Any]") -> bool:
        """Whether a packet, or one before it, is where decoding begins."""
        if not self._begun and packet.size:
            self._stamped += packet.pos is not None
            is_whole = self._packets == 0 or self._stamped > 1 or packet.stream.container.format.name != "mpeg"
            self._begun = packet.is_keyframe and is_whole
            self._packets += 1
        return self._begun


def is_counted(packet: "Packet[Any]") -> bool:
    """Whether a packet has a frame or samples that are shown or played, as far as it says itself."""
    return packet.size > 0 and not packet.is_discard and not _is_hidden(packet)


def decoded_strictly(packet: "Packet[Any]", seconds: Callable[[int, Fraction], float]) -> list[Any]:
    """The frames that a packet completes.

    Args:
        packet: of an audio or video stream; an empty one gives what its decoder still holds.
        seconds: from a time stamp and its unit to the file's timeline.

    Raises:
        MediaError: `decode_error`, it is incomplete or does not decode.
    """

    def what() -> str:
        return f"damaged {packet.stream.type} {when(packet, seconds)}"

    if packet.is_corrupt:
        raise MediaError("decode_error", f"{what()}: its packet is incomplete")
    with read_errors("decode_error", what):
        return packet.decode()


def when(packet: "Packet[Any]", seconds: Callable[[int, Fraction], float]) -> str:
    """Words for a packet's time; arguments as of `decoded_strictly`."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return "at the end" if stamp is None else f"at {seconds(stamp, packet.time_base):.3f} s"


@contextmanager
def messages_of(level: int) -> Iterator[list[tuple[int, str, str]]]:
    """FFmpeg's messages inside this up to a level, as (level, part, message): an error itself tells little."""
    before = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_skip_repeated(False)
    av.logging.set_level(level)
    try:
        with av.logging.Capture() as messages:
            yield messages
    finally:
        av.logging.set_level(before[0])
        av.logging.set_skip_repeated(before[1])


def _is_hidden(packet: "Packet[Any]") -> bool:
    """Whether a VP8 packet is never shown: a reference frame beside those of the film (RFC 6386, section 9.1)."""
    context = packet.stream.codec_context
    return context is not None and context.name == "vp8" and not memoryview(packet)[0] & VP8_SHOWN
