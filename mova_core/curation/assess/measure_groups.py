"""Which measures there are beyond those always taken, which of them this run takes, and why the others are null.

A group is measured together and chosen by name in params `assess.measures`. A measure that no clip has is null for a
reason of the whole run, told here; one that a single clip lacks is null for a reason in that clip's row.
"""

from dataclasses import dataclass
from importlib.util import find_spec

from mova_core.curation.assess.model_measures import MODELS, ConfiguredModel, configured_models
from mova_core.errors import UsageError
from mova_core.params import MeasureGroup, Params

MEASURES = "mova_core.curation.assess.measures"
INSTALL = "pip install 'mova-mlops[metrics]'"


@dataclass(frozen=True, slots=True)
class Group:
    """Measures taken together.

    Args:
        columns: of table `verdicts`.
        module: what measures them.
        packages: imported by them and not among the least that this project needs.
    """

    columns: tuple[str, ...]
    module: str
    packages: tuple[str, ...] = ()

    @property
    def lacking(self) -> list[str]:
        """Packages that are not installed here."""
        return [package for package in self.packages if find_spec(package) is None]


ALWAYS = Group(
    ("silence_ratio", "bandwidth_hz", "lufs", "clipped_share", "black_share", "frozen_share", "motion", "noise_sd"),
    "mova_core.curation.assess.measure_clip",
)
GROUPS: dict[MeasureGroup, Group] = {
    "loudness": Group(("loudness_range_lu", "clipping_runs_hz"), f"{MEASURES}.ffmpeg_meters"),
    "look": Group(("brightness", "blur_px", "blocking"), f"{MEASURES}.ffmpeg_meters"),
    "flow": Group(("flow_speed",), f"{MEASURES}.optical_flow"),
    "sync": Group(
        ("av_align", "onset_lag_s"),
        f"{MEASURES}.sync",
        ("librosa",),
    ),
    "speech": Group(
        ("dnsmos_p808", "dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl"),
        f"{MEASURES}.speech_quality",
        ("speechmos", "librosa"),
    ),
    "text": Group(("text_share", "subtitle_share"), f"{MEASURES}.on_screen_text", ("rapidocr_onnxruntime",)),
}


@dataclass(frozen=True, slots=True)
class Measuring:
    """What a run measures of each clip, decided before it starts."""

    groups: tuple[MeasureGroup, ...] = ()
    models: tuple[ConfiguredModel, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that measure, for workers to import once."""
        chosen = (ALWAYS, *(GROUPS[name] for name in self.groups))
        return tuple(dict.fromkeys(group.module for group in chosen))


def measuring(params: Params) -> Measuring:
    """What these params ask for.

    Raises:
        UsageError: a group is named whose package is not installed, or a model's weights cannot be used.
    """
    models = configured_models(params.assess.weights)
    for name in params.assess.measures or ():
        if lacking := GROUPS[name].lacking:
            raise UsageError(
                f"params assess.measures names {name!r}, which needs the package {lacking[0]}, and it is not installed:"
                f" {INSTALL}, or leave {name!r} out"
            )
    return Measuring(tuple(name for name in wanted_groups(params) if not GROUPS[name].lacking), models)


def wanted_groups(params: Params) -> tuple[MeasureGroup, ...]:
    """Groups that the params name, or else those of the preset, in the order of `GROUPS`."""
    named = params.assess.measures
    if named is None:
        return () if params.preset == "nano" else tuple(GROUPS)
    return tuple(name for name in GROUPS if name in named)


def unavailable_measures(params: Params) -> dict[str, str]:
    """Measure -> why it is null for every clip of a run with these params; the others are measured."""
    wanted = wanted_groups(params)
    reasons: dict[str, str] = {}
    for name, group in GROUPS.items():
        if name not in wanted:
            reasons |= dict.fromkeys(group.columns, f"`{name}` is not among params assess.measures")
        elif group.lacking:
            reasons |= dict.fromkeys(group.columns, f"the package {group.lacking[0]} is not installed: {INSTALL}")
    for model_name, model in MODELS.items():
        if getattr(params.assess.weights, model_name) is None:
            reasons |= dict.fromkeys(model.columns, f"params assess.weights.{model_name} is not configured")
    return reasons
