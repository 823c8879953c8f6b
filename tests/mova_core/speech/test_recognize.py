"""One path from a clip to who says what: real voices, a transcription endpoint, and pyannote.audio's pipeline."""

import json

import numpy as np
import pytest

from mova_core.errors import EndpointError, UsageError
from mova_core.params import Params, params_from
from mova_core.speech.recognize import ConfiguredSpeech, SpeechRecognizer
from mova_core.speech.transcript import Segment, Transcript, Word
from mova_core.speech.turns import Turn
from mova_core.storage.hashing import sha256_file, sha256_folder
from tests.mova_core.endpoints.model_server import Answer
from tests.mova_core.speech.babble import babble
from tests.mova_core.speech.pyannote_parts import FIRST, write_embedding, write_plda, write_segmentation
from tests.mova_core.speech.tiny_whisper import write_tiny_whisper

SAID = Transcript(
    segments=(
        Segment(
            text="Hello. Hi.",
            start_s=0.2,
            end_s=1.8,
            words=(Word(text="Hello.", start_s=0.2, end_s=0.9), Word(text="Hi.", start_s=1.2, end_s=1.8)),
        ),
    )
)


@pytest.fixture(scope="module")
def voice():
    """Three seconds of a voice at 48 kHz."""
    return np.repeat(babble(3), 3)


def test_words_are_given_to_who_speaks_then(voice):
    recognizer = SpeechRecognizer(lambda audio: SAID, lambda audio: (Turn(0, 1, "A"), Turn(1, 3, "B")))
    transcript = recognizer.transcript(voice, 48_000)
    assert transcript.by_speaker == {"A": "Hello.", "B": "Hi."}
    assert recognizer.turns(voice, 48_000) == (Turn(0, 1, "A"), Turn(1, 3, "B"))


def test_where_nobody_speaks_no_model_is_asked():
    def never(audio):
        raise AssertionError("asked")

    recognizer = SpeechRecognizer(never, never)
    for audio in (np.zeros(48_000, np.float32), np.full(48_000, np.nan, np.float32), np.zeros(0, np.float32)):
        assert recognizer.transcript(audio, 48_000) == Transcript(segments=())
        assert recognizer.turns(audio, 48_000) == ()


def test_what_is_not_configured_is_told_with_what_to_set(voice, tmp_path):
    recognizer = SpeechRecognizer.configured(Params(), tmp_path)
    assert recognizer.transcript(voice, 48_000) is None and recognizer.turns(voice, 48_000) is None
    missing = ConfiguredSpeech.of(Params(), tmp_path).missing
    assert "MOVA_ASR_URL" in missing["transcriber"] and "speech.whisper" in missing["transcriber"]
    assert "weights.pyannote" in missing["diarizer"]
    assert SpeechRecognizer(lambda audio: SAID).transcript(voice, 48_000) == SAID


def stated(path):
    return {"path": str(path), "sha256": sha256_file(path)}


def test_an_endpoint_and_local_parts_of_pyannote(server, monkeypatch, tmp_path, voice):
    monkeypatch.setenv("MOVA_ASR_URL", server.url)
    monkeypatch.setenv("MOVA_ASR_MODEL", "some-asr")
    embedding, (transform, plda) = write_embedding(tmp_path / "embedding.safetensors"), write_plda(tmp_path)
    diarization = {"embedding": stated(embedding), "plda_transform": stated(transform), "plda": stated(plda)}
    weights = {"pyannote": stated(write_segmentation(tmp_path / "segmentation.safetensors", FIRST))}
    params = params_from({"weights": weights, "speech": {"language": "en", "diarization": diarization}})
    words = [{"word": "Hello", "start": 0.2, "end": 0.9}, {"word": "there", "start": 1.0, "end": 1.5}]
    server.answers = [Answer(json.dumps({"text": "Hello there", "words": words}).encode())]
    recognizer = SpeechRecognizer.configured(params, tmp_path)
    transcript = recognizer.transcript(voice, 48_000)
    assert transcript.by_speaker == {"SPEAKER_00": "Hello there"}
    assert server.asked[0]["language"] == "en" and len(server.asked) == 1
    server.answers = [Answer(b"overloaded", 400)]
    with pytest.raises(EndpointError, match="HTTP 400"):
        recognizer.transcript(-voice, 48_000)


def test_a_whisper_of_the_params_goes_before_an_endpoint(server, monkeypatch, tmp_path, voice):
    monkeypatch.setenv("MOVA_ASR_URL", server.url)
    monkeypatch.setenv("MOVA_ASR_MODEL", "some-asr")
    folder = write_tiny_whisper(tmp_path / "whisper", (0.2, " Hello.", 1.2))
    whisper = {"path": str(folder), "sha256": sha256_folder(folder)}
    recognizer = SpeechRecognizer.configured(params_from({"speech": {"whisper": whisper}}), tmp_path)
    assert recognizer.transcript(voice, 48_000).text == "Hello." and not server.asked
    wrong = params_from({"speech": {"whisper": whisper | {"sha256": "0" * 64}}})
    with pytest.raises(UsageError, match=r"speech\.whisper"):
        SpeechRecognizer.configured(wrong, tmp_path)
