"""A real transcription endpoint that misbehaves: what is said comes back with its times, or a sentence says why not."""

import io
import json
import wave

import numpy as np
import pytest

from mova_core.endpoints.post import Limits
from mova_core.errors import EndpointError
from mova_core.speech.endpoint_transcriber import EndpointTranscriber
from mova_core.speech.transcript import Segment, Transcript, Word
from mova_core.storage.result_cache import ResultCache
from tests.mova_core.endpoints.model_server import Answer

SOON = {"Retry-After": "0"}
AUDIO = np.sin(np.arange(32_000) / 20).astype(np.float32)  # 2 s
REFUSED = Answer(b'{"error": {"message": "verbose_json is not supported"}}', 400)


def answer(**values):
    return Answer(json.dumps(values).encode())


def timed(name, text, start, end):
    return {name: text, "start": start, "end": end}


VERBOSE = answer(
    task="transcribe",
    language="english",
    duration=2.0,
    text="Hello there. Hi.",
    segments=[timed("text", " Hello there.", 0.1, 1.0) | {"id": 0}, timed("text", " Hi.", 1.2, 9.0)],
    words=[timed("word", "Hello", 0.1, 0.5), timed("word", "there", 0.5, 1.0), timed("word", "Hi", 1.2, 1.1)],
)


@pytest.fixture
def transcriber(server, tmp_path):
    def make(limits=Limits(), **options):
        endpoint = server.endpoint("ASR", "sk-secret")
        return EndpointTranscriber(endpoint, ResultCache("transcripts", tmp_path), limits=limits, **options)

    return make


def failure(server, transcriber, *answers):
    server.answers = list(answers)
    with pytest.raises(EndpointError) as error:
        transcriber(AUDIO)
    assert server.url in str(error.value) and "\n" not in str(error.value) and "sk-secret" not in str(error.value)
    return str(error.value)


def test_words_come_back_with_their_times_inside_the_clip(server, transcriber):
    server.answers = [VERBOSE]
    assert transcriber()(AUDIO) == Transcript(
        language="english",
        segments=(
            Segment(
                text="Hello there.",
                start_s=0.1,
                end_s=1.0,
                words=(Word(text="Hello", start_s=0.1, end_s=0.5), Word(text="there", start_s=0.5, end_s=1.0)),
            ),
            Segment(text="Hi.", start_s=1.2, end_s=2.0, words=(Word(text="Hi", start_s=1.2, end_s=1.2),)),
        ),
    )


def test_what_is_sent_is_a_mono_wav_at_16_khz(server, transcriber):
    server.answers = [VERBOSE]
    transcriber(language="en")(AUDIO)
    (asked,) = server.asked
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"
    with wave.open(io.BytesIO(asked.pop("file"))) as sent:
        assert (sent.getframerate(), sent.getnchannels(), sent.getsampwidth()) == (16_000, 1, 2)
        samples = np.frombuffer(sent.readframes(100_000), "<i2") / 32767
    np.testing.assert_allclose(samples, AUDIO, atol=1e-4)
    assert asked == {
        "model": "some-asr",
        "response_format": "verbose_json",
        "temperature": "0",
        "language": "en",
        "timestamp_granularities[]": ["segment", "word"],
    }


def test_the_same_audio_is_asked_for_once(server, transcriber):
    server.answers = [VERBOSE]
    first = transcriber()(AUDIO)
    assert transcriber()(AUDIO) == first and len(server.asked) == 1
    transcriber()(-AUDIO)
    transcriber(language="en")(AUDIO)
    assert len(server.asked) == 3


def test_an_endpoint_that_only_writes_text_is_asked_for_that_from_then_on(server, transcriber):
    asking = transcriber()
    server.answers = [REFUSED, answer(text=" Hello\nthere. ")]
    assert asking(AUDIO) == Transcript(segments=(Segment(text="Hello there."),))
    assert asking(-AUDIO).text == "Hello there."
    assert [asked["response_format"] for asked in server.asked] == ["verbose_json", "json", "json"]


def test_words_without_segments_are_one_segment(server, transcriber):
    server.answers = [answer(text="Hello there", words=[timed("word", "Hello", 0, 1), timed("word", "there", 1, 1.5)])]
    (segment,) = transcriber()(AUDIO).segments
    assert segment.text == "Hello there" and segment.interval_s == (0, 1.5) and len(segment.words) == 2


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_said_is_an_empty_transcript(server, transcriber, text):
    server.answers = [answer(text=text, segments=[], words=[])]
    assert transcriber()(AUDIO) == Transcript(segments=())


def test_what_may_pass_is_tried_again(server, transcriber):
    server.answers = [Answer(b"busy", 503, SOON), Answer(b"busy", 429, SOON), VERBOSE]
    assert transcriber()(AUDIO).text == "Hello there. Hi."


@pytest.mark.parametrize("status", [401, 404])
def test_a_refusal_is_told_with_its_status_and_not_asked_in_another_form(server, transcriber, status):
    assert f"HTTP {status}" in failure(server, transcriber(), Answer(b"no", status))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe",
        b"{}",
        b'{"text": 3}',
        b'{"text": "a", "words": [{"word": "a"}]}',
        b'{"text": "a", "segments": [{"text": "a", "start": NaN, "end": 1}]}',
        b'{"text": "a", "segments": [{"text": "a", "start": 1e999, "end": 1}]}',
        b'{"text": "a", "segments": "a"}',
        b"[" * 100_000,
    ],
    ids=lambda body: body[:50].decode("latin-1") or "nothing",
)
def test_what_is_no_transcription_is_refused_and_not_kept(server, transcriber, body):
    assert "does not answer with a transcription" in failure(server, transcriber(), Answer(body))
    server.answers = [VERBOSE]
    assert transcriber()(AUDIO).text == "Hello there. Hi."


def test_limits_hold(server, transcriber):
    assert "more than 1000 bytes" in failure(server, transcriber(Limits(bytes=1000)), Answer(b"[" * 9000))
    assert "within 0.2 s" in failure(server, transcriber(Limits(seconds=0.2)), None)


def test_control_characters_do_not_reach_a_terminal(server, transcriber):
    server.answers = [answer(text="a\x1b[2Jb", language="e\x1bn")]
    transcript = transcriber()(AUDIO)
    assert transcript.text == "a\\x1b[2Jb" and transcript.language == "e\\x1bn"
