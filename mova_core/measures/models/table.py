"""The contract of measures that need a model's weights, and the table of such models.

The user brings the weights: params `weights.NAME: {path, sha256}`. Without them the model's measures are
unavailable. With them an adapter (`load` of the model's module) is made once a worker and asked clip by clip. Adding
one is: write it, name it in the table, add its test. Weights that are missing, not those of the sha256 or not the
model's (`check` of its module) are refused before anything is measured.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol

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
        module: has `check(path)`, which raises a UsageError where the path holds no weights of the model, and
            `load(path)`, which gives its `Adapter`.
        proven: by whom, and where, the adapter was seen to give published values with the published weights; None:
            by nobody yet.
    """

    about: str
    module: str
    proven: str | None = None


MODELS: dict[str, MeasuringModel] = {
    "audiobox": MeasuringModel("Audiobox-aesthetics", "mova_core.measures.models.audiobox.adapter"),
    "dover": MeasuringModel("DOVER", "mova_core.measures.models.dover.adapter"),
    "imagebind": MeasuringModel("ImageBind score", "mova_core.measures.models.imagebind.adapter"),
    "synchformer": MeasuringModel("Synchformer DeSync", "mova_core.measures.models.synchformer.adapter"),
    "syncnet": MeasuringModel("SyncNet LSE-D and LSE-C", "mova_core.measures.models.syncnet.adapter"),
    "eat": MeasuringModel("EAT audio tagger", "mova_core.measures.models.eat.adapter"),
    "pyannote": MeasuringModel("pyannote.audio's speaker segmentation", "mova_core.measures.models.voices"),
    "panns": MeasuringModel("PANNs Cnn14 audio tagger", "mova_core.measures.models.panns.adapter"),
    "clap": MeasuringModel("CLAP", "mova_core.measures.models.clap"),
    "videomae": MeasuringModel("VideoMAE", "mova_core.measures.models.videomae.adapter"),
}


@dataclass(frozen=True, slots=True)
class ConfiguredModel:
    """A model with weights whose sha256 was checked; travels to workers."""

    name: str
    path: str
    sha256: str
    module: str


def configured_models(weights: WeightsParams, names: Collection[str] = MODELS) -> tuple[ConfiguredModel, ...]:
    """Models that these params configure, checked, in the order of `MODELS`.

    Args:
        weights: path and sha256 of each.
        names: those that are wanted.

    Raises:
        UsageError: a file is missing, not safetensors, not the one of the sha256, or holds weights of something else.
    """
    named = {name: each for name in MODELS if name in names and (each := getattr(weights, name)) is not None}
    return tuple(_checked(name, each) for name, each in named.items())


def loaded(model: ConfiguredModel) -> Adapter:
    """The model's adapter, once a process."""
    return _adapter(model.module, model.path)


def _checked(name: str, weights: Weights) -> ConfiguredModel:
    key, path = f"params weights.{name}", Path(weights.path)
    check_stated_file(key, path, weights.sha256, SUFFIX)
    module = MODELS[name].module
    import_module(module).check(path)
    return ConfiguredModel(name, str(path.resolve()), weights.sha256, module)


@cache
def _adapter(module: str, path: str) -> Adapter:
    made: Adapter = import_module(module).load(Path(path))
    return made
