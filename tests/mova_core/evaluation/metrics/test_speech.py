"""CER, WER, cpCER and DER of clips, from transcripts that were given or by models, or the reason why there is none."""

import numpy as np
import pytest

from mova_core.errors import EndpointError
from mova_core.evaluation.availability import unavailable_metrics
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import measure
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.metrics import speech
from mova_core.evaluation.metrics.speech import EMPTY, NOTHING_ASKED, cer, cpcer, der, wer
from mova_core.evaluation.specs.speech import SPEECH
from mova_core.measures.clip import Asked, Clip, Unavailable
from mova_core.params.evaluation import EvaluateParams
from mova_core.speech.recognize import ConfiguredSpeech, SpeechRecognizer
from mova_core.speech.transcript import Segment, Transcript
from mova_core.speech.turns import Turn

NAMES = tuple(spec.name for spec in SPEECH)
CONTEXT = Context([], -50)
ASKED = Transcript(
    segments=(
        Segment(text="Good morning.", speaker="A", start_s=0.0, end_s=1.0),
        Segment(text="Hello!", speaker="B", start_s=1.0, end_s=2.0),
    )
)


def said(*lines):
    return Transcript(segments=tuple(Segment(speaker=speaker, text=text) for speaker, text in lines))


def clip(asked=ASKED, transcript=None, audio=None):
    audio = 0.1 * np.random.default_rng(0).standard_normal(32_000) if audio is None else audio
    frames = np.zeros((4, 16, 16, 3), np.uint8)
    return Clip(frames, audio.astype(np.float32), 8.0, 16_000, asked=Asked(speech=asked), transcript=transcript)


def of(metric, one, context=CONTEXT):
    return metric(one, one, context)


@pytest.fixture
def models(monkeypatch):
    """Function that makes a context with these models, which counts how often they are asked."""

    def make(transcriber=None, diarizer=None):
        recognizer = SpeechRecognizer(transcriber, diarizer)
        monkeypatch.setattr(ConfiguredSpeech, "recognizer", lambda self: recognizer)
        missing = {"transcriber": transcriber, "diarizer": diarizer}
        monkeypatch.setattr(ConfiguredSpeech, "missing", {name: "none" for name, each in missing.items() if not each})
        monkeypatch.setattr("mova_core.speech.recognize.speech_in", lambda audio: [[0.0, 2.0]])
        return CONTEXT

    return make


def test_given_transcripts_need_no_model():
    right = clip(transcript=said(("1", "hello"), ("2", "good morning")))
    assert of(cpcer, right) == (0, 16)  # whoever is called what
    mixed = clip(transcript=said(("1", "good morning hello")))
    assert of(cer, mixed) == (0, 16) and of(wer, mixed) == (0, 3)
    assert of(cpcer, mixed) == (10, 16)  # B's five are missing, and A's are too many
    assert of(cer, clip(transcript=said())) == (16, 16)
    assert of(der, clip(transcript=ASKED)) == (0, 2)


def test_over_clips_errors_are_divided_by_lengths():
    clips = [clip(transcript=said(("2", "good morning"), ("1", "hello"))), clip(said(("A", "ab")), said(("1", "ax")))]
    clips.append(clip(asked=None, transcript=ASKED))
    section = EvaluateParams(bootstrap_samples=50)
    others = {name: "not asked" for name in CATALOGUE if name not in NAMES}
    found = measure(clips, CONTEXT, others, section).metrics
    assert found["cpcer"].value == found["cer"].value == pytest.approx(1 / 18)
    assert (found["cpcer"].clips, found["cpcer"].of) == (2, 3)
    assert found["cpcer"].missing == {NOTHING_ASKED.reason: 1}
    assert found["der"].clips == 0 and found["der"].unavailable


def test_a_model_is_asked_once_a_clip(models):
    asked = []

    def transcriber(audio):
        asked.append("words")
        return ASKED

    def diarizer(audio):
        asked.append("turns")
        return (Turn(0, 1, "x"), Turn(1, 2, "y"))

    context = models(transcriber, diarizer)
    one = clip()
    assert [of(metric, one, context) for metric in (cer, wer, cpcer, der)] == [(0, 16), (0, 3), (0, 16), (0, 2)]
    assert asked == ["words", "turns"]


def test_no_model_is_asked_in_vain(models):
    context = models(lambda audio: pytest.fail("asked"))
    assert isinstance(of(cpcer, clip(), context), Unavailable)


def test_an_endpoint_that_fails_in_a_clip_is_its_reason(models):
    def transcriber(audio):
        raise EndpointError("MOVA_ASR_URL http://host answers nonsense: start it")

    missing = of(cer, clip(), models(transcriber))
    assert missing == Unavailable("MOVA_ASR_URL http://host answers nonsense: start it", passing=True)


@pytest.mark.parametrize(
    ("metric", "one", "why"),
    [
        (cer, clip(), "MOVA_ASR_URL"),
        (wer, clip(), "params speech.whisper"),
        (cpcer, clip(), "weights.pyannote"),
        (der, clip(), "weights.pyannote"),
        (cpcer, clip(asked=said((None, "a")), transcript=ASKED), "its reference does not say of all words who"),
        (cpcer, clip(transcript=said((None, "a"))), "its transcript does not say of all words who"),
        (cpcer, clip(transcript=said(*((str(each), "a") for each in range(21)))), "21 speakers"),
        (der, clip(asked=said(("A", "a"))), "does not say when each speaker speaks"),
        (der, clip(transcript=said(("A", "a"))), "its transcript does not say when"),
    ],
)
def test_what_is_not_there_is_the_reason(metric, one, why):
    missing = of(metric, one)
    assert isinstance(missing, Unavailable) and why in missing.reason


@pytest.mark.parametrize("metric", [cer, wer, cpcer, der])
def test_without_a_reference_there_is_no_error_rate(metric):
    assert of(metric, clip(asked=None, transcript=ASKED)) == NOTHING_ASKED
    assert of(metric, clip(asked=said(), transcript=ASKED)) == EMPTY
    assert of(metric, clip(asked=said(("A", "…")), transcript=ASKED)) in (
        EMPTY,
        Unavailable("the suite does not say when each speaker speaks in it"),
    )


@pytest.mark.parametrize(("audio", "why"), [(np.zeros(0), "no audio"), (np.full(9, np.nan), "no numbers")])
def test_audio_that_cannot_be_heard_is_not_sent(models, audio, why):
    context = models(lambda audio: pytest.fail("asked"), lambda audio: pytest.fail("asked"))
    for metric in (cer, cpcer, der):
        assert why in of(metric, clip(audio=audio), context).reason


def test_a_suite_without_transcripts_is_the_reason_for_all():
    reasons = unavailable_metrics({Need.TRANSCRIPTS}, (), ())
    assert {reasons[name] for name in NAMES} == {Need.TRANSCRIPTS.value}
    assert speech.NOTHING_ASKED.reason != Need.TRANSCRIPTS.value
