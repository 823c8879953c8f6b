"""What a metric may use besides the clip itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mova_core.evaluation.measuring.ratio_metric import COVERAGE
from mova_core.measures.clip import Clip
from mova_core.measures.models.table import Adapter, ConfiguredModel, loaded
from mova_core.speech.recognize import ConfiguredSpeech


@dataclass(frozen=True, slots=True)
class Context:
    """What clips are compared with, and the models that measure.

    Args:
        clips: reference clips (validation clips, or another folder's); [] if there are none.
        audible_above_lufs: loudness above which a clip counts as audible (params, `assess.lufs_above`).
        models: those whose weights are configured and checked, by their name in params `weights`.
        speech: the models that say who says what.
    """

    clips: list[Clip]
    audible_above_lufs: float
    models: Mapping[str, ConfiguredModel] = field(default_factory=dict)
    speech: ConfiguredSpeech = field(default_factory=ConfiguredSpeech)

    @property
    def measured_by(self) -> list[Any]:
        """What values of clips follow from besides the clips and the metrics: a part of the keys of kept values."""
        models = [[name, model.sha256] for name, model in sorted(self.models.items())]
        endpoint = None if self.speech.endpoint is None else [self.speech.endpoint.url, self.speech.endpoint.model]
        speech = [self.speech.params.model_dump(mode="json"), str(self.speech.parts), endpoint]
        return [models, speech, self.audible_above_lufs]

    def interval(self, feature: Callable[[Clip], float | None]) -> tuple[float, float] | None:
        """Where the middle 95 % of the reference clips that have a feature lie, ends included; None if none has it."""
        known = [value for clip in self.clips if (value := clip.get(feature)) is not None]
        if not known:
            return None
        outside = (1 - COVERAGE) / 2  # ends are values of clips: a count between two would leave out those of the fewer
        return (
            float(np.quantile(known, outside, method="lower")),
            float(np.quantile(known, 1 - outside, method="higher")),
        )

    def mean(self, feature: Callable[[Clip], float | None]) -> float | None:
        """Mean of a feature over the reference clips that have it; None if none has."""
        known = [value for clip in self.clips if (value := clip.get(feature)) is not None]
        return float(np.mean(known)) if known else None

    def adapter(self, name: str) -> Adapter:
        """A configured model, loaded once a process."""
        return loaded(self.models[name])
