"""Which metrics a sweep is judged by: one of sync, and those of text following; the catalogue says which are which."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import MetricSpec, Need


@dataclass(frozen=True, slots=True)
class Objectives:
    """Metrics of sync and of text following.

    Args:
        sync: None where none was measured.
        text: () where none was.
        unavailable: `sync` or `text` -> why there is none.
    """

    sync: str | None
    text: tuple[str, ...]
    unavailable: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, sync first."""
        return (*([] if self.sync is None else [self.sync]), *self.text)


def choose_objectives(measured: Collection[str], reasons: Mapping[str, str]) -> Objectives:
    """The metrics of the catalogue that a sweep is judged by.

    Sync is that of known events; else of a model that measures (in the order of the catalogue); else AV-Align, which
    compares onsets with movement. Text following is every metric of it.

    Args:
        measured: metrics that have a value at some point.
        reasons: metric -> why it has none.
    """
    sync, text = (
        [spec for spec in CATALOGUE.values() if spec.agreement == kind and spec.ratio is not None]
        for kind in ("sync", "text")
    )
    found = [spec.name for spec in sorted(sync, key=_rank) if spec.name in measured]
    followed = tuple(spec.name for spec in text if spec.name in measured)
    unavailable = {} if found else {"sync": _why(sync, reasons)}
    return Objectives(
        found[0] if found else None, followed, unavailable if followed else unavailable | {"text": _why(text, reasons)}
    )


def _rank(spec: MetricSpec) -> int:
    return 0 if Need.KNOWN_EVENTS in spec.needs else 1 if spec.model is not None else 2


def _why(specs: Sequence[MetricSpec], reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{spec.name}: {reasons.get(spec.name, 'it was not measured')}" for spec in specs)
