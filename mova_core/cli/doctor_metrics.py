"""`mova doctor --metrics`: each metric of the catalogue, whether it can be taken here, and by which weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mova_core.cli.doctor_checks import State
from mova_core.errors import MovaError
from mova_core.evaluation.availability import chosen_metrics, unavailable_metrics
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import MetricSpec, Need
from mova_core.evaluation.metrics_page import NEEDS
from mova_core.measures.models.table import MODELS, configured_models
from mova_core.params import Params, Weights, WeightsParams
from mova_core.places import RESULT_CACHE
from mova_core.speech.recognize import ConfiguredSpeech
from mova_core.storage.hashing import sha256_file

NOT_CHOSEN = "it is not taken after a phase: name it in evaluate.metrics (mova evaluate --videos takes it)"
NOT_NAMED = "params evaluate.metrics does not name it"


@dataclass(frozen=True, slots=True)
class WeightsFinding:
    """Weights that the params state.

    Args:
        path: of their file.
        sha256_expected: as the params state it.
        sha256_found: of the file; None where there is none.
        refused: why they cannot be used; None where they can.
    """

    path: str
    sha256_expected: str
    sha256_found: str | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class MetricFinding:
    """One metric of the catalogue.

    Args:
        spec: its entry.
        state: `works`; `off`: it could be taken, and the params do not ask for it; `missing`: it cannot be taken.
        why: why it is off or missing, and what enables it; of one that works, what it is limited to; or "".
        weights: of its model, where the params state them.
    """

    spec: MetricSpec
    state: State
    why: str
    weights: WeightsFinding | None

    @property
    def off(self) -> bool:
        return self.state == "off"

    @property
    def proven(self) -> str | None:
        """Who has seen it give published values with published weights, "no" where nobody has, None without a model."""
        return None if self.spec.model is None else MODELS[self.spec.model].proven or "no"

    @property
    def needs(self) -> list[str]:
        """What it needs, for people."""
        needs = [NEEDS[need] for need in self.spec.needs]
        needs += [f"weights of {self.spec.model}"] if self.spec.model else []
        return needs + [f"package {package}" for package in self.spec.packages]


def examine_metrics(params: Params) -> list[MetricFinding]:
    """Every metric of the catalogue, in its order.

    Raises:
        UsageError: `evaluate.metrics` names one that the catalogue does not have.
    """
    weights = _weights(params.weights)
    usable = [model for model, found in weights.items() if found.refused is None]
    missing = unavailable_metrics((), CATALOGUE, usable)
    refused = {model: found.refused for model, found in weights.items() if found.refused is not None}
    missing |= {name: refused[spec.model] for name, spec in CATALOGUE.items() if spec.model in refused}
    off = unavailable_metrics((), chosen_metrics(params), usable).keys() - missing
    given_only = _given_transcripts_only(params)
    findings = []
    for name, spec in CATALOGUE.items():
        of_model = weights.get(spec.model or "")
        if name in missing:
            findings.append(MetricFinding(spec, "missing", missing[name], of_model))
        elif name in off:
            why = NOT_CHOSEN if params.evaluate.metrics is None else NOT_NAMED
            findings.append(MetricFinding(spec, "off", why, of_model))
        else:
            limited = given_only if Need.TRANSCRIPTS in spec.needs else ""
            findings.append(MetricFinding(spec, "works", limited, of_model))
    return findings


def as_json(finding: MetricFinding) -> dict[str, object]:
    """A finding as `--json` gives it; without a model, `weights` and `proven` are null."""
    spec, weights = finding.spec, finding.weights
    return {
        "metric": spec.name,
        "version": spec.version,
        "state": finding.state,
        "why": finding.why or None,
        "needs": finding.needs,
        "model": spec.model,
        "weights": None
        if weights is None
        else {
            "path": weights.path,
            "sha256_expected": weights.sha256_expected,
            "sha256_found": weights.sha256_found,
        },
        "proven_with_published_weights": finding.proven,
    }


def told(findings: Sequence[MetricFinding]) -> str:
    """The findings for a terminal: a line a metric, what is to be said under it; at the end, once, why some are off."""
    wide = max(len(each.spec.name) for each in findings)
    lines = []
    for each in findings:
        needs = f"  needs {', '.join(each.needs)}" if each.needs else ""
        lines.append(f"{each.state:<9}{each.spec.name:<{wide}}  version {each.spec.version}{needs}")
        lines += [f"{'':<{9 + wide}}  {line}" for line in _under(each)]
    return "\n".join([*lines, *(f"off: {why}" for why in dict.fromkeys(each.why for each in findings if each.off))])


def _under(finding: MetricFinding) -> list[str]:
    lines = [finding.why] if finding.why and not finding.off else []
    if finding.weights is not None:
        lines.append(f"weights: {finding.weights.path}")
        lines.append(f"sha256 expected: {finding.weights.sha256_expected}")
        lines.append(f"sha256 found:    {finding.weights.sha256_found or 'there is no such file'}")
    return lines if finding.proven is None else [*lines, f"proven with published weights: {finding.proven}"]


def _weights(section: WeightsParams) -> Mapping[str, WeightsFinding]:
    """What the params state of each model, and what is there."""
    stated: dict[str, Weights | None] = {model: getattr(section, model) for model in MODELS}
    return {model: _examined(model, weights) for model, weights in stated.items() if weights is not None}


def _examined(model: str, weights: Weights) -> WeightsFinding:
    path = Path(weights.path)
    try:
        (found,) = configured_models(WeightsParams(**{model: weights}))
    except MovaError as error:
        sha256 = sha256_file(path) if path.is_file() else None
        return WeightsFinding(weights.path, weights.sha256, sha256, str(error))
    return WeightsFinding(weights.path, weights.sha256, found.sha256, None)


def _given_transcripts_only(params: Params) -> str:
    """Why nothing here writes transcripts, so that metrics of speech go by given ones; "" where models do."""
    try:
        missing = list(ConfiguredSpeech.of(params, RESULT_CACHE).missing.values())
    except MovaError as error:
        missing = [str(error)]
    return f"of given transcripts alone (--transcripts): {'; '.join(missing)}" if missing else ""
