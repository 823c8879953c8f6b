"""What a LoRA training is refused for in the first second, without torch."""

from pathlib import Path

import pytest

from mova_core.cli.model.train import train
from mova_core.errors import UsageError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with params, from which the test runs."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("train: {lora: {base: base}}\n")
    Path("models/lora/mine").mkdir(parents=True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "PHASE is missing: expected `mova train PHASE`, one of audio, phase1"),
        ({"phase": "phase3", "clips": Path("clips")}, "--clips goes with --lora NAME"),
        ({"lora": "a", "clips": Path("clips"), "out": Path("trial")}, "--out is trial, and --lora a writes to folders"),
        ({"lora": "a"}, "--lora a needs --clips DIR: a folder of video clips"),
        ({"lora": "../a", "clips": Path("clips")}, "--lora is '../a', expected a name of letters"),
        ({"lora": "kept", "clips": Path("clips")}, "but not kept"),
        ({"lora": "mine", "clips": Path("clips")}, "models/lora/mine is there and is no adapter"),
        ({"lora": "a", "clips": Path("clips"), "phase": "audio"}, "got phase audio: expected phase1 to 3"),
        ({"lora": "a", "clips": Path("clips")}, "base is not a model folder"),
    ],
)
def test_wrong_use(arguments, sentence):
    with pytest.raises(UsageError, match=sentence):
        train(**arguments)


def test_a_layout_that_cuts_the_model_is_refused():
    Path("params.yaml").write_text("train: {parallel: {shard: 2}}\n")
    with pytest.raises(UsageError, match="shard 2, context 1 and backend torch, and --lora trains copies"):
        train(lora="a", clips=Path("clips"))


def test_a_layer_that_is_not_there_is_refused_with_those_that_are():
    Path("params.yaml").write_text("train: {lora: {modules: [q, to_k]}}\n")
    with pytest.raises(
        UsageError, match=r"train\.lora\.modules\.1 is 'to_k': .*'q', 'k', 'v', 'o', 'ffn\.0' or 'ffn\.2'"
    ):
        train(lora="a", clips=Path("clips"))
