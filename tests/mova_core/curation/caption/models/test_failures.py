"""A clip whose caption fails keeps its template and says why; what is gone stops the run, which goes on later."""

import threading
import time
from dataclasses import replace

import pytest

from mova_core.curation.caption.models.captioner import Captioner
from mova_core.endpoints.post import Limits
from mova_core.errors import EndpointError, StaleError, UsageError
from mova_core.params import params_from
from mova_core.ports import free_port
from tests.mova_core.curation.caption.models.clips_to_caption import MODELS, about, asked, captions, merged, visual
from tests.mova_core.endpoints.model_server import Answer, completion

GOOD = visual("A man waves.")
SOON = {"Retry-After": "0"}
ONE_BY_ONE = {"at_once": 1}
TEMPLATE = "Landscape video, one shot, with movement. Loud sound."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(b"out of memory", 500, SOON), "failed 3 times (last: HTTP 500 out of memory)"),
        (Answer(b"slow down", 429, SOON), "HTTP 429 slow down"),
        (Answer(b"no such image", 400), "refuses the request: HTTP 400 no such image"),
        (Answer(b"<html>", headers={"Content-Type": "text/html"}), "content type 'text/html'"),
        (Answer(b"", 302, {"Location": "http://elsewhere.invalid/"}), "redirect"),
        (Answer(b"[" * 300_000), "more than 262144 bytes"),
        (Answer(b'{"choices": ['), "does not answer with a chat completion"),
        (None, "did not answer within 2 s"),
        (completion({"visual": "A man"}), "not of the schema visual_description"),
        (completion('{"visual": "A man wav', finish_reason="length"), "cut off"),
        (completion(None, message={"role": "assistant", "content": None, "refusal": "I will not."}), "I will not."),
        (visual("At 0:03 a man waves."), "it tells a time, '0:03'"),
        (visual('A sign reads "EXIT".'), "it quotes 'EXIT'"),
        (visual("See http://evil.example/ for more."), "expected prose"),
    ],
)
def test_a_clip_keeps_its_template_and_says_why(run, models, data, monkeypatch, answer, reason):
    if answer is None:
        made = Captioner.from_environment
        slow = Limits(seconds=2.0)
        monkeypatch.setattr(Captioner, "from_environment", lambda *given: replace(made(*given), limits=slow))
    models.visual_description = about("b", answer, GOOD)
    summary = run(requests=ONE_BY_ONE)
    rows = captions(data)
    failed = rows["b"]
    assert (failed["kind"], failed["merged"], failed["model"]) == ("template", TEMPLATE, None)
    assert reason in failed["fallback_reason"] and "\n" not in failed["fallback_reason"]
    assert [rows[clip]["kind"] for clip in "ac"] == ["model", "model"]
    assert (summary["model"], summary["fallback"]) == (2, 1) and failed["fallback_reason"] in summary["text"]


@pytest.mark.parametrize("status", [429, 503])
def test_what_may_pass_is_tried_again(run, models, server, status):
    tries = []

    def answers(body):
        tries.append(body)
        return Answer(b"busy", status, SOON) if len(tries) == 1 else GOOD

    models.visual_description = answers
    assert run()["fallback"] == 0 and len(asked(server, "visual_description")) == 4


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (completion({"sound": 'A man says "hello".'}), "it quotes"),
        (completion({"sound": "A knock after two seconds."}), "it tells a time"),
    ],
)
def test_so_does_one_whose_audio_is_described_against_the_rules(run, models, data, answer, reason):
    models.sound_description = about("b", answer, completion({"sound": "Wind."}))
    run(requests=ONE_BY_ONE)
    assert reason in captions(data)["b"]["fallback_reason"] and captions(data)["a"]["kind"] == "model"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (merged("A man waves.", "Hello!"), "it quotes"),
        (merged('A man waves and says "hello".'), "it quotes"),
        (merged("A man waves for two seconds."), "it tells a time"),
        (merged("word " * 251), "253 words"),
    ],
)
def test_so_does_one_whose_merged_caption_breaks_a_rule(run, models, data, answer, reason):
    models.merged_caption = answer
    assert run()["fallback"] == 3
    assert all(reason in row["fallback_reason"] for row in captions(data).values())


