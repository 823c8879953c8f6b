"""Two tenants over every route that the application has: none sees, changes or crowds out the other's jobs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from httpx import Response

from mova_core.model.pretrained.index import FolderIndex
from mova_core.registry.database.connection import reading
from mova_core.registry.database.key_tables import KeyEvent
from mova_core.registry.database.tables import Job
from services.api.app import create_app
from services.jobs import queue, view
from services.jobs.results import result_path
from services.keys.keys import create_key, revoke_key
from services.requests.checker import RequestChecker
from services.requests.video_request import MODEL_NAME
from services.settings import ServiceSettings

UNKNOWN = view.new_id(1.0)
# A body for each route that takes one; VIDEO stands for a video's id.
BODIES: dict[str, dict[str, Any]] = {
    "/v1/videos": {"prompt": "a"},
    "/v1/videos/plan": {"prompt": "a"},
    "/v1/videos/{video_id}/remix": {"prompt": "a"},
    "/v1/videos/{video_id}/extend": {"prompt": "a", "seconds": "2"},
    "/v1/videos/{video_id}/edit": {"prompt": "a", "retake": "0.5:1"},
    "/v1/videos/extensions": {"prompt": "a", "seconds": "2", "video": "VIDEO"},
    "/v1/videos/edits": {"prompt": "a", "retake": "0.5:1", "video": "VIDEO"},
}
# Routes that tell of no job: a new route is either one of these, or names the video that it is about.
OF_NO_JOB = {"/openapi.json", "/v1/models", "/v1/models/{model_id}", "/v1/videos", "/v1/videos/plan"}


@dataclass(frozen=True)
class Tenants:
    """A client of the service, and headers of those who ask."""

    client: TestClient
    anna: dict[str, str]
    bert: dict[str, str]
    admin: dict[str, str]

    def ask(self, headers: dict[str, str], method: str, path: str, video_id: str = UNKNOWN) -> Response:
        """Send a request of a route, about a video."""
        body = {name: value.replace("VIDEO", video_id) for name, value in BODIES.get(path, {}).items()}
        url = path.replace("{video_id}", video_id).replace("{model_id}", MODEL_NAME)
        return self.client.request(method, url, headers=headers, json=body if method == "POST" and body else None)

    def made(self, headers: dict[str, str], **more: str) -> str:
        """Id of a new video of somebody."""
        answer = self.client.post("/v1/videos", json={"prompt": "a"}, headers=headers | more)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    def listed(self, headers: dict[str, str]) -> list[str]:
        """Ids that somebody is shown."""
        return [video["id"] for video in self.client.get("/v1/videos", headers=headers).json()["data"]]

    @property
    def routes(self) -> list[tuple[str, str]]:
        """Method and path of everything that is answered."""
        found = iter_route_contexts(self.client.app.routes)  # type: ignore[attr-defined]
        return [(method, str(route.path)) for route in found for method in sorted(route.methods or ())]


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.fixture
def tenants(engine: sa.Engine, client: TestClient) -> Tenants:
    anna, bert, admin = (
        bearer(create_key(engine, owner, scopes)[1])
        for owner, scopes in (("anna", ["create", "read"]), ("bert", ["create", "read"]), ("root", ["admin"]))
    )
    return Tenants(client, anna, bert, admin)


@pytest.fixture
def of_anna(tenants: Tenants, engine: sa.Engine, settings: ServiceSettings) -> list[str]:
    """Two videos of Anna: one completed, with its file, and one that waits."""
    done = tenants.made(tenants.anna)
    assert queue.claim(engine, "w", 60) is not None
    path = settings.root / result_path(done)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"a clip")
    assert queue.complete(engine, done, "w", result_path=result_path(done), result_sha256="0" * 64)
    return [done, tenants.made(tenants.anna)]


def rows(engine: sa.Engine) -> list[str]:
    with reading(engine) as session:
        return [str(row) for row in session.execute(sa.select(Job.__table__).order_by(Job.job_id))]


def test_no_route_answers_without_a_key_that_holds_and_nothing_is_queued(
    tenants: Tenants, engine: sa.Engine, of_anna: list[str]
) -> None:
    gone, token = create_key(engine, "anna", ["admin"])
    revoke_key(engine, gone.key_id)
    before = rows(engine)
    twice = [("authorization", tenants.anna["authorization"])] * 2
    for method, path in tenants.routes:
        for headers, code in (
            ({}, "missing_api_key"),
            (bearer("mova_" + "x" * 43), "invalid_api_key"),
            (bearer(token), "invalid_api_key"),
            ({"authorization": "Basic YTpi"}, "invalid_api_key"),
            (twice, "invalid_api_key"),
        ):
            answer = tenants.ask(headers, method, path, of_anna[0])  # type: ignore[arg-type]
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer", (method, path)
            assert method == "HEAD" or answer.json()["error"]["code"] == code, (method, path, answer.text)
            assert "x-request-id" in answer.headers
    assert rows(engine) == before
    with reading(engine) as session:
        details = session.scalars(sa.select(KeyEvent.detail).where(KeyEvent.event == "refused")).all()
    assert any("missing_api_key: GET '/v1/models' from" in detail for detail in details)
    assert not any("mova_" in detail for detail in details)


def test_what_a_path_holds_is_escaped_in_the_log(tenants: Tenants, engine: sa.Engine) -> None:
    assert tenants.client.get("/v1/%00a%0Ab").status_code == 401
    with reading(engine) as session:
        details = session.scalars(sa.select(KeyEvent.detail).where(KeyEvent.event == "refused")).all()
    assert details == [r"missing_api_key: GET '/v1/\x00a\nb' from testclient"]


def test_every_route_answers_about_a_foreign_video_as_about_an_unknown_one(
    tenants: Tenants, engine: sa.Engine, of_anna: list[str], settings: ServiceSettings
) -> None:
    before, asked = rows(engine), 0
    for method, path in tenants.routes:
        if path in OF_NO_JOB:
            continue
        assert "{video_id}" in path or "VIDEO" in BODIES.get(path, {}).values(), f"{path}: say what it is about"
        unknown = tenants.ask(tenants.bert, method, path)
        assert unknown.status_code == 404, (method, path, unknown.text)
        for video_id in of_anna:
            foreign = tenants.ask(tenants.bert, method, path, video_id)
            assert foreign.status_code == 404 and foreign.text.replace(video_id, UNKNOWN) == unknown.text
            asked += 1
    assert asked >= 20 and rows(engine) == before
    assert (settings.root / result_path(of_anna[0])).read_bytes() == b"a clip"


def test_lists_and_idempotency_keys_are_a_tenant_s_own_and_admin_sees_all(tenants: Tenants, of_anna: list[str]) -> None:
    assert tenants.listed(tenants.bert) == []
    key = {"Idempotency-Key": "one"}
    first, other = (tenants.made(headers, **key) for headers in (tenants.anna, tenants.bert))
    assert first != other and tenants.made(tenants.anna, **key) == first
    assert tenants.listed(tenants.bert) == [other]
    assert tenants.listed(tenants.anna) == [first, *of_anna[::-1]]
    assert tenants.listed(tenants.admin) == [other, first, *of_anna[::-1]]
    after = tenants.client.get("/v1/videos", params={"after": other}, headers=tenants.anna).json()["data"]
    assert [video["id"] for video in after] == [first, *of_anna[::-1]]
    assert tenants.client.get(f"/v1/videos/{other}", headers=tenants.admin).status_code == 200
    assert tenants.client.delete(f"/v1/videos/{of_anna[1]}", headers=tenants.admin).status_code == 200
    assert tenants.client.delete(f"/v1/videos/{of_anna[0]}", headers=tenants.anna).status_code == 200
    assert tenants.listed(tenants.anna) == [first]


def test_each_scope_opens_its_own_routes(tenants: Tenants, engine: sa.Engine) -> None:
    reads, creates = (bearer(create_key(engine, "anna", [scope])[1]) for scope in ("read", "create"))
    for method, path in tenants.routes:
        refused = creates if method in ("GET", "HEAD") else reads
        answer = tenants.ask(refused, method, path)
        assert answer.status_code == 403, (method, path)
        assert method == "HEAD" or answer.json()["error"]["code"] == "insufficient_scope"
        if path != "/v1/videos/{video_id}/events":
            allowed = tenants.ask(reads if refused is creates else creates, method, path)
            assert allowed.status_code not in (401, 403), (method, path)


def test_a_quota_refuses_its_own_owner_alone_and_a_smoke_header_does_not_get_round_it(
    tenants: Tenants, engine: sa.Engine
) -> None:
    few = bearer(create_key(engine, "few", ["create", "read"], quota=2)[1])
    ids = [tenants.made(few), tenants.made(few, **{"x-mova-smoke": "1"})]
    assert tenants.listed(few) == ids[::-1]
    for headers in (few, few | {"x-mova-smoke": "1"}):
        answer = tenants.client.post("/v1/videos", json={"prompt": "a"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "quota_exceeded")
        assert int(answer.headers["retry-after"]) > 0
    tenants.made(tenants.bert)
    tenants.client.post(f"/v1/videos/{ids[0]}/cancel", headers=few)
    tenants.made(few)


def test_jobs_of_before_the_first_key_are_seen_by_admin_alone(client: TestClient, engine: sa.Engine) -> None:
    before = client.post("/v1/videos", json={"prompt": "a"}).json()["id"]
    anna, admin = (bearer(create_key(engine, "anna", scopes)[1]) for scopes in (["create", "read"], ["admin"]))
    path = f"/v1/videos/{before}"
    assert [client.get(path, headers=headers).status_code for headers in ({}, anna, admin)] == [401, 404, 200]


@pytest.fixture
def exposed(engine: sa.Engine, settings: ServiceSettings, model_folder: Any) -> Iterator[list[TestClient]]:
    """Services without keys that others reach: by the settings, and by an address that the settings do not know of."""
    checker = RequestChecker(FolderIndex.read(model_folder), {MODEL_NAME}, max_seconds=10)
    wide = replace(settings, params=settings.params.model_copy(update={"host": "0.0.0.0"}))
    app = create_app(engine, checker, settings)
    yield [
        TestClient(create_app(engine, checker, wide), base_url=settings.url),
        TestClient(app, base_url="http://10.0.0.7"),
    ]


def test_without_keys_others_are_refused(exposed: list[TestClient]) -> None:
    for client in exposed:
        answer = client.post("/v1/videos", json={"prompt": "a"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "missing_api_key")
