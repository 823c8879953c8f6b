"""A source's perceptual fingerprint: its video and audio eight times a second, small enough to compare collections.

Both halves lie on one grid: step k is the moment k / 8 s on the file's timeline.

Video: a 63-bit hash of the frame shown at that moment, after letterbox bars are cut off. It says which of the lowest 8
x 8 cosine coefficients of the grey frame, scaled to 32 x 32, lie above their median (the constant one left out). Size,
shape, codec, brightness and contrast hardly change it. Source: Zauner, "Implementation and Benchmarking of Perceptual
Image Hash Functions" (2010), section 3.2.1. A frame without contrast has no hash (`NO_HASH`): its bits would be noise.
The mean colour, which a hash does not see, is stored beside it.

A thumbnail twice a second tells whether the frames of one source are a part of the other's, or their mirror image
(`reframing.py`): their hashes have nothing in common.

Audio: the level of 16 bands from 200 Hz to 3.5 kHz over the half second around that moment, in half decibels above
-100 dB of full scale. The comparison uses changes of level over time, so volume does not matter and a steady hum counts
as silence. After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002), with levels kept
instead of signs.
"""

import base64
from array import array
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mova_core.speech.audio import SPEECH_RATE_HZ

AUDIO_RATE_HZ = SPEECH_RATE_HZ  # of the audio that `FingerprintBuilder` takes: one decode pass serves it and Silero
STEPS_PER_S = 8
HASH_BITS = 63
NO_HASH = 0  # no frame gives it: 31 of 63 waves lie above their median
SQUARE_PX = 32
COLOUR_STEPS = 12  # of 255 by which mean Cr or Cb of the same frame differ; more is another room
LEAST_CONTRAST = 6.0  # standard deviation of luma, 0..255
LEAST_SIDE_PX = 8  # of a frame at most 64 px long: less is a line between letterbox bars
BANDS = 16
BAND_EDGES_HZ = np.geomspace(200.0, 3500.0, BANDS + 1)
SPAN = 8192  # samples, 0.512 s
BLOCK = 16 * SPAN  # samples that wait for one transform of many spans, 8 s
HOP = AUDIO_RATE_HZ // STEPS_PER_S
SILENT_DB = -100.0
LEVELS_PER_DB = 2
QUIET_DB = 50.0  # below a source's loudest level; what lies deeper is its codec's
LEAST_CHANGE_DB = 1.0  # of levels within a quarter of a second, root mean square; less is silence or a hum
THUMBNAIL_PX = 16
THUMBNAIL_STEPS = 4  # that one is the mean of

