"""Cutting moves audio against frame by at most half an output frame, however the source keeps its video and audio.

Flashes and clicks are made to begin at the same moment, in files of seven frame rates (one of them varying) and of odd
audio, cut at unround starts, decoded again, and measured: time of the first bright frame minus time of the first loud
sample. How loud the clicks are is measured as well: no channel layout and no sample rate may change that.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mova_core.curation.cut.source_clips import SourceTask, Window, clips_of
from mova_core.curation.segment.letterbox import Letterbox
from mova_core.geometry import GEOMETRIES, Canvas, ClipGeometry
from mova_core.media.clip_file import ClipCoding, read_clip
from mova_core.media.video.orientation import Orientation

SIDE_PX, LENGTH_S, EVENT_S = 64, 6.0, 0.12
CODING = ClipCoding("libx264", 14)
STARTS_S = (0.517311, 1.020833, 2.25, 3.133337)  # on the file's timeline
CLIP_24 = ClipGeometry("clip-24", 49, 24, (Canvas(48, 48),), 48_000, 960, 1)
NANO = GEOMETRIES["nano-48"]
CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6}


@dataclass(frozen=True)
class Made:
    """How one source is made.

    Args:
        fps: of its frames; None varies between 10 and 50 a second.
        rate_hz: of its audio.
        codec: of its audio.
        layout: of its audio.
        sounding: the channels with clicks on them; the others are silent.
        image_from_s: when its frames begin.
        audio_from_s: when its audio begins.
        silent_tracks: how many tracks of silence lie before the one with the clicks.
        x264: of its frames.
    """

    fps: Fraction | None = Fraction(25)
    rate_hz: int = 48_000
    codec: str = "flac"
    layout: str = "mono"
    sounding: tuple[int, ...] = (0,)
    image_from_s: float = 0.0
    audio_from_s: float = 0.0
    silent_tracks: int = 0
    x264: str = "mbtree=0"


RATES = {
    "23.976 fps": Made(Fraction(24_000, 1001)),
    "25 fps": Made(Fraction(25), 44_100),
    "29.97 fps": Made(Fraction(30_000, 1001), codec="aac"),
    "30 fps": Made(Fraction(30), codec="aac"),
    "50 fps": Made(Fraction(50), 32_000),
    "60 fps": Made(Fraction(60), 22_050),
    "varying fps": Made(None),
}
ODD = {
    "8 kHz": Made(rate_hz=8_000),
    "96 kHz": Made(rate_hz=96_000),
    "5.1 in AAC, all": Made(codec="aac", layout="5.1", sounding=(0, 1, 2, 4, 5)),
    "5.1 in AAC, the centre alone": Made(codec="aac", layout="5.1", sounding=(2,)),
    "stereo, both": Made(layout="stereo", sounding=(0, 1)),
    "stereo, the right alone": Made(layout="stereo", sounding=(1,)),
    "audio from 0.4 s on (edit list)": Made(audio_from_s=0.4),
    "audio from 0.4 s on, AAC": Made(codec="aac", audio_from_s=0.4),
    "frame from 0.4 s on (edit list)": Made(image_from_s=0.4),
    "two silent tracks before it": Made(silent_tracks=2),
    "interlaced 25i": Made(x264="mbtree=0:interlaced=1"),
    "wrongly flagged as interlaced": Made(x264="mbtree=0:fake-interlaced=1"),
}


def image_times(made: Made) -> np.ndarray:
    """When each source frame begins, in whole milliseconds if the rate varies."""
    if made.fps is not None:
        times_s = np.arange(int(LENGTH_S * made.fps)) / float(made.fps)
    else:
        gaps_ms = np.random.default_rng(5).integers(20, 101, 200)
        times_s = np.concatenate([[0], np.cumsum(gaps_ms)]) / 1000
    return times_s[(times_s >= made.image_from_s - 1e-9) & (times_s < LENGTH_S)]


def events_at(times_s: np.ndarray) -> np.ndarray:
    """Moments of flash and click: the first frame in each interval of 0.37 s."""
    return times_s[np.searchsorted(times_s, np.arange(0.6, LENGTH_S - 0.3, 0.37))]


def is_on(moments_s: np.ndarray, events_s: np.ndarray) -> np.ndarray:
    since_s = moments_s[:, None] - events_s[None] + 1e-9
    return ((since_s >= 0) & (since_s < EVENT_S)).any(axis=1)


def tone(places: np.ndarray, rate_hz: int) -> np.ndarray:
    return 0.5 * np.cos(2 * np.pi * 1500 / rate_hz * places)


def loudness(samples: np.ndarray) -> float:
    """Level of what is loud."""
    return float(np.sqrt(np.mean(np.square(samples[np.abs(samples) > 0.15]))))


def write_source(path: Path, made: Made) -> None:
    times_s = image_times(made)
    events_s = events_at(times_s)
    places_s = np.arange(round(made.audio_from_s * made.rate_hz), round(LENGTH_S * made.rate_hz)) / made.rate_hz
    clicks = np.where(is_on(places_s, events_s), tone(places_s * made.rate_hz, made.rate_hz), 0)
    channels = np.zeros((CHANNELS[made.layout], len(clicks)))
    channels[list(made.sounding)] = clicks
    tick = Fraction(1, 1000) if made.fps is None else 1 / made.fps
    with av.open(str(path), "w", format="matroska" if made.fps is None else "mp4") as output:
        video = output.add_stream("libx264", rate=1 / tick, width=SIDE_PX, height=SIDE_PX, pix_fmt="yuv420p")
        video.codec_context.options = {"x264-params": made.x264}
        video.codec_context.time_base = tick
        tracks = [np.zeros_like(channels)] * made.silent_tracks + [channels]
        streams = [output.add_stream(made.codec, rate=made.rate_hz, layout=made.layout) for _ in tracks]
        for stream, samples in zip(streams, tracks, strict=True):
            write_audio(output, stream, samples, round(made.audio_from_s * made.rate_hz), made)
        for time_s, on in zip(times_s, is_on(times_s, events_s), strict=True):
            shot = av.VideoFrame.from_ndarray(np.full((SIDE_PX, SIDE_PX, 3), 230 if on else 20, np.uint8), "rgb24")
            shot.pts, shot.time_base = round(Fraction(time_s).limit_denominator(10**6) / tick), tick
            output.mux(video.encode(shot))
        output.mux(video.encode(None))


def write_audio(output, stream, samples, begins, made):
    pcm = np.round(samples * 32767).astype(np.int16)
    for start in range(0, pcm.shape[1], 4096):
        packed = pcm[:, start : start + 4096].T.reshape(1, -1)
        piece = av.AudioFrame.from_ndarray(np.ascontiguousarray(packed), format="s16", layout=made.layout)
        piece.sample_rate, piece.pts, piece.time_base = made.rate_hz, begins + start, Fraction(1, made.rate_hz)
        output.mux(stream.encode(piece))
    output.mux(stream.encode(None))


def onsets(on: np.ndarray, rate: float, quiet: int) -> np.ndarray:
    """Times at which a signal comes on after at least `quiet` values of off."""
    places = np.flatnonzero(on)
    return places[np.diff(places, prepend=-np.inf) > quiet] / rate


def clip_offsets_s(frames: np.ndarray, samples: np.ndarray, geometry: ClipGeometry) -> list[float]:
    """Flash minus click, of each event that begins well inside the clip."""
    flashes = onsets(frames[:, 24, 24, 1] > 128, geometry.fps, 1)
    clicks = onsets(np.abs(samples) > 0.15, geometry.audio_rate_hz, geometry.audio_rate_hz // 10)
    clicks = clicks[(clicks > 0.1) & (clicks < geometry.duration_s - 0.1)]
    assert len(clicks) >= 3
    return [float(flashes[np.abs(flashes - click).argmin()] - click) for click in clicks]


@pytest.mark.parametrize(
    ("sources", "geometry"),
    [(RATES, CLIP_24), (RATES, NANO), (ODD, CLIP_24)],
    ids=["rates at 24 fps", "rates at 16 fps", "odd sources at 24 fps"],
)
def test_audio_moves_by_at_most_half_a_frame_against_the_frame(sources, geometry, tmp_path, capsys):
    half_frame_s, rows = 0.5 / geometry.fps, []
    for name, made in sources.items():
        path = tmp_path / f"{name}.media"
        write_source(path, made)
        windows = tuple(Window(str(start), start, start + geometry.duration_s, "any") for start in STARTS_S)
        task = SourceTask(
            path, tmp_path, "", Orientation(), 1.0, Letterbox(), windows, geometry, CODING, "train", "tonemap"
        )
        clips = [read_clip(clip.data) for clip in clips_of(task)]
        assert all(len(frames) == geometry.frames for frames, _ in clips)
        assert all(len(samples) == geometry.audio_samples for _, samples in clips)
        offsets_s = np.array([offset for clip in clips for offset in clip_offsets_s(*clip, geometry)])
        gain = np.mean([loudness(samples) for _, samples in clips]) / loudness(
            tone(np.arange(geometry.audio_rate_hz), geometry.audio_rate_hz)
        )
        rows.append((name, len(offsets_s), offsets_s.mean() * 1000, np.abs(offsets_s).max() * 1000, gain))
        # 1 ms: how exactly a click is located, and what mp4 rounds its edit lists to
        assert np.abs(offsets_s).max() <= half_frame_s + 0.001, name
        assert gain == pytest.approx(1, abs=0.03), name
    with capsys.disabled():
        print(f"\nA/V offset added by cutting at {geometry.fps} fps; at most {half_frame_s * 1000:.1f} ms allowed")
        print(f"{'source':>34} {'events':>8} {'mean ms':>8} {'largest ms':>12} {'gain':>6}")
        for name, events, mean, largest, gain in rows:
            print(f"{name:>34} {events:8d} {mean:8.2f} {largest:12.2f} {gain:6.3f}")
