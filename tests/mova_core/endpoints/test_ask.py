"""A real endpoint that misbehaves: an answer is checked, limited and kept, or refused in a sentence."""

import asyncio
import gzip
import json
import time

import pytest

from mova_core.endpoints.answer import LONGEST_TEXT, MOST_ITEMS
from mova_core.endpoints.ask import UnusableAnswer, ask, ask_async
from mova_core.endpoints.endpoint import Endpoint
from mova_core.endpoints.post import Limits
from mova_core.endpoints.rate_limit import RateLimit
from mova_core.errors import EndpointError
from mova_core.prompting.caption import CaptionRules, caption_question
from mova_core.storage.result_cache import ResultCache
from tests.mova_core.endpoints.model_server import Answer, caption, completion

QUESTION = caption_question("a kite", {}, CaptionRules(most_words=100))
GOOD = caption("A red kite climbs.")
SOON = {"Retry-After": "0"}


@pytest.fixture
def cache(tmp_path):
    return ResultCache("answers", tmp_path)


def failure(server, cache, *answers, limits=Limits()):
    """The sentence with which an endpoint's behaviour is refused."""
    server.answers = list(answers)
    with pytest.raises(EndpointError) as error:
        ask(server.endpoint(), QUESTION, cache, limits=limits)
    assert server.url in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


def unusable(server, cache, answer):
    """The sentence with which an answer is refused."""
    server.answers = [answer]
    with pytest.raises(UnusableAnswer) as error:
        ask(server.endpoint(), QUESTION, cache)
    return str(error.value)


def test_an_answer_is_what_the_schema_says(server, cache):
    server.answers = [GOOD]
    reply = ask(server.endpoint(), QUESTION, cache)
    assert reply.answer.visual == "A red kite climbs."
    (asked,) = server.asked
    assert asked["model"] == "some-llm"
    schema = asked["response_format"]["json_schema"]
    assert schema["strict"] and schema["schema"]["additionalProperties"] is False
    assert set(schema["schema"]["required"]) == {"visual", "dialogue", "sound"}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_what_may_pass_is_tried_again(server, cache, status):
    server.answers = [Answer(b"busy", status, SOON), GOOD]
    assert ask(server.endpoint(), QUESTION, cache).answer.visual == "A red kite climbs."
    assert len(server.asked) == 2


@pytest.mark.parametrize("attempts", [1, 3])
def test_attempts_have_a_limit(server, cache, attempts):
    told = failure(server, cache, Answer(b"out of memory", 500, SOON), limits=Limits(attempts=attempts))
    assert len(server.asked) == attempts
    assert f"{attempts} times" in told and "HTTP 500 out of memory" in told


def test_every_attempt_takes_a_turn_which_costs_no_time_of_the_question(server, cache):
    """Three turns at 300 a minute are 0.4 s, and the question has 0.3 s."""
    server.answers = [Answer(b"busy", 503, SOON), Answer(b"busy", 503, SOON), GOOD]
    begun = time.monotonic()
    asyncio.run(ask_async(server.endpoint(), QUESTION, cache, limits=Limits(seconds=0.3), rate=RateLimit(300)))
    assert time.monotonic() - begun >= 0.4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_will_not_pass_is_not_tried_again(server, cache, status):
    assert f"HTTP {status}" in failure(server, cache, Answer(b'{"error": "no"}', status))
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server, other_server, cache, status):
    other_server.answers = [GOOD]
    moved = Answer(b"", status, {"Location": other_server.url + "/chat/completions"})
    assert "redirect" in failure(server, cache, moved)
    assert not other_server.asked


def test_a_slow_answer_ends_at_the_limit(server, cache):
    assert "did not answer within 0.2 s" in failure(server, cache, None, limits=Limits(seconds=0.2))


def test_a_pause_that_the_server_asks_for_ends_at_the_limit(server, cache):
    told = failure(server, cache, Answer(b"", 429, {"Retry-After": "3600"}), limits=Limits(seconds=0.2))
    assert "0.2 s" in told and "HTTP 429" in told


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_huge_answer_is_not_read_to_its_end(server, cache, status):
    told = failure(server, cache, Answer(b"[" * 2_000_000, status), limits=Limits(bytes=1000))
    assert "more than 1000 bytes" in told
    assert len(server.asked) == 1


def test_a_compressed_answer_is_not_unpacked(server, cache):
    packed = Answer(gzip.compress(b" " * 10_000_000), headers={"Content-Encoding": "gzip"})
    assert "'gzip'" in failure(server, cache, packed)


