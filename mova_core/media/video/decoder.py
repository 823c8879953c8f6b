"""Turn the packets of a video stream into frames with their times, and into losses where they are damaged.

Every frame carries the number of its packet, so it is known which packets gave none. A packet that is incomplete, does
not decode, or gives no frame is damage, and so is a gap: frames after it may be predicted from what is not there. So
decoding begins anew at the next key frame, and all in between is one `Lost`. Where a codec tells whether a frame that
others refer to is missing, a gap costs no more than itself where none is. A frame is given out once every packet
decoded before it has given its own, for a frame may come out before the damaged one that it was predicted from.

Where decoding begins, at the file's start or anew, frames that are decoded after the key frame but shown before it
(leading frames of an open GOP) refer to frames that are not there: they are left out, and are no damage.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import av
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from mova_core.errors import MediaError
from mova_core.media.container.demux import read_errors
from mova_core.media.container.packets import FilmStart, is_counted
from mova_core.media.lost import GAP_S, Lost
from mova_core.media.timeline.timeline import Timeline
from mova_core.media.timeline.tracks import Break, VideoTrack
from mova_core.media.video.color import check_color, check_dolby_vision
from mova_core.media.video.deinterlace import Deinterlacer, Timed
from mova_core.media.video.strict_frames import NUMBERS_REFERENCES, StrictFrames

MOST_WAITING = 32  # packets after which a frame does not come any more: twice what may be reordered
TELL_MISSING = (NUMBERS_REFERENCES, "hevc")  # a hole to which no frame refers costs no more than itself
ROUNDING_S = 0.0005  # of containers that count milliseconds
MOST_TOLD = 15  # frames: H.264 numbers them modulo 16 or more


class _Decoded(NamedTuple):
    """A frame with the number of its packet and its place in the track's times."""

    packet: int
    place: int
    image: av.VideoFrame


