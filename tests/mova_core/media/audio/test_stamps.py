"""Audio whose packets are stamped oddly, lost or damaged, in real files of many containers and codecs.

Six seconds of quiet noise with beeps at known times: they must be found there, and wherever nothing is told to be lost
the audio must be that of the undisturbed file.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mova_core.media.audio_resample import AudioChunk
from mova_core.media.decode import decode
from mova_core.media.lost import Lost

OUT_HZ, SECONDS = 16_000, 6
BEEPS_S = np.array([0.7, 1.9, 2.5, 4.3, 5.1])
Change = Callable[[list[Any]], list[Any]]


def scene(rate):
    time_s = np.arange(SECONDS * rate) / rate
    samples = np.random.default_rng(1).normal(0, 0.03, len(time_s))
    for beep_s in BEEPS_S:
        beep = (time_s >= beep_s) & (time_s < beep_s + 0.06)
        samples[beep] += 0.4 * np.sin(2 * np.pi * 600 * (time_s[beep] - beep_s))
    return samples.astype(np.float32)


def write(path: Path, container: str, codec: str, rate: int, change: Change = lambda packets: packets) -> Path:
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        stream.codec_context.open()
        size, samples = stream.codec_context.frame_size or 1024, scene(rate)
        convert = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate)
        packets: list[Any] = []
        for first in range(0, len(samples), size):
            frame = av.AudioFrame.from_ndarray(samples[None, first : first + size], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
            packets += [packet for piece in convert.resample(frame) for packet in stream.encode(piece)]
        for packet in change([*packets, *stream.encode(None)]):
            out.mux(packet)
    return path


def stamped(new_s: Callable[[float, int], float]) -> Change:
    """Each packet gets the time that follows from its time and number."""

    def change(packets):
        for number, packet in enumerate(packets):
            time_s = new_s(float(packet.pts * packet.time_base), number)
            packet.pts = packet.dts = round(time_s / packet.time_base)
        return packets

    return change


def rewritten(packet: Any, data: bytes) -> Any:
    other = av.Packet(data)
    other.stream, other.time_base = packet.stream, packet.time_base
    other.pts, other.dts, other.duration = packet.pts, packet.dts, packet.duration
    return other


def decoded(path: Path) -> tuple[float, np.ndarray, list[Lost], float]:
    pieces = list(decode(path, audio_rate_hz=OUT_HZ, video=False))
    chunks = [piece for piece in pieces if isinstance(piece, AudioChunk)]
    line = np.concatenate([chunk.samples for chunk in chunks])
    lost = [piece for piece in pieces if isinstance(piece, Lost)]
    return chunks[0].time_s, line, lost, sum(chunk.stretched_s for chunk in chunks)


def beeps_s(start_s: float, line: np.ndarray) -> np.ndarray:
    """Where the RMS over 5 ms rises to that of a beep."""
    size = OUT_HZ // 200
    loud = np.sqrt(np.square(line[: len(line) // size * size]).reshape(-1, size).mean(axis=1)) > 0.12
    rises = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1
    return start_s + rises[np.diff(rises, prepend=-100) > 40] * 0.005


def holes(line: np.ndarray) -> int:
    size = OUT_HZ // 200
    silent = np.sqrt(np.square(line[: len(line) // size * size]).reshape(-1, size).mean(axis=1)) < 1e-3
    return int(silent[20:-20].sum())


@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("matroska", "aac", 48_000),
        ("matroska", "pcm_s16le", 44_100),
        ("matroska", "libopus", 48_000),
        ("mpegts", "mp2", 48_000),
        ("flv", "aac", 44_100),
    ],
)
@pytest.mark.parametrize("kind", ["bursts", "jitter"])
def test_stamps_of_arrival_make_no_holes(tmp_path, container, codec, rate, kind):
    jitter = np.maximum.accumulate(np.arange(600) * 0.02 + np.random.default_rng(5).uniform(0, 0.03, 600))
    starts: list[float] = []

    def burst(time_s, number):
        starts.append(time_s)
        return starts[number // 3 * 3] + number % 3 * 0.001

    def arrival(time_s, number):
        return max(time_s + jitter[number] - 0.02 * number, time_s)

    path = write(tmp_path / "a", container, codec, rate, stamped(burst if kind == "bursts" else arrival))
    start_s, line, lost, _ = decoded(path)
    assert not lost and not holes(line)
    np.testing.assert_allclose(beeps_s(start_s, line), BEEPS_S, atol=0.045)


@pytest.mark.parametrize(
    ("container", "codec", "rate", "drift"),
    [
        ("mp4", "aac", 48_000, 0.01),
        ("mp4", "aac", 44_100, -0.01),
        ("matroska", "libopus", 48_000, -0.01),
        ("matroska", "pcm_s16le", 44_100, 0.015),
        ("mpegts", "mp2", 44_100, 0.01),
        ("flv", "libmp3lame", 44_100, -0.01),
    ],
)
def test_a_clock_that_drifts_is_followed_and_told(tmp_path, container, codec, rate, drift):
    path = write(tmp_path / "a", container, codec, rate, stamped(lambda time_s, _: time_s * (1 + drift)))
    start_s, line, lost, stretched_s = decoded(path)
    assert not lost and not holes(line)
    delay_s = 0.025 if codec == "libmp3lame" else 0  # which this container does not tell
    np.testing.assert_allclose(beeps_s(start_s, line), BEEPS_S * (1 + drift) + delay_s, atol=0.03)
    assert stretched_s == pytest.approx(abs(drift) * SECONDS, abs=0.03)


def level(line: np.ndarray) -> np.ndarray:
    """RMS of each 10 ms."""
    size = OUT_HZ // 100
    return np.sqrt(np.square(line[: len(line) // size * size]).reshape(-1, size).mean(axis=1))


def same_but_where_lost(whole: Path, disturbed: Path) -> list[Lost]:
    """What is lost; everywhere else both files have the same level at the same time (AAC and AC-3 draw their noise)."""
    start_s, line, lost, stretched_s = decoded(disturbed)
    true_start_s, true, _, _ = decoded(whole)
    found, expected = level(line), level(true[round((start_s - true_start_s) * OUT_HZ) :])
    length = min(len(found), len(expected))
    time_s = start_s + np.arange(length) / 100
    sound = np.ones(length, bool)
    for one in lost:
        assert one.stream == "audio"
        sound &= (time_s + 0.013 < one.start_s) | (time_s > one.end_s)  # 3 ms: what the resampler's filter spans
    np.testing.assert_allclose(found[:length][sound], expected[:length][sound], atol=0.07)  # a beep's edge, 0.5 ms off
    assert (found[2 : length - 2][sound[2:-2]] > 0.01).all()  # nowhere a hole
    assert not stretched_s and sound.mean() > 0.75
    return lost


CODED = [
    ("mp4", "aac", 48_000),
    ("mpegts", "ac3", 48_000),
    ("matroska", "libopus", 48_000),
    ("flv", "libmp3lame", 44_100),
    ("matroska", "pcm_s16le", 48_000),
]


@pytest.mark.parametrize(
    ("coded", "gap_s"), [*zip(CODED, (1.0, 0.08, 1.0, 0.08, 0.045), strict=True), (CODED[0], 0.08)]
)
def test_packets_that_were_never_recorded_are_a_gap(tmp_path, coded, gap_s):
    def dropped(packets):
        return [packet for packet in packets if not 3.0 <= float(packet.pts * packet.time_base) < 3.0 + gap_s]

    whole = write(tmp_path / "whole", *coded)
    (lost,) = same_but_where_lost(whole, write(tmp_path / "gap", *coded, dropped))
    assert lost.code == "gap" and abs(lost.start_s - 3.0) < 0.05
    assert lost.end_s - lost.start_s == pytest.approx(gap_s + 0.15, abs=0.06)


DAMAGED = [*CODED[:2], CODED[3], ("matroska", "flac", 48_000)]


@pytest.mark.parametrize(
    ("coded", "place"), [*((coded, place) for coded in DAMAGED for place in (0, 50)), (CODED[0], -2)]
)
def test_a_damaged_packet_costs_its_neighbourhood_alone(tmp_path, coded, place):
    def damaged(packets):
        packet = packets[place]
        packets[place] = rewritten(packet, bytes(packet)[: packet.size // 3])
        return packets

    whole = write(tmp_path / "whole", *coded)
    lost = same_but_where_lost(whole, write(tmp_path / "cut", *coded, damaged))
    assert {one.code for one in lost} == {"decode_error"}
    assert sum(one.end_s - one.start_s for one in lost) < 0.6