@pytest.mark.parametrize("kind", ["text/html", "text/event-stream", "application/octet-stream", ""])
def test_another_content_type_is_refused(server, cache, kind):
    assert "content type" in failure(server, cache, Answer(GOOD.body, headers={"Content-Type": kind}))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe{}",
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": "hello"}]}',
        b'{"choices": [{"message": {"content": 3}}]}',
        b'{"choices": [{"message": {"content": [{"type": "text"}]}}]}',
        b"[" * 100_000,
    ],
    ids=lambda body: body[:50].decode("latin-1") or "nothing",
)
def test_what_is_no_completion_is_refused(server, cache, body):
    assert "does not answer with a chat completion" in failure(server, cache, Answer(body))


LINE = {"speaker": "A man", "manner": "says", "line": "Hi"}
WHOLE = {"visual": "A kite.", "dialogue": [], "sound": ""}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("A red kite climbs.", "JSON"),
        ("```json\n{}\n```", "JSON"),
        ("", "JSON"),
        ([], "object"),
        ({}, "visual"),
        (WHOLE | {"visual": ""}, "visual"),
        (WHOLE | {"visual": None}, "visual"),
        (WHOLE | {"visual": ["A kite."]}, "visual"),
        (WHOLE | {"more": 1}, "more"),
        (WHOLE | {"dialogue": [LINE | {"line": ""}]}, "dialogue.0.line"),
        (WHOLE | {"dialogue": [{"speaker": "A man", "line": "Hi"}]}, "dialogue.0.manner"),
        (WHOLE | {"dialogue": [LINE] * (MOST_ITEMS + 1)}, "items"),
        (WHOLE | {"sound": "w" * (LONGEST_TEXT + 1)}, "characters"),
        (WHOLE | {"sound": "wind\x1b[2J"}, "control character"),
    ],
)
def test_an_answer_of_another_schema_is_refused_and_not_kept(server, cache, content, told):
    sentence = unusable(server, cache, completion(content))
    assert told in sentence and "\x1b" not in sentence
    server.answers = [GOOD]
    assert ask(server.endpoint(), QUESTION, cache).answer.visual == "A red kite climbs."


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (completion(WHOLE, finish_reason="length"), "cut off"),
        (completion(WHOLE, finish_reason="content_filter"), "refusal"),
        (completion(None), "empty"),
        (completion(None, message={"role": "assistant", "content": None, "refusal": "No kites."}), "No kites."),
    ],
)
def test_an_answer_that_is_none_is_refused(server, cache, answer, told):
    assert told in unusable(server, cache, answer)


def test_an_accepted_answer_is_asked_for_once(server, cache):
    server.answers = [GOOD]
    first, again = (ask(server.endpoint(), QUESTION, cache) for _ in range(2))
    assert first == again and len(server.asked) == 1
    for question, model in (
        (caption_question("two kites", {}, CaptionRules(100)), "some-llm"),
        (caption_question("a kite", {}, CaptionRules(50)), "some-llm"),
        (QUESTION, "another-llm"),
    ):
        before = len(server.asked)
        ask(Endpoint("LLM", server.url, model), question, cache)
        assert len(server.asked) == before + 1


def test_an_answer_that_a_check_refuses_is_asked_for_again(server, cache):
    def never(answer):
        raise UnusableAnswer("it is too red")

    server.answers = [GOOD]
    for _ in range(2):
        with pytest.raises(UnusableAnswer, match="too red") as error:
            ask(server.endpoint(), QUESTION, cache, never)
        assert json.loads(error.value.text)["visual"] == "A red kite climbs."
    assert len(server.asked) == 2


def test_an_answer_that_a_new_rule_refuses_is_asked_for_again(server, cache):
    def no_red(answer):
        if "red" in answer.visual:
            raise UnusableAnswer("it is too red")

    server.answers = [GOOD, caption("A blue kite climbs.")]
    ask(server.endpoint(), QUESTION, cache)
    for _ in range(2):
        assert ask(server.endpoint(), QUESTION, cache, no_red).answer.visual == "A blue kite climbs."
    assert len(server.asked) == 2


def test_a_key_is_sent_and_never_told(server, cache):
    key = "sk-very-secret"
    server.answers = [Answer(f"key {key} is not known".encode(), 401)]
    with pytest.raises(EndpointError) as error:
        ask(server.endpoint(key=key), QUESTION, cache)
    assert server.headers[-1]["Authorization"] == f"Bearer {key}"
    assert key not in str(error.value) and key not in repr(server.endpoint(key=key))


def test_without_a_key_none_is_sent(server, cache, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "of-another-service")
    server.answers = [GOOD]
    ask(server.endpoint(), QUESTION, cache)
    assert "Authorization" not in server.headers[-1]
