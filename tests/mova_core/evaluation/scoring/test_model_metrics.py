"""Every metric by a model with weights goes the whole way: from files and weights to values, reasons and counts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mova_core.curation.engine.base import Engine
from mova_core.errors import UsageError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.scoring.score import score
from mova_core.evaluation.scoring.scorer import Scorer
from mova_core.evaluation.scoring.videos import videos_of
from mova_core.measures.clip import Asked
from mova_core.measures.models.table import MODELS, MeasuringModel, configured_models
from mova_core.media.encode import write_media
from mova_core.params import Params, params_from
from mova_core.storage.hashing import sha256_file
from tests.mova_core.evaluation.scoring.tiny_models.written import NETWORKS, write_all

FPS, FRAMES, FEW_FRAMES, RATE_HZ = 25, 125, 20, 16_000
BY_MODEL = {name: spec for name, spec in CATALOGUE.items() if spec.model}
ASKED = {
    "bell": Asked(prompt="a bell rings", set="set1"),
    "dog": Asked(prompt="a dog barks", set="set3"),
    "mute": Asked(prompt="a bell", set="set3"),
    "silent": Asked(prompt="a dog", set="set1"),
}


def write_clip(path: Path, seed: int, frames: int, level: float | None = 0.2) -> None:
    rng = np.random.default_rng(seed)
    video = np.kron(rng.integers(0, 255, (frames, 6, 8, 3)), np.ones((1, 8, 8, 1))).astype(np.uint8)
    time_s = np.arange(frames * RATE_HZ // FPS) / RATE_HZ
    tone = np.sin(2 * np.pi * rng.uniform(200, 3000) * time_s) * (1 + np.sin(2 * np.pi * rng.uniform(1, 4) * time_s))
    audio = None if level is None else (level * tone).astype(np.float32)
    write_media(path, video, FPS, audio, RATE_HZ, video_options={"preset": "ultrafast"})


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for seed, name in enumerate(("bell", "dog")):
        write_clip(folder / f"{name}.mp4", seed, FRAMES)
    write_clip(folder / "mute.mp4", 2, FEW_FRAMES, level=None)
    write_clip(folder / "silent.mp4", 3, FEW_FRAMES, level=0.0)
    return folder


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    for seed in (4, 5):
        write_clip(folder / f"{seed}.mp4", seed, FEW_FRAMES)
    return folder


@pytest.fixture(scope="module")
def params(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Params]:
    """With weights for every model that a metric needs."""
    paths = write_all(tmp_path_factory.mktemp("weights"))
    weights = {name: {"path": str(path), "sha256": sha256_file(path)} for name, path in paths.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, module in NETWORKS.items():
            patch.setitem(MODELS, name, MeasuringModel(MODELS[name].about, module.__name__))
        yield params_from({"weights": weights, "evaluate": {"metrics": list(BY_MODEL), "bootstrap_samples": 20}})


@pytest.fixture(scope="module")
def metrics(
    params: Params, clips: Path, reference: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    scorer = Scorer.of(params, Engine(workers=1), tmp_path_factory.mktemp("cache"))
    result = score(scorer, clips, tmp_path_factory.mktemp("out"), asked=ASKED, against=reference)
    return dict(result["metrics"])


def test_every_model_but_that_of_voices_has_a_metric() -> None:
    assert {spec.model for spec in BY_MODEL.values()} == set(MODELS) - {"pyannote"}


@pytest.mark.parametrize("name", BY_MODEL)
def test_it_is_measured_and_lies_in_its_range(metrics: dict[str, dict[str, Any]], name: str) -> None:
    metric, (low, high) = metrics[name], BY_MODEL[name].range
    assert metric["unavailable"] is None
    assert low <= metric["value"] <= high
    if BY_MODEL[name].distribution is not None and metric["clips"] < 4:  # half of them make no distance
        assert (metric["low"], metric["high"]) == (None, None)
    else:
        assert low <= metric["low"] <= metric["value"] <= metric["high"] <= high


@pytest.mark.parametrize("name", BY_MODEL)
def test_clips_that_it_cannot_take_are_counted_with_their_reason(metrics: dict[str, dict[str, Any]], name: str) -> None:
    metric, spec = metrics[name], BY_MODEL[name]
    if spec.model == "videomae":  # it looks at the video alone, and needs 16 frames
        assert (metric["clips"], metric["of"], metric["missing"]) == (4, 4, {})
    elif spec.model == "dover":
        told = {"it has 20 frames, and the model needs 32": 2}
        assert (metric["clips"], metric["of"], metric["missing"]) == (2, 4, told)
    elif spec.only_set:  # set3 has no silent clip
        assert (metric["clips"], metric["of"], metric["missing"]) == (1, 2, {"it has no audio": 1})
    else:
        assert (metric["clips"], metric["of"]) == (2, 4)
        assert metric["missing"] == {"it has no audio": 1, "its audio is silent": 1}


def test_values_are_those_of_the_models(params: Params, metrics: dict[str, dict[str, Any]], clips: Path) -> None:
    from mova_core.evaluation.scoring.video_file import read_video
    from mova_core.measures.models.table import loaded

    models = {model.name: model for model in configured_models(params.weights, ("audiobox", "clap", "eat"))}
    for name, model, measure in (
        ("audiobox_pq", "audiobox", "audiobox_pq"),
        ("clap_score", "clap", "clap"),
        ("eat_speech", "eat", "eat_speech"),
    ):
        found = [loaded(models[model])(read_video(clips / f"{each}.mp4", ASKED[each])) for each in ("bell", "dog")]
        assert metrics[name]["value"] == pytest.approx(np.mean([each[measure] for each in found]), abs=1e-5)
        assert found[0] != found[1]


def test_what_nobody_gave_is_told(params: Params, clips: Path) -> None:
    scorer = Scorer.of(params, Engine())
    reasons = scorer.unavailable(videos_of(clips, None), compared=False)
    for name, spec in BY_MODEL.items():
        lacking = [need for need in (Need.PROMPTS, Need.REFERENCE) if need in spec.needs]
        assert reasons.get(name) == (lacking[0] if lacking else None)
    without = Scorer.of(params.model_copy(update={"weights": Params().weights}), Engine())
    reasons = without.unavailable(videos_of(clips, ASKED), compared=True)
    assert {name: reasons[name] for name in BY_MODEL} == {
        name: f"params weights.{spec.model} is not configured" for name, spec in BY_MODEL.items()
    }


@pytest.mark.parametrize("name", sorted({str(spec.model) for spec in BY_MODEL.values()}))
def test_wrong_weights_are_refused_before_anything_is_measured(params: Params, name: str) -> None:
    weights = getattr(params.weights, name)
    wrong = {name: {"path": weights.path, "sha256": "0" * 64}}
    with pytest.raises(
        UsageError, match=f"weights.{name}: .* has sha256 {weights.sha256}, expected {'0' * 64}"
    ) as told:
        Scorer.of(params_from({"weights": wrong}), Engine())
    assert told.value.exit_code == 2


def test_a_worker_holds_what_the_params_give_it() -> None:
    held = params_from({"engine": {"evaluate": {"memory_mb": 12_000}}})
    assert Scorer.of(held, Engine()).engine.resources.memory_mb == 12_000
