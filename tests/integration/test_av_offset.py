"""Cutting moves sound against picture by at most half an output frame, whatever the source's frame rate.

Flashes and clicks are made to begin at the same moment, in files of six frame rates (one of them varying), cut at
unround starts, decoded again, and measured: time of the first bright frame minus time of the first loud sample.
"""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mova_core.curation.borders import Borders
from mova_core.curation.source_clips import SourceTask, Window, clips_of
from mova_core.geometry import GEOMETRIES, Canvas, ClipGeometry
from mova_core.media.clip import read_clip
from mova_core.media.clip_writer import ClipCoding
from mova_core.media.encode import write_media

SIDE_PX, LENGTH_S, EVENT_S = 64, 6.0, 0.12
CODING = ClipCoding("libx264", 14)
STARTS_S = (0.0, 0.517311, 1.020833, 2.25, 3.133337)
CLIP_24 = ClipGeometry("clip-24", 49, 24, (Canvas(48, 48),), 48_000, 960, 1)
RATES = {
    "24": (Fraction(24), 48_000, "flac"),
    "25": (Fraction(25), 44_100, "flac"),
    "29.97": (Fraction(30_000, 1001), 48_000, "aac"),
    "30": (Fraction(30), 48_000, "aac"),
    "60": (Fraction(60), 22_050, "flac"),
    "varying": (None, 48_000, "flac"),
}


def picture_times(rate: Fraction | None) -> np.ndarray:
    """When each source picture begins, in seconds; a varying rate jitters between 10 and 50 a second."""
    if rate is not None:
        return np.arange(int(LENGTH_S * rate)) / float(rate)
    gaps_ms = np.random.default_rng(5).integers(20, 101, 200)
    times_s = np.concatenate([[0], np.cumsum(gaps_ms)]) / 1000
    return times_s[times_s < LENGTH_S]


def events_at(times_s: np.ndarray) -> np.ndarray:
    """Moments of flash and click: the first picture in each stretch of 0.37 s."""
    return times_s[np.searchsorted(times_s, np.arange(0.2, LENGTH_S - 0.3, 0.37))]


def is_on(moments_s: np.ndarray, events_s: np.ndarray) -> np.ndarray:
    since_s = moments_s[:, None] - events_s[None] + 1e-9
    return ((since_s >= 0) & (since_s < EVENT_S)).any(axis=1)


def write_source(path: Path, name: str) -> np.ndarray:
    """Write one file; returns the true event times."""
    rate, audio_rate_hz, codec = RATES[name]
    times_s = picture_times(rate)
    events_s = events_at(times_s)
    pictures = [np.full((SIDE_PX, SIDE_PX, 3), 230 if on else 20, np.uint8) for on in is_on(times_s, events_s)]
    places_s = np.arange(int(LENGTH_S * audio_rate_hz)) / audio_rate_hz
    tone = np.where(is_on(places_s, events_s), 0.5 * np.cos(2 * np.pi * 1500 * places_s), 0).astype(np.float32)
    if rate is not None:
        write_media(path, pictures, rate, tone, audio_rate_hz, audio_codec=codec)
    else:
        write_varying(path, times_s, pictures, tone, audio_rate_hz)
    return events_s


def write_varying(path, times_s, pictures, tone, audio_rate_hz):
    with av.open(str(path), "w", format="matroska") as output:
        video = output.add_stream("libx264", rate=1000, width=SIDE_PX, height=SIDE_PX, pix_fmt="yuv420p")
        sound = output.add_stream("flac", rate=audio_rate_hz, layout="mono")
        for time_s, picture in zip(times_s, pictures, strict=True):
            shot = av.VideoFrame.from_ndarray(picture, format="rgb24")
            shot.pts, shot.time_base = round(time_s * 1000), Fraction(1, 1000)
            output.mux(video.encode(shot))
        output.mux(video.encode(None))
        pcm = np.round(tone * 32767).astype(np.int16)[None]
        for start in range(0, pcm.shape[1], 4096):
            piece = av.AudioFrame.from_ndarray(pcm[:, start : start + 4096], format="s16", layout="mono")
            piece.sample_rate, piece.pts = audio_rate_hz, start
            output.mux(sound.encode(piece))
        output.mux(sound.encode(None))


def onsets(on: np.ndarray, rate: float, quiet: int) -> np.ndarray:
    """Times at which a signal comes on after at least `quiet` values of off."""
    places = np.flatnonzero(on)
    return places[np.diff(places, prepend=-np.inf) > quiet] / rate


def clip_offsets_s(data: bytes, geometry: ClipGeometry) -> list[float]:
    """Flash minus click, of each event that begins well inside the clip."""
    frames, samples = read_clip(data)
    flashes = onsets(frames[:, 24, 24, 1] > 128, geometry.fps, 1)
    clicks = onsets(np.abs(samples) > 0.15, geometry.audio_rate_hz, geometry.audio_rate_hz // 10)
    clicks = clicks[(clicks > 0.1) & (clicks < geometry.duration_s - 0.1)]
    assert len(clicks) >= 3
    return [float(flashes[np.abs(flashes - click).argmin()] - click) for click in clicks]


@pytest.mark.parametrize("geometry", [CLIP_24, GEOMETRIES["nano-48"]], ids=lambda geometry: geometry.name)
def test_sound_moves_by_at_most_half_a_frame_against_the_picture(geometry, tmp_path, capsys):
    half_frame_s, rows = 0.5 / geometry.fps, []
    for name in RATES:
        path = tmp_path / f"{name}.media"
        write_source(path, name)
        windows = tuple(Window(str(start), start, start + geometry.duration_s, "any") for start in STARTS_S)
        task = SourceTask(path, tmp_path, "", 0, 1.0, Borders(), windows, geometry, CODING, "train")
        offsets_s = np.array([one for clip in clips_of(task) for one in clip_offsets_s(clip.data, geometry)])
        assert np.abs(offsets_s).max() <= half_frame_s + 0.001, name  # 1 ms: how exactly a click is located
        rows.append((name, len(offsets_s), offsets_s.mean() * 1000, np.abs(offsets_s).max() * 1000))
    with capsys.disabled():
        print(f"\nA/V offset added by cutting at {geometry.fps} fps; at most {half_frame_s * 1000:.1f} ms allowed")
        print("source fps   events   mean ms   largest ms")
        for name, events, mean, largest in rows:
            print(f"{name:>10} {events:8d} {mean:9.2f} {largest:12.2f}")
