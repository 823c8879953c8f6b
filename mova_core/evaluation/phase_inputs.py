"""What the models of a phase are evaluated with: the suite, validation clips, and what can be measured at all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mova_core.evaluation.availability import chosen_metrics, lacking_needs, unavailable_metrics
from mova_core.evaluation.loss_gains import StartLosses, start_losses
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.suites.suite import Suite, suite_for
from mova_core.evaluation.suites.validation import validation_clips
from mova_core.geometry import ClipGeometry
from mova_core.measures.clip import Asked
from mova_core.measures.models.table import configured_models
from mova_core.model.text.prompt import with_duration
from mova_core.params import Params
from mova_core.params.evaluation import EvaluateParams
from mova_core.training.preflight import Places
from mova_core.training.recipe import Phase


@dataclass(frozen=True, slots=True)
class PhaseInputs:
    """What every model of a phase is evaluated with, so that their numbers compare.

    Args:
        phase: which.
        params: all sections.
        places: where data and runs lie.
        suite: what is generated.
        context: validation clips, and models that measure.
        unavailable: metric -> why it cannot be measured.
        start: what the weights that the phase started from lose, or why that is not known.
    """

    phase: Phase
    params: Params
    places: Places
    suite: Suite
    context: Context
    unavailable: Mapping[str, str]
    start: StartLosses | str

    @classmethod
    def of(cls, phase: Phase, params: Params, places: Places) -> "PhaseInputs":
        """Those of the present params and tables; to be called inside `single_thread`.

        Raises:
            UsageError, StaleError, MovaError: see `suite_for` and `validation_clips`.
        """
        section, geometry = params.evaluate, phase.geometry(params)
        suite = suite_for(section, places.data)
        if not phase.joint:  # as the audio tower was trained
            prompts = tuple(with_duration(prompt, geometry.duration_s) for prompt in suite.prompts)
            suite = replace(suite, prompts=prompts)
        normalize = phase.params(params.train).normalize_loudness
        held_out = validation_clips(params, section, geometry, places.data, normalize_loudness=normalize)
        models = {model.name: model for model in configured_models(params.weights)}
        context = Context(held_out, params.assess.lufs_above, models)
        there = {Need.VIDEO} if phase.joint else set[Need]()
        if held_out:
            there |= {Need.VALIDATION_CLIPS, Need.REFERENCE}
        lacking = lacking_needs([*map(Asked, suite.prompts, suite.labels)], there)
        unavailable = unavailable_metrics(lacking, chosen_metrics(params), models) | suite.unknown_events()
        start = start_losses(phase, params, places)
        return cls(phase, params, places, suite, context, unavailable, start)

    @property
    def geometry(self) -> ClipGeometry:
        """Of the clips that the phase's models make."""
        return self.phase.geometry(self.params)

    @property
    def section(self) -> EvaluateParams:
        """How much is generated and measured."""
        return self.params.evaluate

    @property
    def small(self) -> "PhaseInputs":
        """The same with the small part of the suite that candidates are ranked by."""
        return replace(self, suite=self.suite.part(self.section.candidate_clips_per_class))
