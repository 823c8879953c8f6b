"""Which measures there are beyond those always taken, which of them this run takes, and why the others are null.

A group is measured together and chosen by name in params `assess.measures`. A measure that no clip has is null for a
reason of the whole run, told here; one that a single clip lacks is null for a reason in that clip's row.
"""

from dataclasses import dataclass
from importlib.util import find_spec

from mova_core.curation.assess.phase_filters import check_allowed
from mova_core.curation.tables import measures_of
from mova_core.errors import UsageError
from mova_core.measures.models.table import MODELS, ConfiguredModel, configured_models
from mova_core.params import MeasureGroup, Params

MEASURES = "mova_core.measures"
INSTALL = "pip install 'mova-mlops[metrics]'"


@dataclass(frozen=True, slots=True)
class Group:
    """What takes the measures of one group (`tables.py` says which these are).

    Args:
        module: what measures them.
        packages: imported by it, and optional for this project.
    """

    module: str
    packages: tuple[str, ...] = ()

    @property
    def lacking(self) -> list[str]:
        """Packages that are not installed here."""
        return [package for package in self.packages if find_spec(package) is None]


ALWAYS = Group("mova_core.curation.assess.measure_clip")
GROUPS: dict[MeasureGroup, Group] = {
    "loudness": Group(f"{MEASURES}.ffmpeg_meters"),
    "look": Group(f"{MEASURES}.ffmpeg_meters"),
    "flow": Group(f"{MEASURES}.optical_flow"),
    "sync": Group(f"{MEASURES}.sync"),
    "speech": Group(f"{MEASURES}.speech_quality", ("speechmos", "librosa")),  # speechmos imports it, unused
    "text": Group(f"{MEASURES}.on_screen_text", ("rapidocr_onnxruntime",)),
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
        UsageError: a group is named whose package is not installed, a model's weights cannot be used, or
            `allow_unavailable` names what no filter needs.
    """
    check_allowed(params.assess)
    models = configured_models(params.weights, [name for name in MODELS if measures_of(name)])
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
            reasons |= dict.fromkeys(measures_of(name), f"`{name}` is not among params assess.measures")
        elif group.lacking:
            reasons |= dict.fromkeys(measures_of(name), f"the package {group.lacking[0]} is not installed: {INSTALL}")
    for model_name in MODELS:
        if getattr(params.weights, model_name) is None:
            reasons |= dict.fromkeys(measures_of(model_name), f"params weights.{model_name} is not configured")
    return reasons
