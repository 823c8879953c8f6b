"""The frames of a video packet, where damage that a decoder conceals is damage too.

Some decoders give a frame that they made up, and say so in a message alone. H.264's takes another frame for one that is
missing: it only remarks, for those who look for faults in it, that the numbers of frames leave a gap. FFV1's takes the
frame before where a sum is wrong.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from av.packet import Packet

from mova_core.errors import MediaError
from mova_core.media.container.packets import decoded_strictly, messages_of, when

CONCEALS_MISSING = "h264"
CONCEALED = {  # by decoder: the level of its message, how that begins, what it means
    CONCEALS_MISSING: (av.logging.DEBUG, "Frame num gap", "a frame that others refer to is missing"),
    "ffv1": (av.logging.ERROR, "slice CRC mismatch", "a sum is wrong"),
}
FORGOTTEN = "mmco: unref short failure"  # H.264: a frame before the key frame is to be forgotten, and is not there


def strict_frames(
    packet: "Packet[Any]", seconds: Callable[[int, Fraction], float], *, begins: bool, begun_lately: bool
) -> list[av.VideoFrame]:
    """The frames that a packet completes.

    Args:
        packet: of a video stream; an empty one gives what its decoder still holds.
        seconds: from a time stamp and its unit to the file's timeline.
        begins: decoding begins with it, or might: no frame before it counts.
        begun_lately: what came before decoding began may still be missed.

    Raises:
        MediaError: `decode_error`, it is incomplete, does not decode, or its decoder conceals damage.
    """
    name = packet.stream.codec_context.name
    if name not in CONCEALED:
        return decoded_strictly(packet, seconds)
    level, said, cause = CONCEALED[name]
    with messages_of(level) as messages:
        try:
            images = decoded_strictly(packet, seconds)
        except MediaError:
            errors = [message for at, _, message in messages if at <= av.logging.ERROR]
            if begun_lately and errors and all(message.startswith(FORGOTTEN) for message in errors):
                return []
            raise
    counts = name != CONCEALS_MISSING or not begins
    if counts and any(message.startswith(said) for _, _, message in messages):
        raise MediaError("decode_error", f"damaged video {when(packet, seconds)}: {cause}")
    return images