def test_a_failure_is_asked_again_and_nothing_else(run, models, server, data):
    models.visual_description = about("b", Answer(b"out of memory", 500, SOON), GOOD)
    run(requests=ONE_BY_ONE)
    models.visual_description = GOOD
    before = len(server.asked)
    assert run()["fallback"] == 0
    assert [row["kind"] for row in captions(data).values()] == ["model"] * 3
    assert len(server.asked) - before == 2  # its video, its audio; the merge of equal tracks is known from the others


def test_a_rerun_asks_nothing_and_gives_the_same_bytes(run, server, data):
    run()
    first, before = data.table("captions").read_bytes(), len(server.asked)
    run(requests=ONE_BY_ONE)
    assert data.table("captions").read_bytes() == first and len(server.asked) == before


def test_an_endpoint_that_is_gone_stops_the_run_which_goes_on_later(run, models, server, data):
    gone, there = Answer(b"who are you", 401), server.models
    answers = about("b", gone, GOOD)

    def until_it_is_gone(body):
        answer = answers(body)
        server.models = gone if answer is gone else there
        return answer

    models.visual_description = until_it_is_gone
    with pytest.raises(EndpointError, match=r"refuses the key .* run again to go on"):
        run(requests=ONE_BY_ONE)
    assert not data.table("captions").exists()
    models.visual_description, server.models = GOOD, there
    before = len(asked(server, "visual_description"))
    assert run()["model"] == 3
    assert len(asked(server, "visual_description")) - before == 2  # the first clip is done


def test_a_clip_that_is_not_the_one_that_was_cut_stops_the_run(run, data):
    (data.clips / "b.mp4").write_bytes(b"another")
    with pytest.raises(StaleError, match="run `mova cut` again"):
        run()


def test_as_many_clips_are_asked_about_at_once_as_params_say(run, models):
    together = threading.Barrier(3, timeout=5)

    def answers(body):
        together.wait()
        return GOOD

    models.visual_description = answers
    assert run(requests={"at_once": 3})["model"] == 3


def test_no_more_clips_are_asked_about_at_once_than_params_say(run, models):
    inside, most = [], []

    def answers(body):
        inside.append(body)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return GOOD

    models.visual_description = answers
    run(requests=ONE_BY_ONE)
    assert max(most) == 1


def test_requests_to_an_endpoint_are_spaced_as_params_say(run, server):
    begun = time.monotonic()
    run(requests={"at_once": 3, "per_minute": 600})
    assert time.monotonic() - begun >= (len(server.asked) - 1) * 0.1


def test_an_endpoint_that_nobody_answers_at_is_refused_in_a_second(run, monkeypatch, data):
    monkeypatch.setenv("MOVA_ALM_URL", f"http://127.0.0.1:{free_port()}/v1")
    begun = time.monotonic()
    with pytest.raises(UsageError, match=r"MOVA_ALM_URL http://\S+ cannot be reached"):
        run()
    assert time.monotonic() - begun < 1 and not data.table("captions").exists()


def test_an_endpoint_that_the_environment_does_not_name_is_refused(run, monkeypatch):
    monkeypatch.delenv("MOVA_VLM_URL")
    with pytest.raises(UsageError, match="MOVA_VLM_URL is not set"):
        run()


def test_another_model_than_params_name_is_refused(run, monkeypatch):
    monkeypatch.setenv("MOVA_LLM_MODEL", "another")
    with pytest.raises(UsageError, match="'some-llm', and MOVA_LLM_MODEL is 'another'"):
        run()


@pytest.mark.parametrize("name", ["vlm", "llm"])
def test_params_name_the_models_that_are_needed(name):
    with pytest.raises(UsageError, match=f"models.{name} names none"):
        params_from({"caption": {"kind": "model", "models": MODELS | {name: None}}})


@pytest.mark.parametrize("key", ["ocr", "VLM"])
def test_an_unknown_model_is_refused(key):
    with pytest.raises(UsageError, match=key):
        params_from({"caption": {"models": {key: "some"}}})
