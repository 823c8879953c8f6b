"""Which metrics can be measured of any clip at all, and why the others cannot."""

from collections.abc import Collection, Sequence
from importlib.util import find_spec

from mova_core.errors import UsageError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import Need
from mova_core.measures.clip import Asked
from mova_core.params import Params


def unavailable_metrics(lacking: Collection[Need], chosen: Collection[str], models: Collection[str]) -> dict[str, str]:
    """Metric -> why it cannot be measured in any clip.

    Args:
        lacking: what is not there.
        chosen: metrics that are measured of those that are by choice.
        models: names of those whose weights are configured.

    Raises:
        UsageError: a chosen one is not in the catalogue.
    """
    if unknown := sorted(set(chosen) - set(CATALOGUE)):
        raise UsageError(
            f"params evaluate.metrics names {', '.join(unknown)}, which is no metric: docs/metrics.md lists them"
        )
    reasons = {}
    for spec in CATALOGUE.values():
        need = next((need for need in spec.needs if need in lacking), None)
        absent = next((package for package in spec.packages if find_spec(package) is None), None)
        if need is not None:
            reasons[spec.name] = need.value
        elif spec.chosen and spec.name not in chosen:
            reasons[spec.name] = "it is not among params evaluate.metrics"
        elif spec.model is not None and spec.model not in models:
            reasons[spec.name] = f"params weights.{spec.model} is not configured"
        elif absent is not None:
            reasons[spec.name] = f"the package {absent} is not installed: pip install 'mova-mlops[metrics]'"
    return reasons


def lacking_needs(asked: Sequence[Asked], there: Collection[Need]) -> list[Need]:
    """What metrics may need that clips do not have.

    Args:
        asked: what each clip was asked to be.
        there: what there is besides.
    """
    told = {
        Need.KNOWN_EVENTS: all(each.label is not None for each in asked),
        Need.PROMPTS: any(each.prompt is not None for each in asked),
        Need.TRANSCRIPTS: any(each.speech is not None for each in asked),
    }
    return [need for need in Need if need not in there and not told.get(need, False)]


def chosen_metrics(params: Params) -> Collection[str]:
    """Metrics by choice that a phase is measured with: those that the params name, or else none for nano and all."""
    named = params.evaluate.metrics
    return named if named is not None else () if params.preset == "nano" else CATALOGUE
