"""The guidance that a clip's settings ask for."""

from collections.abc import Collection

from mova_core.errors import UsageError
from mova_core.flow_matching import PairSchedule
from mova_core.params.generate import Modality
from mova_core.sampling.guidance import Guidance, Scales
from mova_core.sampling.settings import MODALITIES, GenerateSettings


def guidance_of(settings: GenerateSettings) -> Guidance:
    """How clips of these settings are guided."""
    return Guidance(
        settings.bridge_guidance_scale,
        settings.text_guidance_scale,
        settings.bridge,
        {
            modality: Scales(settings.guidance_scale(modality, "bridge"), settings.guidance_scale(modality, "text"))
            for modality in MODALITIES
        },
        settings.guidance_sigma_min,
        settings.guidance_sigma_max,
        settings.guidance_rescale,
    )


def check_interval(settings: GenerateSettings, schedule: PairSchedule, generated: Collection[Modality]) -> None:
    """Refuse an interval of noise levels that no step has.

    Args:
        settings: of the clip.
        schedule: its noise levels.
        generated: modalities that are not given.

    Raises:
        UsageError: what is generated should be guided, and is at no step.
    """
    guidance = guidance_of(settings)
    guided = [modality for modality in generated if settings.is_guided(modality, settings.bridge)]
    levels = [level for modality in guided for level in schedule.sigmas[:, MODALITIES.index(modality)].tolist()]
    if levels and not any(map(guidance.acts_at, levels)):
        low, high = guidance.sigma_min, guidance.sigma_max
        nearest = min(levels, key=lambda level: max(low - level, level - high))
        raise UsageError(
            f"guidance_sigma_min is {low} and guidance_sigma_max {high}, and no step has a noise level between them, "
            f"the nearest is {nearest:.3g}: widen them, or leave them out"
        )