class VideoDecoder:
    """Takes the packets of a stream in the order of the file.

    Args:
        timeline: the file's.
        track: of the stream.
        stream: not yet decoded.
    """

    def __init__(self, timeline: Timeline, track: VideoTrack, stream: VideoStream) -> None:
        self._timeline, self._track, self._context = timeline, track, stream.codec_context
        self._context.copy_opaque = True
        self._strict = StrictFrames(self._context, timeline.seconds)
        self._guessed = bool((track.places < 0).all())
        self._start = FilmStart()
        self._packets = 0  # counted so far
        self._begin_at = 0  # the packet at which decoding begins, or begins anew
        self._settled = False  # a frame has come since
        self._next = 0  # place of the frame to come
        self._missing: set[int] = set()  # packets decoded whose frame has not come
        self._waiting: deque[_Decoded] = deque()
        self._last: av.VideoFrame | None = None
        self._given = -1  # place of the last frame given out
        self._loss: Break | None = None
        self._holes: deque[Break] = deque()  # gaps that the frames to come may show to cost no more than themselves
        self._deinterlacer = Deinterlacer()

    def decoded(self, packet: "Packet[Any]") -> Iterator[Timed | Lost]:
        """What one more packet completes.

        Raises:
            MediaError: `size_changes`, or a code of `check_color` or `check_dolby_vision`.
        """
        if not self._start.has_begun(packet) or not packet.size:
            return  # nothing can be shown yet
        number = self._packets if is_counted(packet) else None
        if number is not None:
            self._packets += 1
            if number > self._begin_at and (cause := self._track.breaks.get(number)):
                if self._context.name in TELL_MISSING and 0 < cause.gap_frames <= MOST_TOLD:
                    self._holes.append(cause)
                else:
                    yield from self._lose(number, cause, begin_from=number)
        if (self._packets if number is None else number) < self._begin_at:
            return
        packet.opaque = (number,)  # an object of its own: PyAV tells what packets carry apart by identity
        leading = number is not None and self._is_leading(number)
        if number is not None and not leading:
            self._missing.add(number)
        try:
            images = self._images(packet, number)
        except MediaError as error:
            if not leading:
                yield from self._damaged(self._packets - 1, error.reason)
            return
        yield from self._take(images)

    def end(self) -> Iterator[Timed | Lost]:
        """The last frames, and what is lost up to the track's end.

        Raises:
            MediaError: `decode_error`, none of its frames can be used.
        """
        frames = len(self._track.times_s)
        if self._begin_at < frames:
            yield from self._take(self._drained())
            if self._missing and self._settled and not self._may_be_fields():
                yield from self._damaged(min(self._missing), self._vanished(len(self._missing)))
        yield from self._give(self._waiting)
        yield from self._deinterlacer.end()
        if self._given < 0:
            cause = f": {self._loss.cause}" if self._loss else ""
            raise MediaError("decode_error", f"damaged video: none of its {frames} frames decode{cause}")
        yield from self._told(self._track.end_s)

    def _images(self, packet: "Packet[Any]", number: int | None) -> list[av.VideoFrame]:
        begins = packet.is_keyframe or number == self._begin_at
        lately = self._begin_at + MOST_WAITING >= self._packets
        return self._strict.of_packet(packet, begins=begins, begun_lately=lately)

    def _drained(self) -> list[av.VideoFrame]:
        """What the decoder still holds; nothing where it fails."""
        try:
            with read_errors("decode_error", "its last frames"):
                return self._context.decode(None)
        except MediaError:
            return []

    def _is_leading(self, number: int) -> bool:
        """Whether a packet is decoded after the key frame at which decoding begins, but shown before it."""
        places = self._track.places
        return bool(0 <= places[number] < places[self._begin_at])

    def _take(self, images: Iterable[av.VideoFrame]) -> Iterator[Timed | Lost]:
        for image in images:
            number = _packet_of(image)
            if number is None or number < self._begin_at:
                continue
            if image.is_corrupt and self._settled:
                yield from self._damaged(number, f"damaged video at {self._time(self._next)}: a frame is not whole")
                return
            if image.is_corrupt or not (self._settled or self._can_begin(number, image)):
                continue
            place = self._place(number)
            if place <= self._given:
                continue  # times of what is given out only rise
            if not self._settled:
                yield from self._settle(number, place)
            elif place > self._next and not self._may_be_fields():
                gone = self._missing_in(self._next, place)
                yield from self._damaged(min(gone, default=number), self._vanished(place - self._next))
                return
            if place < self._next:
                where = f"from {self._time(self._next - 1)} back to {self._time(place)}"
                yield from self._damaged(number, f"damaged video: frame times go {where}")
                return
            self._check(image, place)
            self._missing -= self._missing_in(self._next, place) | {number}
            self._next, self._last = place + 1, image
            self._waiting.append(_Decoded(number, place, image))
            while self._waiting and min(self._missing, default=self._packets) > self._waiting[0].packet:
                yield from self._give([self._waiting.popleft()])
        if self._settled and self._missing and min(self._missing) + MOST_WAITING < self._packets:
            if self._may_be_fields():
                self._missing.clear()
            else:
                yield from self._damaged(min(self._missing), self._vanished(1))

    def _can_begin(self, number: int, image: av.VideoFrame) -> bool:
        """Whether decoding may begin with a frame; H.264's decoder itself holds frames back until they are whole."""
        if self._is_leading(number):
            return self._loss is None and self._context.name != "h264"  # other decoders drop what they cannot predict
        return self._loss is None or self._context.name == "h264" or bool(image.key_frame)

    def _place(self, number: int) -> int:
        place = int(self._track.places[number])
        if place >= 0:
            return place
        if self._settled or number == 0:
            return self._next
        # The decoder holds back as many frames as may be reordered: the packet just decoded tells how many came before.
        return max(self._next, self._packets - 1 - self._context.reorder_depth)

    def _settle(self, number: int, place: int) -> Iterator[Lost]:
        """The first frame since decoding began."""
        self._settled = True
        self._missing -= self._missing_in(0, place)
        if self._guessed:  # as many leading frames as the place is later than the packet
            self._missing -= set(range(number + 1, place + 1))
        self._next = place
        if self._given < 0 and self._loss is None and place > max(0, self._track.places[0]):
            self._loss = Break(self._track.start_s, "decode_error", self._vanished(place))
        yield from self._told(float(self._track.times_s[place]))

    def _missing_in(self, start: int, end: int) -> set[int]:
        """Packets without a frame that have a place from start on and before end."""
        return {number for number in self._missing if start <= self._track.places[number] < end}

    def _check(self, image: av.VideoFrame, place: int) -> None:
        check_color(image)
        if self._last is None:
            check_dolby_vision(image)
            return
        size = (image.width, image.height)
        if (self._last.width, self._last.height) != size:
            raise MediaError("size_changes", f"the frame's size changes to {size} at {self._time(place)}")

    def _may_be_fields(self) -> bool:
        """Whether each field may be a packet of its own, two of which give one frame."""
        return not self._guessed and self._last is not None and self._last.interlaced_frame

    def _vanished(self, count: int) -> str:
        where = f"after {self._time(self._next - 1)}" if self._settled and self._next else f"from {self._time(0)} on"
        return f"damaged video {where}: {count} frames do not decode"

    def _time(self, place: int) -> str:
        return f"{self._track.times_s[min(place, len(self._track.times_s) - 1)]:.3f} s"

    def _damaged(self, number: int, cause: str) -> Iterator[Timed | Lost]:
        """What a packet's damage costs; where a gap is near, what is missing is missing there."""
        breaks = (self._track.breaks.get(near) for near in range(number, number + MOST_WAITING))
        gap = next((each for each in breaks if each is not None and each.gap_frames), None)
        gap = gap or next(iter(self._holes), None)
        damage = gap or Break(self._track.end_s, "decode_error", cause)
        yield from self._lose(number, damage, begin_from=self._packets)

    def _lose(self, number: int, cause: Break, begin_from: int) -> Iterator[Timed | Lost]:
        """Give out the frames before a packet, and wait for the next key frame.

        Args:
            number: the first packet in the order of decoding that is not to be trusted.
            cause: of the loss.
            begin_from: the first packet with which decoding may begin anew.
        """
        places = self._track.places
        candidates = np.flatnonzero(self._track.keys[begin_from:]) + begin_from
        known = candidates if self._guessed else candidates[places[candidates] >= 0]
        begin_at = int(known[0]) if len(known) else len(places)
        trusted = [*self._waiting] if self._settled else []
        if not self._guessed:
            drained = self._drained() if self._settled else []
            for image in drained:
                packet = _packet_of(image)
                if packet is not None and not image.is_corrupt:
                    trusted.append(_Decoded(packet, int(places[packet]), image))
            affected = places[number : begin_at + 1]
            lost_from = int(affected.min()) if len(affected) and affected.min() >= 0 else self._given + 1
            trusted = [frame for frame in trusted if frame.packet < number and 0 <= frame.place < lost_from]
        yield from self._give(_following(trusted, self._given, number, self._may_be_fields()))
        yield from self._deinterlacer.end()
        self._deinterlacer = Deinterlacer()
        if self._loss is None:
            after = self._given + 1
            start_s = float(self._track.times_s[after]) if after < len(places) else self._track.end_s
            self._loss = Break(min(start_s, cause.start_s), cause.code, cause.cause)
        self._holes.clear()
        self._context.flush_buffers()
        self._strict.restart()
        self._begin_at, self._settled = begin_at, False
        self._missing.clear()
        self._waiting.clear()

    def _give(self, frames: Iterable[_Decoded]) -> Iterator[Timed | Lost]:
        for frame in frames:
            self._given = frame.place
            time_s = float(self._track.times_s[frame.place])
            while self._holes and self._holes[0].gap_end_s <= time_s:
                hole = self._holes.popleft()
                if hole.gap_end_s - hole.start_s > GAP_S + ROUNDING_S:
                    yield _lost(hole, hole.gap_end_s)
            yield from self._deinterlacer.push(time_s, frame.image)

    def _told(self, end_s: float) -> Iterator[Lost]:
        """The loss that ends at a time, if there is one."""
        loss, self._loss = self._loss, None
        if loss is not None and end_s > loss.start_s:
            yield _lost(loss, end_s)


def _lost(loss: Break, end_s: float) -> Lost:
    sentence = f"the video from {loss.start_s:.3f} to {end_s:.3f} s is lost: {loss.cause}"
    return Lost(loss.start_s, end_s, "video", loss.code, sentence)


def _packet_of(image: av.VideoFrame) -> int | None:
    """The number of the packet that a frame was decoded from; None where the packet has none."""
    carried: Any = image.opaque
    return None if carried is None else carried[0]


def _following(frames: Iterable[_Decoded], after: int, before_packet: int, fields: bool) -> Iterator[_Decoded]:
    """Of frames in the order in which they are shown, those up to the first that is missing."""
    for frame in frames:
        if frame.packet >= before_packet or (frame.place != after + 1 and after >= 0 and not fields):
            return
        after = frame.place
        yield frame
