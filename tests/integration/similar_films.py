"""Films that are told apart by what they show and play, and copies of each kind with what is known of them.

Frames are drifting textures with a moving disc, in shots; audio is syllables of changing pitch, or notes. `pairs` says
which file repeats which, so precision and recall can be counted by kind.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mova_core.curation.dedup.fingerprints import Fingerprint, FingerprintBuilder
from mova_core.curation.segment.shot_boundaries import small_size
from mova_core.media.audio_resample import AudioChunk
from mova_core.media.decode import Frame, decode
from mova_core.media.encode import write_media
from mova_core.speech.audio import SPEECH_RATE_HZ

FPS, RATE_HZ = Fraction(12), 24_000
WIDTH, HEIGHT, SECONDS = 128, 72, 14
SAMPLES = RATE_HZ // FPS  # of a frame
H264 = {"audio_codec": "aac", "crf": 32, "audio_options": {"b": "48k"}}
WEBM = {"container": "webm", "video_codec": "libvpx", "audio_codec": "libopus", "crf": None}
WEBM |= {"video_options": {"b": "150k", "deadline": "realtime", "cpu-used": "8"}}
LENGTHS_S = (2.5, 4.0, 6.0)

Frames, Audio = NDArray[np.uint8], NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Copy:
    """A file of which an interval is that of a film: of which kind, from where to where, and where in the film."""

    kind: str
    film: str
    start_s: float
    end_s: float
    film_start_s: float


def fingerprint_of(path: Path, video: bool = True) -> Fingerprint:
    """As `segment` takes it."""
    maker = FingerprintBuilder(letterbox_luma=30)
    for piece in decode(path, audio_rate_hz=SPEECH_RATE_HZ, video=video):
        if isinstance(piece, Frame):
            maker.add_frame(piece.time_s, piece.rgb(*small_size(piece.image.width, piece.image.height)))
        elif isinstance(piece, AudioChunk):
            maker.add_audio(piece.time_s, piece.samples)
    return maker.fingerprint()


def write_films(folder: Path, films: int) -> dict[str, Copy]:
    """Write films and their copies; what each copy is. Files that are none of them are `film-*` and `other-*`."""
    rng = np.random.default_rng(11)
    copies: dict[str, Copy] = {}
    for number in range(films):
        name = f"film-{number:02}.mp4"
        play = syllables if number % 2 == 0 else notes
        frames, audio = textures(number, SECONDS), play(number, SECONDS)
        write(folder / name, frames, audio, crf=20, audio_codec="aac")
        for kind, late, changed in _whole_copies(frames):
            path = f"{kind}-{number:02}.{'webm' if kind == 'stored otherwise' else 'mp4'}"
            write(folder / path, changed, audio[late * SAMPLES :], **(WEBM if path.endswith("webm") else H264))
            copies[path] = Copy(kind, name, 0.0, SECONDS - late / FPS, late / FPS)
        for length_s in LENGTHS_S:
            kind, count = f"excerpt of {length_s:g} s", round(length_s * FPS)
            path, start, place = f"{kind}-{number:02}.mp4", *(int(rng.integers(12, 60)) for _ in range(2))
            seed = 1000 + 10 * number + count
            other, played = textures(seed, 12), syllables(seed, 12)
            other[place : place + count] = frames[start : start + count]
            samples = slice(place * SAMPLES, (place + count) * SAMPLES)
            played[samples] = audio[start * SAMPLES : (start + count) * SAMPLES]
            write(folder / path, other, played, **H264)
            copies[path] = Copy(kind, name, place / FPS, (place + count) / FPS, start / FPS)
        path = f"audio alone-{number:02}.mp3"
        _write_audio(folder / path, audio[SAMPLES * 17 :])
        copies[path] = Copy("audio alone", name, 0.0, SECONDS - 17 / FPS, 17 / FPS)
        write(folder / f"other-frames-{number:02}.mp4", textures(500 + number, SECONDS), audio, **H264)
        write(folder / f"other-audio-{number:02}.mp4", frames, syllables(500 + number, SECONDS), **H264)
    return copies


def _whole_copies(frames: Frames) -> Iterator[tuple[str, int, Frames]]:
    """Kind, frames left out in front, and what is shown."""
    yield "stored otherwise", 0, frames
    yield "mirrored", 0, frames[:, :, ::-1]
    yield "mirrored and trimmed", 17, frames[17:, :, ::-1]
    yield "cropped around", 0, frames[:, 8:-8, 14:-14]
    yield "cropped aside and trimmed", 29, frames[29:, 14:, : WIDTH * 3 // 4]
    yield "cropped to 4:3", 0, frames[:, :, 16:-16]
    yield "cropped and mirrored", 0, frames[:, 4:-12, 6:-14][:, :, ::-1]


def textures(seed: int, seconds: float) -> Frames:
    """Shots of 2 to 6 s, uint8 [F, H, W, 3]."""
    rng = np.random.default_rng([21, seed])
    count, shown = round(seconds * FPS), []
    while len(shown) < count:
        room = sum(
            grain * cv2.resize(rng.normal(size=(2 * HEIGHT // grain, 2 * WIDTH // grain, 3)), (2 * WIDTH, 2 * HEIGHT))
            for grain in (6, 16, 48)
        )
        room *= 110 / np.abs(room).max()
        tint, drift, speed = rng.uniform(60, 190, 3), rng.uniform(-2, 2, 2), rng.uniform(-5, 5, 2)
        colour = rng.uniform(0, 255, 3).tolist()
        for step in range(round(rng.uniform(2, 6) * FPS)):
            left, top = (round(side / 2 + step * by) for side, by in zip((WIDTH, HEIGHT), drift, strict=True))
            left, top = min(max(left, 0), WIDTH), min(max(top, 0), HEIGHT)
            frame = np.clip(tint + room[top : top + HEIGHT, left : left + WIDTH], 0, 255).astype(np.uint8)
            place = (round(64 + step * speed[0]) % WIDTH, round(36 + step * speed[1]) % HEIGHT)
            shown.append(cv2.circle(np.ascontiguousarray(frame), place, 9, colour, -1))
    return np.stack(shown[:count])


def syllables(seed: int, seconds: float) -> Audio:
    """Tones of voice with pauses, float32 [S]."""
    rng = np.random.default_rng([22, seed])
    audio, place = np.zeros(round(seconds * RATE_HZ)), 0
    while place < len(audio):
        time_s = np.arange(min(len(audio) - place, round(rng.uniform(0.08, 0.3) * RATE_HZ))) / RATE_HZ
        pitch, formant = rng.uniform(90, 260), rng.uniform(300, 3000)
        voice = sum(
            rng.uniform() * np.exp(-(((pitch * k - formant) / 700) ** 2)) * np.sin(2 * np.pi * pitch * k * time_s)
            for k in range(1, 14)
        )
        audio[place : place + len(time_s)] = voice * np.hanning(len(time_s)) * rng.uniform(0.3, 1)
        place += len(time_s) + round(RATE_HZ * (rng.uniform(0.2, 0.6) if rng.uniform() < 0.15 else 0.03))
    return (0.3 * audio / np.abs(audio).max()).astype(np.float32)


def notes(seed: int, seconds: float) -> Audio:
    """Chords that die away, at beats, float32 [S]."""
    rng = np.random.default_rng([23, seed])
    audio, place = np.zeros(round(seconds * RATE_HZ)), 0
    scale = 220 * 2 ** (np.array([0, 2, 4, 7, 9, 12, 14, 16]) / 12)
    beat = rng.uniform(0.4, 0.6)
    while place < len(audio):
        time_s = np.arange(min(len(audio) - place, RATE_HZ)) / RATE_HZ
        chord = sum(np.sin(2 * np.pi * tone * k * time_s) / k for tone in rng.choice(scale, 2) for k in (1, 2, 3))
        audio[place : place + len(time_s)] += chord * np.exp(-4 * time_s)
        place += round(RATE_HZ * beat * rng.choice([0.5, 1.0]))
    return (0.3 * audio / np.abs(audio).max()).astype(np.float32)


def write(path: Path, frames: Frames, audio: Audio, **how: object) -> None:
    """With even sides."""
    even = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]
    write_media(path, np.ascontiguousarray(even), FPS, audio, RATE_HZ, **how)


def _write_audio(path: Path, audio: Audio) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(audio[None], format="fltp", layout="mono")
        frame.rate = RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
