"""What is said in files is scored: by transcripts that are given, or by an endpoint, whose failure is tried again."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mova_core.cli.model.evaluate import evaluate
from mova_core.curation.engine.base import Engine
from mova_core.errors import UsageError
from mova_core.evaluation.scoring.files import CLIPS_FILE
from mova_core.evaluation.scoring.score import score
from mova_core.evaluation.scoring.scorer import Scorer
from mova_core.measures.clip import Asked
from mova_core.media.encode import write_media
from mova_core.params import params_from
from mova_core.speech.transcript import Segment, Transcript, written
from tests.mova_core.endpoints.model_server import Answer, ModelServer
from tests.mova_core.speech.babble import babble

PARAMS = params_from({"evaluate": {"metrics": ["cer", "cpcer", "der"], "bootstrap_samples": 20}})
SOON = {"Retry-After": "0"}


def said(*lines: tuple[str, str]) -> Transcript:
    return Transcript(segments=tuple(Segment(speaker=speaker, text=text) for speaker, text in lines))


ASKED = {name: Asked(speech=said(("A", "abcd"), ("B", "ef"))) for name in ("one", "two")}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips in which somebody speaks."""
    folder = tmp_path_factory.mktemp("clips")
    for seed, name in enumerate(("one", "two")):
        frames = np.random.default_rng(seed).integers(0, 255, (24, 32, 32, 3), np.uint8)
        write_media(folder / f"{name}.mp4", frames, 8, 0.9**seed * np.pad(babble(2), 8_000), 16_000)
    return folder


def scored(clips: Path, folder: Path, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Metrics and lines of the clips, with a cache that is kept from call to call."""
    out = folder / "out"
    found = score(Scorer.of(PARAMS, Engine(workers=1), folder / "cache"), clips, out, asked=ASKED, **more)
    return found["metrics"], [json.loads(line) for line in (out / CLIPS_FILE).read_text().splitlines()]


def test_given_transcripts_are_compared_with_what_was_asked(clips: Path, tmp_path: Path) -> None:
    given = {"one": said(("1", "ef"), ("2", "abcx"))}
    metrics, lines = scored(clips, tmp_path, transcripts=given)
    assert lines[0]["metrics"]["cpcer"] == [1, 6]
    assert (metrics["cpcer"]["value"], metrics["cpcer"]["clips"], metrics["cpcer"]["of"]) == (
        pytest.approx(1 / 6, abs=1e-6),
        1,
        2,
    )
    assert "MOVA_ASR_URL" in lines[1]["unavailable"]["cer"] and "weights.pyannote" in lines[1]["unavailable"]["cpcer"]
    assert "does not say when" in lines[0]["unavailable"]["der"]
    given = {"one": said(("1", "ef"), ("2", "abcd"))}
    assert scored(clips, tmp_path, transcripts=given)[0]["cpcer"]["value"] == 0  # another transcript is measured anew


def test_an_endpoint_that_fails_is_asked_again_at_the_next_run(
    clips: Path, tmp_path: Path, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOVA_ASR_URL", server.url)
    monkeypatch.setenv("MOVA_ASR_MODEL", "some-asr")
    right = Answer(json.dumps({"text": "abcd ef"}).encode())
    server.answers = [right, Answer(b"no", 401)]
    metrics, lines = scored(clips, tmp_path)
    assert (metrics["cer"]["value"], metrics["cer"]["clips"]) == (0, 1)
    assert "HTTP 401" in lines[1]["unavailable"]["cer"]
    server.answers = [right]
    before = len(server.asked)
    metrics, _ = scored(clips, tmp_path)
    assert metrics["cer"]["clips"] == 2 and len(server.asked) == before + 1
    scored(clips, tmp_path)
    assert len(server.asked) == before + 1


def test_transcripts_are_named_on_the_command_line(clips: Path, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "other.json").write_text(written(said(("1", "abcd"))))
    params = tmp_path / "params.yaml"
    params.write_text("evaluate: {metrics: [cer]}\n")
    with pytest.raises(UsageError, match=r"has a name of the transcripts, such as other\.mp4"):
        evaluate(videos=clips, transcripts=tmp_path / "given", params_file=params, out=tmp_path / "out")
    with pytest.raises(UsageError, match="--transcripts goes with --videos"):
        evaluate(phase="phase1", transcripts=tmp_path / "given", params_file=params)
