"""Speech is found where it is, however the audio is handed over."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mova_core.media.decode import decode
from mova_core.speech.audio import SPEECH_RATE_HZ
from mova_core.speech.voice_activity import SpeechDetector
from tests.mova_core.speech.babble import babble

RATE = SPEECH_RATE_HZ


@pytest.fixture(scope="module")
def audio() -> np.ndarray:
    """Twenty seconds with a voice from 3 to 6 s and from 11 to 15.5 s."""
    samples = 0.001 * np.random.default_rng(1).standard_normal(20 * RATE).astype(np.float32)
    samples[3 * RATE : 6 * RATE] += babble(3)
    samples[11 * RATE : 31 * RATE // 2] += babble(4.5)
    return samples


def speech_in(audio: np.ndarray, pieces: list[int], start_s: float = 0.0) -> list[list[float]]:
    finder = SpeechDetector(threshold=0.5)
    for begin, end in zip([0, *pieces], [*pieces, len(audio)], strict=True):
        finder.add(start_s + begin / RATE, audio[begin:end])
    return finder.speech()


def test_a_voice_is_found_on_the_files_timeline(audio):
    found = np.array(speech_in(audio, [], start_s=1.25))
    assert found[0, 0] == pytest.approx(4.25, abs=0.2)
    assert found[-1, 1] == pytest.approx(16.75, abs=0.2)
    assert not any(start < 11.75 and end > 7.75 for start, end in found)


@given(st.lists(st.integers(0, 20 * RATE), max_size=30).map(sorted))
@settings(max_examples=8, deadline=None)
def test_how_the_audio_is_cut_into_pieces_changes_nothing(audio, pieces):
    assert speech_in(audio, pieces) == speech_in(audio, [])


def test_a_stream_gives_what_the_model_says_chunk_by_chunk(audio):
    import torch
    from silero_vad import get_speech_timestamps, load_silero_vad

    start = audio[: 16 * RATE + 100]
    told = get_speech_timestamps(torch.from_numpy(start), load_silero_vad(), return_seconds=True, time_resolution=6)
    assert np.array(speech_in(start, [])) == pytest.approx(np.array([[part["start"], part["end"]] for part in told]))


def test_a_finder_begins_afresh(audio):
    speech_in(audio[: 12 * RATE], [])  # ends in the middle of speech
    assert speech_in(audio, []) == speech_in(audio, [])
    assert SpeechDetector(0.5).speech() == []


def test_silence_and_noise_are_no_speech():
    noise = 0.1 * np.random.default_rng(2).standard_normal(10 * RATE).astype(np.float32)
    assert speech_in(np.zeros(10 * RATE, np.float32), []) == []
    assert speech_in(noise, []) == []


@pytest.mark.parametrize(
    "path", ["talking-head-en-512-mpeg4-16khz-8s.mp4", "music-harp-360p-10s.mp4", "hostile/start-offset-1h.ts"]
)
def test_real_speech_is_found_within_a_fifth_of_a_second(media, manifest, path):
    finder = SpeechDetector(threshold=0.5)
    for piece in decode(media / path, audio_rate_hz=RATE, video=False):
        finder.add(piece.time_s, piece.samples)
    expected = manifest[path]["audio"][0]["vad_segments_s"]
    found = finder.speech()
    assert len(found) == len(expected)
    assert np.ravel(found) == pytest.approx(np.ravel(expected), abs=0.2)
