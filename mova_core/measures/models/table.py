"""The contract of measures that need a model's weights, and the table of such models.

The user brings the weights: params `weights.NAME: {path, sha256}`. Without them the model's measures are
unavailable. With them an adapter (`MeasuringModel.load`) is loaded once a worker and asked clip by clip. Adding one is:
write it, name it in the table, add its test. A model whose adapter is not written is refused when configured, and so
are weights that are missing or not those of the sha256, all before anything is measured.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from mova_core.errors import UsageError
from mova_core.measures.clip import Clip, Measures
from mova_core.params import Weights, WeightsParams
from mova_core.storage.stated_file import check_stated_file

SUFFIX = ".safetensors"  # nothing from outside is unpickled


class Adapter(Protocol):
    """A loaded model."""

    def __call__(self, clip: Clip) -> Measures:
        """Each of the model's columns for one clip, or `Unavailable` with the reason; one thread, no randomness."""


@dataclass(frozen=True, slots=True)
class MeasuringModel:
    """A model that measures (`tables.py` says what).

    Args:
        about: what it is, for people.
        load: `module:function` from the path of its weights to an `Adapter`; None while it is not written.
        check: `module:function` that raises a UsageError where the path holds no weights of it.
    """

    about: str
    load: str | None = None
    check: str | None = None


MODELS: dict[str, MeasuringModel] = {
    "audiobox": MeasuringModel(
        "Audiobox-aesthetics",
        load="mova_core.measures.models.audiobox.adapter:load",
        check="mova_core.measures.models.audiobox.adapter:check",
    ),
    "dover": MeasuringModel("DOVER"),
    "imagebind": MeasuringModel(
        "ImageBind score",
        load="mova_core.measures.models.imagebind.adapter:load",
        check="mova_core.measures.models.imagebind.adapter:check",
    ),
    "synchformer": MeasuringModel(
        "Synchformer DeSync",
        load="mova_core.measures.models.synchformer.adapter:load",
        check="mova_core.measures.models.synchformer.adapter:check",
    ),
    "syncnet": MeasuringModel(
        "SyncNet LSE-D and LSE-C",
        load="mova_core.measures.models.syncnet.adapter:load",
        check="mova_core.measures.models.syncnet.adapter:check",
    ),
    "eat": MeasuringModel(
        "EAT audio tagger",
        load="mova_core.measures.models.eat.adapter:load",
        check="mova_core.measures.models.eat.adapter:check",
    ),
    "pyannote": MeasuringModel(
        "pyannote.audio's speaker segmentation",
        load="mova_core.measures.models.voices:load",
        check="mova_core.measures.models.voices:check",
    ),
    "panns": MeasuringModel(
        "PANNs Cnn14 audio tagger",
        load="mova_core.measures.models.panns.adapter:load",
        check="mova_core.measures.models.panns.adapter:check",
    ),
    "clap": MeasuringModel(
        "CLAP",
        load="mova_core.measures.models.clap:load",
        check="mova_core.measures.models.clap:check",
    ),
    "videomae": MeasuringModel(
        "VideoMAE",
        load="mova_core.measures.models.videomae:load",
        check="mova_core.measures.models.videomae:check",
    ),
}


@dataclass(frozen=True, slots=True)
class ConfiguredModel:
    """A model with weights whose sha256 was checked; travels to workers."""

    name: str
    path: str
    sha256: str
    load: str


def configured_models(weights: WeightsParams, names: Collection[str] = MODELS) -> tuple[ConfiguredModel, ...]:
    """Models that these params configure, checked, in the order of `MODELS`.

    Args:
        weights: path and sha256 of each.
        names: those that are wanted.

    Raises:
        UsageError: no adapter exists for one, or its file is missing, not safetensors or not the one of the sha256.
    """
    named = {name: each for name in MODELS if name in names and (each := getattr(weights, name)) is not None}
    for name in named:
        if MODELS[name].load is None:
            raise UsageError(
                f"params weights.{name} is configured, but this version has no adapter for {MODELS[name].about}:"
                " leave it out"
            )
    return tuple(_checked(name, each) for name, each in named.items())


def loaded(model: ConfiguredModel) -> Adapter:
    """The model's adapter, once a process."""
    return _adapter(model.load, model.path)


def _checked(name: str, weights: Weights) -> ConfiguredModel:
    key, path = f"params weights.{name}", Path(weights.path)
    check_stated_file(key, path, weights.sha256, SUFFIX)
    model = MODELS[name]
    if model.check is not None:
        _function(model.check)(path)
    assert model.load is not None
    return ConfiguredModel(name, str(path.resolve()), weights.sha256, model.load)


@cache
def _adapter(load: str, path: str) -> Adapter:
    make: Callable[[Path], Adapter] = _function(load)
    return make(Path(path))


def _function(named: str) -> Any:
    module, _, function = named.partition(":")
    return getattr(import_module(module), function)
