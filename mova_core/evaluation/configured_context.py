"""The models that measure, as params and the environment name them."""

from pathlib import Path

from mova_core.evaluation.measuring.context import Context
from mova_core.measures.models.table import configured_models
from mova_core.params import Params
from mova_core.speech.recognize import ConfiguredSpeech


def configured_context(params: Params, cache: Path) -> Context:
    """A context without reference clips.

    Args:
        params: `weights`, `speech`, `assess.lufs_above`.
        cache: folder of an endpoint's answers.

    Raises:
        UsageError: a model that is named cannot be used.
    """
    models = {model.name: model for model in configured_models(params.weights)}
    return Context([], params.assess.lufs_above, models, ConfiguredSpeech.of(params, cache))
