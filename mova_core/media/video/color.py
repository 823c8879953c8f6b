"""Colour of a frame: what its tags state, and the way from HDR and wide gamut to BT.709 of standard dynamic range.

Tags are code points of ITU-T H.273. PQ and HLG, and the primaries BT.2020 and P3, are converted through linear light,
where 1 is SDR white at 203 cd/m2 (Report ITU-R BT.2408):

1. to light: PQ by its EOTF, HLG by its inverse OETF and an OOTF of 1000 cd/m2 (Recommendation ITU-R BT.2100, tables 4
   and 5), other transfers by a gamma of 2.4 (BT.1886);
2. to BT.709 primaries; colours outside of them are clipped (BT.2407, section 2);
3. of PQ and HLG, highlights up to 1000 cd/m2 are compressed into SDR by the EETF of Report ITU-R BT.2390 (section
   5.4.1), by a pixel's largest component, so that hues stay; what is below 88 cd/m2 keeps its light;
4. to the signal: gamma 1 / 2.4.

The primaries of BT.601 are taken for BT.709's: the difference is small, and the tags are often wrong.
swscale's own conversion is not used: it moves colours inside BT.709 by up to 17 of 255, and clips highlights.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from numpy.typing import NDArray

from mova_core.errors import MediaError

PQ, HLG = 16, 18
BT709, BT2020 = 1, 9  # primaries; the matrices have the same numbers
UNSPECIFIED = (0, 2, 3)  # and reserved
CHROMATICITIES = {  # x, y of red, green, blue (ITU-T H.273, table 2); white is D65
    BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),  # a cinema's white is taken for D65: white stays white
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
D65 = (0.3127, 0.3290)
KNOWN_MATRICES = (0, 1, 2, 3, 4, 5, 6, 7, 9)  # what FFmpeg's scaler converts; 0 is RGB
OTHER_MATRICES = {8: "YCgCo", 10: "BT.2020 with constant luminance", 14: "ICtCp"}
DOLBY_VISION = (Type.DOVI_METADATA, Type.DOVI_RPU_BUFFER)

PQ_M1, PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
PQ_C1, PQ_C2, PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073
WHITE_CD_M2, PEAK_CD_M2 = 203.0, 1000.0
ROOT_OF_PEAK = (PEAK_CD_M2 / WHITE_CD_M2) ** 0.5
SDR_GAMMA = 2.4
HLG_GAMMA = 1.2  # of a display of 1000 cd/m2
CODES = 4096  # of the 12-bit signal that is converted
STEPS = 4096  # of tables over the square root of light, where steps look even

Float = NDArray[np.float32]
Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Color:
    """The tags of a frame, code points of ITU-T H.273.

    Args:
        transfer: characteristics of the signal.
        primaries: of red, green and blue.
        matrix: coefficients of YUV.
    """

    transfer: int
    primaries: int
    matrix: int

    @property
    def is_hdr(self) -> bool:
        """Whether it is PQ or HLG."""
        return self.transfer in (PQ, HLG)

    @property
    def is_bt709(self) -> bool:
        """Whether it needs no conversion: standard dynamic range and no wide gamut."""
        return not self.is_hdr and self.gamut == BT709

    @property
    def gamut(self) -> int:
        """Its primaries; where they are not tagged, those that go with its transfer or matrix."""
        if self.primaries in UNSPECIFIED and (self.is_hdr or self.matrix == BT2020):
            return BT2020
        return self.primaries if self.primaries in CHROMATICITIES else BT709

    def to_bt709(self, rgb: Pixels) -> NDArray[np.uint8]:
        """Pixels [H, W, 3] as 8-bit BT.709 of standard dynamic range, of full range.

        Args:
            rgb: of full range; uint8, which stays as it is, where `is_bt709`, else 12 bits in uint16.
        """
        if self.is_bt709:
            return rgb.astype(np.uint8, copy=False)
        import cv2

        light: Float = np.take(_light_of_codes(self.transfer), rgb)
        if self.transfer == HLG:
            light *= np.power(light @ _luminance(self.gamut), np.float32(HLG_GAMMA - 1))[..., None]
            light *= np.float32(PEAK_CD_M2 / WHITE_CD_M2)
        root = np.sqrt(np.maximum(cv2.transform(light, _to_bt709(self.gamut)), 0))
        if self.is_hdr:
            red, green, blue = cv2.split(root)
            largest = cv2.max(cv2.max(red, green), blue) / np.float32(ROOT_OF_PEAK)
            root *= (np.take(_compression(), _steps(largest)) / np.maximum(largest, 1))[..., None]
        signal: NDArray[np.uint8] = np.take(_signal_of_roots(), _steps(root))
        return signal

    def greys(self) -> NDArray[np.uint8]:
        """What each 8-bit grey of full range becomes, uint8 [256]."""
        return _greys(self)


def color_of(image: av.VideoFrame) -> Color:
    """The tags of a decoded frame."""
    return Color(image.color_trc, image.color_primaries, image.colorspace)


def check_color(image: av.VideoFrame) -> None:
    """Refuse a frame whose colours nothing here converts.

    Raises:
        MediaError: `color_unsupported`, or `hdr_unsupported` where it is of high dynamic range.
    """
    matrix = image.colorspace
    if matrix not in KNOWN_MATRICES and not image.format.is_rgb:
        code = "hdr_unsupported" if image.color_trc in (PQ, HLG) else "color_unsupported"
        name = OTHER_MATRICES.get(matrix, f"number {matrix} of ITU-T H.273")
        raise MediaError(code, f"its colours are coded by the matrix {name}, which cannot be converted to BT.709")


def check_dolby_vision(first: av.VideoFrame) -> None:
    """Refuse a stream of Dolby Vision that has no other colours.

    Args:
        first: its first frame; asked of each, PyAV's side data would keep all frames until the garbage collector runs,
            because the two refer to each other.

    Raises:
        MediaError: `hdr_unsupported`.
    """
    if first.color_trc in UNSPECIFIED and first.side_data:
        side_data: Any = first.side_data
        if any(side_data.get(kind) is not None for kind in DOLBY_VISION):
            raise MediaError(
                "hdr_unsupported", "Dolby Vision whose base layer has no standard colours (profile 5): convert it first"
            )


@cache
def _light_of_codes(transfer: int) -> Float:
    """Light of each 12-bit code, float32 [4096]: 1 is SDR white; of HLG, light of the scene, 1 its peak."""
    signal = np.linspace(0, 1, CODES)
    if transfer == PQ:
        light = pq_to_cd_m2(signal) / WHITE_CD_M2
    elif transfer == HLG:
        light = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - HLG_C) / HLG_A) + HLG_B) / 12)
    else:
        light = signal**SDR_GAMMA
    return light.astype(np.float32)


def pq_to_cd_m2(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ's EOTF: light of a signal in 0..1 (BT.2100, table 4; SMPTE ST 2084)."""
    root = signal ** (1 / PQ_M2)
    return 10_000 * (np.maximum(root - PQ_C1, 0) / (PQ_C2 - PQ_C3 * root)) ** (1 / PQ_M1)


