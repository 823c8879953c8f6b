"""The frames of a video packet, where damage that a decoder conceals is damage too.

Some decoders give a frame that they made up, and tell in a message at most. FFV1's takes the frame before where a sum
is wrong. H.264's takes other frames for those that are missing; what it tells of each slice (option `debug=pict`) is
enough to see it: reference frames are numbered, and each follows the one before (Rec. ITU-T H.264, 7.4.3, frame_num).
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from mova_core.errors import MediaError
from mova_core.media.container.packets import decoded_strictly, messages_of, when

NUMBERS_REFERENCES = "h264"
LEVELS = {NUMBERS_REFERENCES: av.logging.DEBUG, "ffv1": av.logging.ERROR}  # of the messages that tell
WRONG_SUM = "slice CRC mismatch"
FORGOTTEN = "mmco: unref short failure"  # H.264: a frame before the key frame is to be forgotten, and is not there
IS_REFERENCE = re.compile(r"nal_unit_type: [1-5]\(.*nal_ref_idc: [1-3]")
NUMBER = re.compile(r"slice:\d+ .* frame:(\d+) ")
LEAST_COUNTED = 16  # numbers start anew after so many, or a higher power of two

Messages = Sequence[tuple[int, str, str]]


class StrictFrames:
    """Takes the packets of a stream in the order of decoding.

    Args:
        context: its decoder, not yet opened.
        seconds: from a time stamp and its unit to the file's timeline.
    """

    def __init__(self, context: VideoCodecContext, seconds: Callable[[int, Fraction], float]) -> None:
        self._name, self._seconds = context.name, seconds
        self._reference: int | None = None  # number of the last one
        if self._name == NUMBERS_REFERENCES:
            context.options = {**context.options, "debug": "pict"}

    def restart(self) -> None:
        """Decoding begins anew: nothing before counts."""
        self._reference = None

    def of_packet(self, packet: "Packet[Any]", *, begins: bool, begun_lately: bool) -> list[av.VideoFrame]:
        """The frames that a packet completes.

        Args:
            packet: an empty one gives what the decoder still holds.
            begins: decoding begins with it, or might: no frame before it counts.
            begun_lately: what came before decoding began may still be missed.

        Raises:
            MediaError: `decode_error`, it is incomplete, does not decode, or its decoder conceals damage.
        """
        if self._name not in LEVELS:
            return decoded_strictly(packet, self._seconds)
        with messages_of(LEVELS[self._name]) as messages:
            try:
                images = decoded_strictly(packet, self._seconds)
            except MediaError:
                errors = [message for at, _, message in messages if at <= av.logging.ERROR]
                if begun_lately and errors and all(message.startswith(FORGOTTEN) for message in errors):
                    self.restart()
                    return []
                raise
        if any(message.startswith(WRONG_SUM) for _, _, message in messages):
            raise MediaError("decode_error", f"damaged video {when(packet, self._seconds)}: a sum is wrong")
        if self._name == NUMBERS_REFERENCES and not self._follows(messages, begins):
            cause = "a frame that others refer to is missing"
            raise MediaError("decode_error", f"damaged video {when(packet, self._seconds)}: {cause}")
        return images

    def _follows(self, messages: Messages, begins: bool) -> bool:
        """Whether no reference frame is missing before a packet's frame."""
        number = next((int(found[1]) for _, _, message in messages if (found := NUMBER.match(message))), None)
        if number is None:
            return True
        before = self._reference
        if any(IS_REFERENCE.match(message) for _, _, message in messages):
            self._reference = number
        if begins or before is None or number in (before, before + 1):
            return True
        starts_anew = before + 1 >= LEAST_COUNTED and (before + 1) & before == 0
        return number == 0 and starts_anew