Hashes = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One source on the grid.

    Args:
        video_first: step of the first hash.
        hashes: uint64 [P], `NO_HASH` where there is nothing to see.
        colours: uint8 [P, 2], mean Cr and Cb.
        audio_first: step of the first levels.
        levels: uint8 [S, 16], half decibels.
        thumbnail_first: the first thumbnail is the mean of four steps from four times this number on.
        thumbnails: uint8 [T, 16, 16], luma of frames without letterbox bars, of whatever shape; 0 where there is none.
    """

    video_first: int
    hashes: Hashes
    colours: Bytes
    audio_first: int
    levels: Bytes
    thumbnail_first: int = 0
    thumbnails: Bytes = field(default_factory=lambda: np.zeros((0, THUMBNAIL_PX, THUMBNAIL_PX), np.uint8))

    def to_json(self) -> dict[str, Any]:
        """As JSON: arrays as base64 of their little-endian bytes."""
        return {
            "video_first": self.video_first,
            "hashes": base64.b64encode(self.hashes.astype("<u8").tobytes()).decode(),
            "colours": base64.b64encode(self.colours.tobytes()).decode(),
            "audio_first": self.audio_first,
            "levels": base64.b64encode(self.levels.tobytes()).decode(),
            "thumbnail_first": self.thumbnail_first,
            "thumbnails": base64.b64encode(self.thumbnails.tobytes()).decode(),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Fingerprint":
        """What `to_json` wrote."""
        return cls(
            video_first=values["video_first"],
            hashes=np.frombuffer(base64.b64decode(values["hashes"]), "<u8").astype(np.uint64),
            colours=np.frombuffer(base64.b64decode(values["colours"]), np.uint8).reshape(-1, 2),
            audio_first=values["audio_first"],
            levels=np.frombuffer(base64.b64decode(values["levels"]), np.uint8).reshape(-1, BANDS),
            thumbnail_first=values["thumbnail_first"],
            thumbnails=np.frombuffer(base64.b64decode(values["thumbnails"]), np.uint8).reshape(
                -1, THUMBNAIL_PX, THUMBNAIL_PX
            ),
        )


class FingerprintBuilder:
    """Takes a source's frames in display order and its gapless audio, in any mixture.

    Args:
        letterbox_luma: a letterbox bar never gets brighter than this, 0..255.
    """

    def __init__(self, letterbox_luma: int) -> None:
        self._letterbox_luma = letterbox_luma
        self._shown: NDArray[np.uint8] | None = None
        self._video_first = 0
        self._hashes = array("Q")
        self._colours = bytearray()  # Cr and Cb of each in turn
        self._thumbnails = bytearray()
        self._waiting_thumbnails: list[Bytes] = []
        self._audio_first: int | None = None
        self._before = 0  # samples still to be left out, so that spans lie on the grid
        self._waiting: list[NDArray[np.float32]] = []
        self._waiting_samples = 0
        self._levels: list[Bytes] = []

    def add_frame(self, time_s: float, rgb: NDArray[np.uint8]) -> None:
        """Look at one frame, uint8 [H, W, 3], at most 64 px long; it stays until the next one."""
        step = ceil(time_s * STEPS_PER_S)
        if self._shown is None:
            self._video_first = step
        elif (steps := step - self._video_first - len(self._hashes)) > 0:
            inside = without_letterbox(self._shown, self._letterbox_luma)
            self._hashes.extend([frame_hash(inside)] * steps)
            self._colours += mean_chroma(inside).tobytes() * steps
            self._add_thumbnails(inside, steps)
        self._shown = rgb

    def add_audio(self, time_s: float, samples: NDArray[np.float32]) -> None:
        """Hear one piece, float32 [S] at 16 kHz, which follows the one before; `time_s` is its first sample."""
        if self._audio_first is None:
            half_s = SPAN / 2 / AUDIO_RATE_HZ
            self._audio_first = ceil((time_s + half_s) * STEPS_PER_S)  # the first moment with half a span before it
            self._before = round((self._audio_first / STEPS_PER_S - half_s - time_s) * AUDIO_RATE_HZ)
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        if self._waiting_samples >= BLOCK:
            self._add_levels()

    def fingerprint(self) -> Fingerprint:
        """Of all that was added; empty halves where nothing was. Ends the stream."""
        if self._waiting:
            self._add_levels()
        return Fingerprint(
            video_first=self._video_first,
            hashes=np.array(self._hashes, np.uint64),
            colours=np.frombuffer(bytes(self._colours), np.uint8).reshape(-1, 2),
            audio_first=self._audio_first or 0,
            levels=np.concatenate([np.zeros((0, BANDS), np.uint8), *self._levels]),
            thumbnail_first=-(-self._video_first // THUMBNAIL_STEPS),
            thumbnails=np.frombuffer(bytes(self._thumbnails), np.uint8).reshape(-1, THUMBNAIL_PX, THUMBNAIL_PX),
        )

    def _add_thumbnails(self, inside: Bytes, steps: int) -> None:
        """Of a frame that is shown at the last steps."""
        shown = thumbnail(inside)
        end = self._video_first + len(self._hashes)
        for step in range(end - steps, end):
            if step % THUMBNAIL_STEPS == 0:
                self._waiting_thumbnails = []
            self._waiting_thumbnails.append(shown)
            if step % THUMBNAIL_STEPS == THUMBNAIL_STEPS - 1 and len(self._waiting_thumbnails) == THUMBNAIL_STEPS:
                self._thumbnails += np.rint(np.mean(self._waiting_thumbnails, axis=0)).astype(np.uint8).tobytes()

    def _add_levels(self) -> None:
        """All whole spans that wait."""
        line = np.concatenate(self._waiting)[self._before :]
        self._before = max(0, self._before - self._waiting_samples)
        count = max(0, (len(line) - SPAN) // HOP + 1)
        if count:
            self._levels.append(band_levels(sliding_window_view(line, SPAN)[: count * HOP : HOP]))
        self._waiting = [line[count * HOP :]]
        self._waiting_samples = len(self._waiting[0])


def frame_hash(inside: Bytes) -> int:
    """63 bits of one frame without letterbox bars, uint8 [H, W, 3] RGB, or `NO_HASH`."""
    import cv2

    if min(inside.shape[:2]) < LEAST_SIDE_PX:
        return NO_HASH
    grey = cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if grey.std() < LEAST_CONTRAST:
        return NO_HASH
    square = cv2.resize(grey, (SQUARE_PX, SQUARE_PX), interpolation=cv2.INTER_LINEAR)
    waves = cv2.dct(square)[:8, :8].ravel()[1:]
    return int("".join("01"[wave] for wave in (waves > np.median(waves)).astype(int)), 2)


def mean_chroma(inside: Bytes) -> Bytes:
    """Mean Cr and Cb of a frame without letterbox bars, uint8 [2]; of none, grey's."""
    import cv2

    if not inside.size:
        return np.array([128, 128], np.uint8)
    return np.rint(cv2.cvtColor(inside, cv2.COLOR_RGB2YCrCb)[..., 1:].mean(axis=(0, 1))).astype(np.uint8)


