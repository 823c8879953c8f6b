"""A local Whisper: the folder is the one that was stated, and what it writes comes back with its times."""

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from mova_core.errors import UsageError
from mova_core.params import Weights
from mova_core.speech.transcript import Transcript
from mova_core.speech.whisper import WhisperTranscriber, check_folder
from mova_core.storage.hashing import sha256_folder
from tests.mova_core.speech.tiny_whisper import write_tiny_whisper

NOISE = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)  # 3 s


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Function that opens a model that writes these segments."""

    def make(*texts, alignment=False):
        folder = write_tiny_whisper(tmp_path_factory.mktemp("whisper"), *texts, alignment=alignment)
        return WhisperTranscriber.open(Weights(path=str(folder), sha256=sha256_folder(folder)), "en")

    return make


def test_segments_have_the_times_that_the_model_writes(opened):
    transcribe = opened((0.4, " Hello there.", 1.2), (1.2, " Hi.", 9.0))
    transcript = transcribe(NOISE)
    assert transcript == transcribe(NOISE)
    assert [(segment.text, segment.interval_s) for segment in transcript.segments] == [
        ("Hello there.", (0.4, 1.2)),
        ("Hi.", (1.2, 3.0)),
    ]
    assert transcript.language == "en"


def test_words_are_told_one_by_one_where_the_model_can(opened):
    (segment,) = opened((0.4, " Hello there.", 1.2), alignment=True)(NOISE).segments
    assert segment.text == "Hello there." and [word.text for word in segment.words] == ["Hello", "there."]
    times = [time for word in segment.words for time in word.interval_s]
    assert times == sorted(times) and times[0] >= 0 and times[-1] <= 3.0
    assert segment.interval_s == (times[0], times[-1])


def test_nothing_said_is_an_empty_transcript(opened):
    transcribe = opened()
    assert transcribe(NOISE) == Transcript(segments=(), language="en")
    assert transcribe(NOISE[:100]).segments == ()


def test_another_folder_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    stated = Weights(path=str(tmp_path), sha256="0" * 64)
    with pytest.raises(UsageError, match=r"holds no \.safetensors"):
        check_folder(stated)
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(UsageError, match=r"holds no \.safetensors"):
        check_folder(stated)
    (tmp_path / "model.safetensors").write_bytes(b"x" * 100)
    with pytest.raises(UsageError, match=rf"has sha256 {sha256_folder(tmp_path)}, expected 0000"):
        check_folder(stated)
    with pytest.raises(UsageError, match="holds no whole Whisper"):
        WhisperTranscriber.open(Weights(path=str(tmp_path), sha256=sha256_folder(tmp_path)), None)
    for text in ("{}", "[]", "{", '{"model_type": "llama"}'):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(UsageError, match=r"holds no config\.json of a whisper"):
            check_folder(stated)
    with pytest.raises(UsageError, match=r"holds no config\.json"):
        check_folder(Weights(path=str(tmp_path / "none"), sha256="0" * 64))


def test_a_language_that_it_does_not_know_is_refused(tmp_path):
    folder = write_tiny_whisper(tmp_path, (0.4, " Hello", 1.2))
    stated = Weights(path=str(folder), sha256=sha256_folder(folder))
    assert WhisperTranscriber.open(stated, "zh")(NOISE).text == "Hello"
    with pytest.raises(UsageError, match=r"speech\.language is 'xx'"):
        WhisperTranscriber.open(stated, "xx")


def test_weights_that_are_missing_are_not_drawn(tmp_path):
    folder = write_tiny_whisper(tmp_path, (0.4, " Hello", 1.2))
    weights = load_file(folder / "model.safetensors")
    del weights["model.encoder.layer_norm.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(UsageError, match=r"no weights for model\.encoder\.layer_norm\.weight"):
        WhisperTranscriber.open(Weights(path=str(folder), sha256=sha256_folder(folder)), None)