def cd_m2_to_pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ's inverse EOTF: signal in 0..1 of light in 0..10,000 cd/m2 (BT.2100, table 4)."""
    power = (light / 10_000) ** PQ_M1
    return ((PQ_C1 + PQ_C2 * power) / (1 + PQ_C3 * power)) ** PQ_M2


@cache
def _compression() -> Float:
    """By what the square root of light is multiplied, over that of its share of the peak, float32 [4096]: the EETF."""
    light = np.linspace(0, 1, STEPS) ** 2 * PEAK_CD_M2
    white, peak = cd_m2_to_pq(np.array([WHITE_CD_M2, PEAK_CD_M2]))
    signal, highest = cd_m2_to_pq(light) / peak, white / peak
    knee = 1.5 * highest - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * highest
    compressed = pq_to_cd_m2(np.where(signal < knee, signal, spline) * peak)
    return np.sqrt(compressed / np.maximum(light, 1e-9), where=signal >= knee, out=np.ones(STEPS)).astype(np.float32)


@cache
def _signal_of_roots() -> NDArray[np.uint8]:
    """Signal of 8 bits over the square root of light in 0..1, uint8 [4096]."""
    return np.rint(255 * np.linspace(0, 1, STEPS) ** (2 / SDR_GAMMA)).astype(np.uint8)


def _steps(share: Float) -> NDArray[np.int16]:
    """Places in a table over 0..1."""
    return np.rint(np.minimum(share, 1) * np.float32(STEPS - 1)).astype(np.int16)


def _to_xyz(primaries: int) -> NDArray[np.float64]:
    """CIE XYZ of linear RGB with white D65 of luminance 1, [3, 3] (SMPTE RP 177)."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in (*CHROMATICITIES[primaries], D65)]).T
    return columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])


@cache
def _to_bt709(primaries: int) -> Float:
    """Linear BT.709 of linear RGB with these primaries, [3, 3] (BT.2087)."""
    return np.linalg.solve(_to_xyz(BT709), _to_xyz(primaries)).astype(np.float32)


@cache
def _luminance(primaries: int) -> Float:
    """Shares of red, green and blue in luminance, [3]."""
    return _to_xyz(primaries)[1].astype(np.float32)


@cache
def _greys(color: Color) -> NDArray[np.uint8]:
    codes = np.rint(np.linspace(0, CODES - 1, 256)).astype(np.uint16)
    return color.to_bt709(np.repeat(codes[None, :, None], 3, axis=2))[0, :, 0]
