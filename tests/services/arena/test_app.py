"""The arena over HTTP: what a browser learns, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from mova_core.evaluation.arena.dimensions import DIMENSIONS
from mova_core.evaluation.arena.results import results
from mova_core.registry.arena.ballots import BALLOT_LASTS_S
from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.tables import ArenaBallot, ArenaClip
from services.arena.app import COOKIE, Limits, create_app
from services.arena.guard import MAX_BODY
from services.arena.rate_limit import TokenBuckets

HOST = "127.0.0.1:4300"
ORIGIN = f"http://{HOST}"
ALL_A = {"choices": {one.name: "a" for one in DIMENSIONS}}


@pytest.fixture
def limits() -> Limits:
    """Limits that no test meets by chance."""
    found = Limits()
    found.requests = found.sessions = found.votes = TokenBuckets(burst=1000, per_s=1)
    return found


@pytest.fixture
def app(engine: sa.Engine, root: Path, put_clips: Callable[..., None], limits: Limits) -> FastAPI:
    put_clips(lambda path, number: path.write_bytes(b"clip %d" % number * 500))
    return create_app(engine, root, [HOST], seed=3, limits=limits)


def browser(app: FastAPI) -> TestClient:
    """Another browser: no cookies yet."""
    return TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN})


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return browser(app)


def next_pair(client: TestClient) -> dict[str, Any]:
    answer = client.post("/api/pair", json={})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def cast(client: TestClient, ballot_id: str, body: Any = ALL_A, **more: Any) -> Response:
    return client.post(f"/api/pairs/{ballot_id}/vote", **({"json": body} | more))


def error(answer: Response, status: int) -> str:
    """The sentence of a refusal."""
    assert answer.status_code == status, answer.text
    sentence = answer.json()["error"]
    assert sentence and "\n" not in sentence
    return str(sentence)


def votes(engine: sa.Engine) -> list[ArenaBallot]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(ArenaBallot).where(ArenaBallot.voted_at.is_not(None))))


def test_a_session_votes_on_every_pair_once_and_is_then_done(client: TestClient, engine: sa.Engine) -> None:
    for voted in range(2):
        shown = next_pair(client)
        assert (shown["voted"], shown["pairs"]) == (voted, 2)
        assert cast(client, shown["pair"]).json() == {"voted": True}
    assert next_pair(client) == {"pair": None}
    assert len(votes(engine)) == 2 and len({ballot.pair for ballot in votes(engine)}) == 2


def test_a_vote_counts_for_the_contender_whose_clip_was_at_that_side(client: TestClient, engine: sa.Engine) -> None:
    ballot_id = next_pair(client)["pair"]
    clips = {side: client.get(f"/api/pairs/{ballot_id}/{side}").content for side in ("a", "b")}
    cast(client, ballot_id)
    with reading(engine) as session:
        ballot = session.get_one(ArenaBallot, ballot_id)
        at_a = session.get_one(ArenaClip, ballot.clip_a)
        assert clips["a"] == (b"clip %d" % (at_a.clip_id - 1)) * 500 != clips["b"]
        overall = results(session, seed=0)["judges"]["human"]["dimensions"]["overall"]
    assert max(overall["elo"], key=lambda name: overall["elo"][name]["value"]) == at_a.contender


def test_nothing_that_a_browser_gets_names_a_contender(client: TestClient) -> None:
    shown = client.post("/api/pair", json={})
    clip = client.get(f"/api/pairs/{shown.json()['pair']}/a")
    for answer in (client.get("/"), shown, clip):
        told = answer.text + str(answer.headers)
        assert "our checkpoint" not in told and "another model" not in told
    assert "content-disposition" not in clip.headers and "1970" in clip.headers["last-modified"]
    assert clip.headers["content-type"] == "video/mp4"


def test_clips_are_answered_in_ranges(client: TestClient) -> None:
    ballot_id = next_pair(client)["pair"]
    whole = client.get(f"/api/pairs/{ballot_id}/a")
    part = client.get(f"/api/pairs/{ballot_id}/a", headers={"range": "bytes=3-9"})
    assert (part.status_code, part.content) == (206, whole.content[3:10])


def test_the_page_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert policy.count("sha256-") == page.text.count("<style>") + page.text.count("<script>") == 3
    assert "http://" not in page.text.replace("http://www.w3.org", "") and "https://" not in page.text
    assert "style=" not in page.text  # which the policy would ignore


def test_the_cookie_is_kept_from_scripts_and_other_sites(client: TestClient) -> None:
    cookie = client.post("/api/pair", json={}).headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie
    assert "set-cookie" not in client.post("/api/pair", json={}).headers


def test_over_https_the_cookie_is_secure(app: FastAPI) -> None:
    client = TestClient(app, base_url=f"https://{HOST}", headers={"origin": f"https://{HOST}"})
    assert "secure" in client.post("/api/pair", json={}).headers["set-cookie"].lower()


def test_the_registry_does_not_hold_the_cookie(client: TestClient, engine: sa.Engine) -> None:
    cast(client, next_pair(client)["pair"])
    assert votes(engine)[0].session != client.cookies[COOKIE]


def test_a_second_vote_on_a_pair_is_refused(client: TestClient, engine: sa.Engine) -> None:
    ballot_id = next_pair(client)["pair"]
    cast(client, ballot_id)
    changed = {"choices": dict.fromkeys(ALL_A["choices"], "b")}
    assert "a vote is cast once" in error(cast(client, ballot_id, changed), 409)
    assert [ballot.choices for ballot in votes(engine)] == [ALL_A["choices"]]


def test_a_pair_belongs_to_the_session_that_it_was_shown_to(app: FastAPI, client: TestClient) -> None:
    ballot_id, other = next_pair(client)["pair"], browser(app)
    next_pair(other)
    for stranger in (other, browser(app)):
        assert "not yours" in error(cast(stranger, ballot_id), 404)
        assert "not yours" in error(stranger.get(f"/api/pairs/{ballot_id}/a"), 404)
    assert cast(client, ballot_id).status_code == 200


def test_unknown_and_expired_pairs_are_refused(client: TestClient, engine: sa.Engine) -> None:
    ballot_id = next_pair(client)["pair"]
    for unknown in ("x", "0" * 32, "%2e%2e%2fsecret"):
        assert cast(client, unknown).status_code == 404
    with writing(engine) as session:
        session.execute(sa.update(ArenaBallot).values(issued_at=ArenaBallot.issued_at - BALLOT_LASTS_S - 1))
    assert "ask for the next one" in error(cast(client, ballot_id), 410)
    assert votes(engine) == []


def test_a_cookie_that_nobody_was_given_is_replaced(client: TestClient) -> None:
    for made_up in ("x" * 43, "short", "é" * 3):
        client.cookies.clear()
        answer = client.post("/api/pair", json={}, headers={"cookie": f"{COOKIE}={made_up}".encode()})
        assert made_up not in answer.headers["set-cookie"]


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", f"http://{HOST}.evil.example", "http://[", ""])
def test_a_post_from_another_page_is_refused(app: FastAPI, origin: str | None) -> None:
    client = TestClient(app, base_url=ORIGIN, headers={} if origin is None else {"origin": origin})
    assert "only the arena's own page may vote" in error(client.post("/api/pair", json={}), 403)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", None])
def test_what_a_form_can_send_is_refused(client: TestClient, kind: str | None, engine: sa.Engine) -> None:
    ballot_id = next_pair(client)["pair"]
    headers = {"content-type": kind} if kind else {}
    assert "expected application/json" in error(cast(client, ballot_id, content=b"{}", json=None, headers=headers), 415)
    assert votes(engine) == []


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:9999", "127.0.0.1", "evil.example:4300", ""])
def test_another_host_is_refused(client: TestClient, host: str) -> None:
    for answer in (client.get("/", headers={"host": host}), client.post("/api/pair", json={}, headers={"host": host})):
        assert "open it as one of 127.0.0.1:4300" in error(answer, 421)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"choices": None},
        {"choices": {}},
        {"choices": {**ALL_A["choices"], "overall": "c"}},
        {"choices": {**ALL_A["choices"], "overall": 1}},
        {"choices": {**ALL_A["choices"], "taste": "a"}},
        {"choices": {name: choice for name, choice in ALL_A["choices"].items() if name != "overall"}},
        {**ALL_A, "contender": "our checkpoint"},
    ],
)
def test_a_vote_answers_exactly_the_five_questions(client: TestClient, body: Any, engine: sa.Engine) -> None:
    ballot_id = next_pair(client)["pair"]
    error(cast(client, ballot_id, body), 422)
    assert votes(engine) == []
    assert cast(client, ballot_id).status_code == 200  # nothing was used up


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 4000, b'{"choices": NaN}'])
def test_junk_is_refused_in_one_sentence(client: TestClient, body: bytes) -> None:
    ballot_id = next_pair(client)["pair"]
    answer = cast(client, ballot_id, content=body, json=None, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    error(answer, answer.status_code)


def test_a_long_body_is_refused(client: TestClient) -> None:
    ballot_id = next_pair(client)["pair"]
    json = {"content-type": "application/json"}
    assert "expected at most" in error(cast(client, ballot_id, json=None, content=b" " * 5000, headers=json), 413)
    chunks = (b" " * 1000 for _ in range(100))  # without a length
    assert "unknown number" in error(cast(client, ballot_id, json=None, content=chunks, headers=json), 413)
    assert MAX_BODY < 5000


def test_only_both_sides_of_a_ballot_are_files(client: TestClient, root: Path) -> None:
    (root / "secret").write_text("what nobody may read")
    ballot_id = next_pair(client)["pair"]
    for path in ("c", "..", "%2e%2e", "a%2f..%2f..%2fsecret", "../../../secret", "a/../../secret"):
        answer = client.get(f"/api/pairs/{ballot_id}/{path}")
        assert answer.status_code in (404, 422) and "nobody" not in answer.text


def test_a_clip_that_was_altered_or_is_gone_is_not_shown(client: TestClient, root: Path) -> None:
    ballot_id = next_pair(client)["pair"]
    for path in root.glob("*.mp4"):
        path.write_bytes(b"another clip")
    assert "gone or was altered" in error(client.get(f"/api/pairs/{ballot_id}/a"), 410)
    for path in root.glob("*.mp4"):
        path.unlink()
    assert "gone or was altered" in error(client.get(f"/api/pairs/{ballot_id}/b"), 410)


def test_a_session_may_not_vote_too_fast(client: TestClient, limits: Limits) -> None:
    ballot_id = next_pair(client)["pair"]
    limits.votes = TokenBuckets(burst=2, per_s=0.1, clock=lambda: 0.0)
    assert [cast(client, ballot_id).status_code for _ in range(3)] == [200, 409, 429]
    answer = cast(client, ballot_id)
    assert "wait 10 s" in error(answer, 429) and answer.headers["retry-after"] == "10"


def test_an_address_may_not_open_sessions_without_end(app: FastAPI, limits: Limits) -> None:
    limits.sessions = TokenBuckets(burst=2, per_s=0.1, clock=lambda: 0.0)
    assert [browser(app).post("/api/pair", json={}).status_code for _ in range(3)] == [200, 200, 429]


def test_an_address_may_not_ask_without_end(client: TestClient, limits: Limits) -> None:
    limits.requests = TokenBuckets(burst=2, per_s=0.1, clock=lambda: 0.0)
    assert [client.post("/api/pair", json={}).status_code for _ in range(3)] == [200, 200, 429]


def test_other_addresses_and_methods_answer_in_one_sentence(client: TestClient) -> None:
    assert "Not Found" in error(client.get("/docs"), 404)
    assert "Method Not Allowed" in error(client.put("/api/pair", json={}), 405)
