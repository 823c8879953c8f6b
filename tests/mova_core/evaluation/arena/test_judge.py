"""A model as judge: both orders, what it is shown, and that its votes stay apart and are cast once."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from PIL import Image

from mova_core.endpoints.endpoint import Endpoint
from mova_core.errors import EndpointError, StaleError, UsageError
from mova_core.evaluation.arena.add import add
from mova_core.evaluation.arena.dimensions import DIMENSIONS
from mova_core.evaluation.arena.judge import judge
from mova_core.evaluation.arena.judge_frames import ClipFile, frames_of
from mova_core.evaluation.arena.judge_question import Verdict, agreed
from mova_core.evaluation.arena.results import results
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import ArenaBallot, ArenaClip
from mova_core.sampling.clip_file import write_clip
from mova_core.storage.hashing import sha256_file
from tests.mova_core.endpoints.model_server import Answer, ModelServer, completion
from tests.mova_core.evaluation.arena.conftest import GEOMETRY

WriteClip = Callable[[Path, int], Path]
Asked = dict[str, Any]


@pytest.fixture
def arena(engine: sa.Engine, tmp_path: Path, write_small_clip: WriteClip) -> sa.Engine:
    """Contender `dark` and contender `bright`, two prompts."""
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "a ball"}\n{"prompt": "a cube"}\n')
    for name, shade in (("dark", 40), ("bright", 200)):
        for number in range(2):
            write_small_clip(tmp_path / name / f"{number:05d}.mp4", shade + number)
        add(engine, name, tmp_path / name, prompts, tmp_path)
    return engine


def brightness(asked: Asked) -> list[float]:
    """Of the first and of the second clip that a request shows."""
    shown = []
    for message in asked["messages"]:
        if isinstance(message["content"], list):
            parts = [part["image_url"]["url"].partition(",")[2] for part in message["content"]]
            images = [np.asarray(Image.open(io.BytesIO(base64.b64decode(part)))) for part in parts]
            shown.append(float(np.mean(images)))
    return shown


def verdict(video_quality: str, prompt_following: str = "tie") -> Answer:
    return completion({"video_quality": video_quality, "prompt_following": prompt_following})


def prefers_bright(asked: Asked) -> Answer:
    first, second = brightness(asked)
    return verdict("first" if first > second else "second")


def model_votes(engine: sa.Engine) -> list[ArenaBallot]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(ArenaBallot).order_by(ArenaBallot.pair)))


def test_a_model_that_sees_a_difference_votes_for_it_in_both_orders(
    arena: sa.Engine, tmp_path: Path, server: ModelServer
) -> None:
    server.answers = [prefers_bright]
    told = judge(arena, tmp_path, server.endpoint("VLM"))
    assert (told["judged"], told["unusable"], len(server.asked)) == (2, [], 4)
    with reading(arena) as session:
        found = results(session, seed=0)
    record = found["judges"]["model"]["dimensions"]["video_quality"]["win_rates"]["bright"]["dark"]
    assert (record["wins"], record["ties"], record["losses"]) == (2, 0, 0)
    assert found["judges"]["human"]["votes"] == 0 and "Models as judges" in found["text"]
    assert found["judges"]["model"]["dimensions"]["audio_quality"]["votes"] == 0  # it gets no audio


def test_a_model_that_prefers_a_place_says_nothing(arena: sa.Engine, tmp_path: Path, server: ModelServer) -> None:
    server.answers = [verdict("first", "second")]
    judge(arena, tmp_path, server.endpoint("VLM"))
    assert [vote.choices for vote in model_votes(arena)] == [{"video_quality": "tie", "prompt_following": "tie"}] * 2


def test_what_was_judged_is_not_asked_again(arena: sa.Engine, tmp_path: Path, server: ModelServer) -> None:
    server.answers = [prefers_bright]
    judge(arena, tmp_path, server.endpoint("VLM"))
    assert judge(arena, tmp_path, server.endpoint("VLM"))["judged"] == 0
    assert len(server.asked) == 4 and len(model_votes(arena)) == 2


def test_an_answer_that_cannot_be_used_costs_its_pair_alone(
    arena: sa.Engine, tmp_path: Path, server: ModelServer
) -> None:
    server.answers = [completion({"video_quality": "A is better"}), prefers_bright]
    told = judge(arena, tmp_path, server.endpoint("VLM"))
    assert told["judged"] == 1 and len(told["unusable"]) == 1 and "no vote" in told["text"]
    assert judge(arena, tmp_path, server.endpoint("VLM"))["judged"] == 1  # later it is tried again


def test_an_endpoint_that_fails_ends_the_run_and_votes_stay(
    arena: sa.Engine, tmp_path: Path, server: ModelServer
) -> None:
    server.answers = [prefers_bright, prefers_bright, Answer(b"{}", 401)]
    with pytest.raises(EndpointError):
        judge(arena, tmp_path, server.endpoint("VLM"))
    assert len(model_votes(arena)) == 1


def test_the_text_reaches_the_model_as_data_and_no_contender_is_named(
    arena: sa.Engine, tmp_path: Path, server: ModelServer
) -> None:
    server.answers = [prefers_bright]
    judge(arena, tmp_path, server.endpoint("VLM"))
    for asked in server.asked:
        texts = [message["content"] for message in asked["messages"] if isinstance(message["content"], str)]
        assert json.loads(texts[1])["prompt"] in ("a ball", "a cube")
        assert "bright" not in json.dumps(texts) and "dark" not in json.dumps(texts)


def test_a_clip_that_was_altered_ends_the_run(arena: sa.Engine, tmp_path: Path, server: ModelServer) -> None:
    with reading(arena) as session:
        path = session.scalar(sa.select(ArenaClip.path))
    (tmp_path / str(path)).write_bytes(b"another clip")
    server.answers = [prefers_bright]
    with pytest.raises(StaleError, match="gone or was altered"):
        judge(arena, tmp_path, server.endpoint("VLM"))


def test_without_an_endpoint_the_variable_is_named(arena: sa.Engine, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="MOVA_VLM_URL is not set"):
        judge(arena, tmp_path, None)
    with pytest.raises(UsageError, match="cannot be reached"):
        judge(arena, tmp_path, Endpoint("VLM", "http://127.0.0.1:9/v1", "x"))


def test_frames_are_spread_over_the_clip_in_the_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "ramp.mp4"
    shades = np.linspace(0, 255, GEOMETRY.frames).astype(np.uint8)
    frames = np.broadcast_to(shades[:, None, None, None], (GEOMETRY.frames, 48, 48, 3)).copy()
    write_clip(path, frames, np.zeros(GEOMETRY.audio_samples, np.float32), GEOMETRY)
    jpegs = frames_of(ClipFile(path, sha256_file(path)))
    means = [float(np.mean(np.asarray(Image.open(io.BytesIO(jpeg))))) for jpeg in jpegs]
    assert len(means) == 4  # of two seconds: no fewer than four
    np.testing.assert_allclose(means, [255 / 8, 255 * 3 / 8, 255 * 5 / 8, 255 * 7 / 8], atol=6)


@pytest.mark.parametrize(
    ("one", "other", "choice"),
    [
        ("first", "second", "a"),
        ("second", "first", "b"),
        ("tie", "tie", "tie"),
        ("first", "first", "tie"),
        ("second", "tie", "tie"),
        ("tie", "first", "tie"),
    ],
)
def test_only_what_both_orders_agree_on_is_no_tie(one: Any, other: Any, choice: str) -> None:
    first = Verdict(video_quality=one, prompt_following="tie")
    second = Verdict(video_quality=other, prompt_following="tie")
    assert agreed(first, second) == {"video_quality": choice, "prompt_following": "tie"}


def test_a_verdict_is_about_dimensions_of_the_arena() -> None:
    assert set(Verdict.model_fields) < {one.name for one in DIMENSIONS}
