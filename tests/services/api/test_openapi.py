"""/openapi.json is what the API does: requests made from it alone, and answers compared with it."""

from collections import Counter
from typing import Any

import hypothesis
import schemathesis
import sqlalchemy as sa
from fastapi.testclient import TestClient
from schemathesis.checks import CHECKS

from services.keys.keys import create_key

EXAMPLES = 12  # of each operation
# A path of theirs may hold what is no path any more, and they take a refused field for one that should be taken.
SEEDED = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(hypothesis.HealthCheck),
)
LEFT_OUT = {"unsupported_method", "positive_data_acceptance", "ignored_auth"}


def test_requests_made_from_the_description_are_answered_as_it_says(client: TestClient, engine: sa.Engine) -> None:
    _, token = create_key(engine, "anna", ["create", "read"])
    headers = {"host": "localhost", "authorization": f"Bearer {token}"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app, headers=headers)
    checks = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    answered: Counter[int] = Counter()
    for result in schema.get_all_operations():
        operation = result.ok()

        @hypothesis.settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(headers=headers)
            case.validate_response(answer, checks=checks)
            answered[answer.status_code] += 1

        ask()
    assert {200, 201, 400, 404} <= set(answered) and max(answered) < 500


def test_every_example_of_a_body_is_taken(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path, operations in paths.items():
        for operation in operations.values():
            described = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if described is None or "{" in path:
                continue
            for example in described["examples"].values():
                answer = client.post(path, json=example["value"])
                expected = (404,) if "video" in example["value"] else (200, 201)  # its id names no video here
                assert answer.status_code in expected, (path, answer.text)


def test_every_object_and_field_is_described_without_a_reference_to_nothing(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in str(schema)
    fields = schema["paths"]["/v1/videos"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert {"prompt", "seconds", "size", "input_reference", "seed", "steps", "text_guidance_scale"} <= set(fields)
    assert all(field.get("description") for field in fields.values())
    assert schema["paths"]["/v1/videos"]["post"]["requestBody"]["content"]["multipart/form-data"]["examples"]