def thumbnail(inside: Bytes) -> Bytes:
    """Luma of one frame without letterbox bars, uint8 [16, 16], whatever its shape; 0 of a frame that is all bars."""
    import cv2

    if not inside.size:
        return np.zeros((THUMBNAIL_PX, THUMBNAIL_PX), np.uint8)
    grey = cv2.cvtColor(inside, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA), np.uint8)


def level_changes(fingerprint: Fingerprint) -> Reals:
    """By how much the levels change around each step of audio, dB [S, 16]; 0 at both ends."""
    levels = fingerprint.levels.astype(float) / LEVELS_PER_DB
    levels = np.maximum(levels, levels.max(initial=0.0) - QUIET_DB)
    changes = np.zeros_like(levels)
    changes[1:-1] = levels[2:] - levels[:-2]
    return changes


def band_levels(spans: NDArray[np.float32]) -> Bytes:
    """Bytes of audio, uint8 [N, 16], from spans of float32 [N, 8192] at 16 kHz."""
    spectrum = np.fft.rfft(spans * _HANN)
    power = np.add.reduceat(np.square(np.abs(spectrum)), _BAND_STARTS, axis=1)[:, :BANDS] / (SPAN / 4) ** 2
    decibels = 10 * np.log10(np.maximum(power, 10 ** (SILENT_DB / 10)))
    return np.clip(np.rint((decibels - SILENT_DB) * LEVELS_PER_DB), 0, 255).astype(np.uint8)


_HANN = np.hanning(SPAN).astype(np.float32)
_BAND_STARTS = np.searchsorted(np.fft.rfftfreq(SPAN, 1 / AUDIO_RATE_HZ), BAND_EDGES_HZ)


def without_letterbox(rgb: Bytes, letterbox_luma: int) -> Bytes:
    """What lies between dark lines at the frame's edges; nothing where all lines are dark."""
    import cv2

    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    rows = np.flatnonzero(grey.max(axis=1) > letterbox_luma)
    columns = np.flatnonzero(grey.max(axis=0) > letterbox_luma)
    if not len(rows):
        return rgb[:0]
    return np.ascontiguousarray(rgb[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
