"""What FFmpeg's own meters say of a clip: loudness range, blur and blocking.

The filters are those of the FFmpeg inside PyAV; they write what they measure into each frame's metadata.
Sources: EBU R 128 and Tech 3342 (loudness range); P. Marziliano and others, "A no-reference perceptual blur metric"
(2002), for blurdetect; R. Muijs and I. Kirenko, "A no-reference blocking artifact measure for adaptive video
processing" (2005), for blockdetect.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from mova_core.measures.clip import Measures, Unavailable

SHORT_TERM_S = 3.0  # the window whose loudness the range is made of
GATE_LUFS = -70.0
LOOKED_AT = 9  # frames, spread over the clip


def loudness_range_lu(audio: NDArray[np.float32], rate_hz: int) -> float | Unavailable:
    """Loudness range (LRA) in LU: between the 10th and 95th percentile of 3 s loudness, gated.

    EBU Tech 3342 means it for programmes of a minute; of a clip it tells how even the loudness is over its few windows.

    Args:
        audio: mono float32 [S], full scale 1.
        rate_hz: samples per second.
    """
    if audio.size < SHORT_TERM_S * rate_hz:
        return Unavailable(f"shorter than the {SHORT_TERM_S:g} s that a loudness range needs")
    graph = _graph()
    source = graph.add_abuffer(format="flt", sample_rate=rate_hz, layout="mono", time_base=Fraction(1, rate_hz))
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    told = _metadata(graph, source, sink, _pieces(audio, rate_hz))
    *_, last = (each for each in told if "lavfi.r128.LRA" in each)  # a rest of under 0.1 s at the end has none
    if float(last["lavfi.r128.I"]) <= GATE_LUFS:
        return Unavailable("silent: nothing is louder than the gate")
    return float(last["lavfi.r128.LRA"])


def blur_and_blocking(gray: NDArray[np.uint8]) -> Measures:
    """`blur_px`, the mean width of edges in pixels, and `blocking`, how much stronger brightness changes across the
    edges of a regular grid of blocks than beside them (1: no grid).

    Args:
        gray: brightness uint8 [F, H, W].
    """
    frames, height, width = gray.shape
    graph = _graph()
    gray8 = av.VideoFormat("gray", width, height)
    source = graph.add_buffer(width=width, height=height, format=gray8, time_base=Fraction(1, LOOKED_AT))
    blur, block, sink = graph.add("blurdetect"), graph.add("blockdetect"), graph.add("buffersink")
    source.link_to(blur)
    blur.link_to(block)
    block.link_to(sink)
    chosen = np.linspace(0, frames - 1, min(frames, LOOKED_AT)).round().astype(int)
    told = list(_metadata(graph, source, sink, (_video_frame(gray[at], number) for number, at in enumerate(chosen))))
    return {
        "blur_px": _middle(told, "lavfi.blur", "no edge was found in any frame"),
        "blocking": _middle(told, "lavfi.block", "no frame has a change of brightness to look for a grid in"),
    }


def _graph() -> Graph:
    graph = Graph()
    graph.threads = 1  # workers are the parallelism
    return graph


def _metadata(graph: Graph, source: Any, sink: Any, frames: Iterable[Any]) -> Iterator[dict[str, str]]:
    """What the filters wrote into each frame that comes out."""
    graph.configure()
    for frame in (*frames, None):  # None ends the stream
        source.push(frame)
        while True:
            try:
                yield dict(sink.pull().metadata)
            except (BlockingIOError, av.error.BlockingIOError, av.error.EOFError):
                break


def _pieces(audio: NDArray[np.float32], rate_hz: int) -> Iterator[av.AudioFrame]:
    for start in range(0, audio.size, rate_hz):
        piece = np.ascontiguousarray(audio[None, start : start + rate_hz])
        frame = av.AudioFrame.from_ndarray(piece, format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
        yield frame


def _video_frame(gray: NDArray[np.uint8], number: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(gray), format="gray")
    frame.pts = number
    return frame


def _middle(told: list[dict[str, str]], key: str, otherwise: str) -> float | Unavailable:
    """Median of the frames with a number; the filters say nan or inf where there is nothing to measure."""
    values = np.array([float(each.get(key, "nan")) for each in told])
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else Unavailable(otherwise)
