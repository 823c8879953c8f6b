"""What is served, and what a clip would take before it is asked for."""

import time

import sqlalchemy as sa
from fastapi.testclient import TestClient

from mova_core.registry.database.connection import writing
from mova_core.registry.database.tables import Job
from services.jobs import queue


def test_models_are_those_that_a_request_may_name(client: TestClient) -> None:
    names = [model["id"] for model in client.get("/v1/models").json()["data"]]
    assert names == ["mova"] and client.get("/v1/models/mova").json()["object"] == "model"
    assert client.get("/v1/models/sora-2").status_code == 404


def test_a_plan_is_measured_on_the_clips_made_before_and_queues_nothing(client: TestClient, engine: sa.Engine) -> None:
    asked = {"prompt": "a red ball", "steps": 4}
    unknown = client.post("/v1/videos/plan", json=asked).json()
    assert (unknown["expected_s"], unknown["waiting_s"], unknown["price"]) == (None, None, None)
    made = client.post("/v1/videos", json=asked).json()["id"]
    assert queue.claim(engine, "w", 60) is not None and queue.complete(engine, made, "w", outcome={})
    with writing(engine) as session:
        session.execute(sa.update(Job).values(claimed_at=time.time(), finished_at=time.time() + 2))
    waits = client.post("/v1/videos", json=asked | {"steps": 8}).json()
    plan = client.post("/v1/videos/plan", json=asked | {"steps": 12}).json()
    assert abs(plan["expected_s"] - 6) < 0.01 and abs(plan["waiting_s"] - 4) < 0.01
    assert [video["id"] for video in client.get("/v1/videos").json()["data"]] == [waits["id"], made]
    assert client.post("/v1/videos/plan", json={"prompt": ""}).status_code == 400
