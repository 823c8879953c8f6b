"""What the page shows of curation, ready to print: the funnel and the contracts."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.funnel import Loss, Step
from mova_core.reporting.wording import duration, plural

CONTRACT_ORDER = ("sources", "windows", "clips", "verdicts", "captions", "latents", "evaluation")


@dataclass(frozen=True, slots=True)
class FunnelLoss:
    """What a step rejected for one reason."""

    reason: str
    amount: str
    footage: str
    example: str


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One step of the funnel; `percent` is the share of the footage that it kept."""

    name: str
    unit: str
    percent: str
    rows: str
    footage: str
    losses: tuple[FunnelLoss, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class ContractResult:
    """One contract that was checked; `expectations` are sign, sentence and reason."""

    table: str
    sign: str
    css: str
    summary: str
    expectations: tuple[tuple[str, str, str], ...]


def headline(steps: Sequence[Step]) -> str:
    """The result in one sentence."""
    footage, last = steps[0], steps[-1]
    if not last.rows_kept:
        return f"No clip of {footage.rows_kept} files ({duration(footage.seconds_kept)}) is fit to train on."
    share = last.seconds_kept / footage.seconds_kept if footage.seconds_kept else 0
    return (
        f"{last.rows_kept} clips from {footage.rows_kept} files are fit to train on: "
        f"{duration(last.seconds_kept)} of {duration(footage.seconds_kept)} ({share:.0%})."
    )


def headline_figures(steps: Sequence[Step]) -> dict[str, float]:
    """A few numbers for `dvc metrics`."""
    footage, last = steps[0].seconds_kept, steps[-1]
    return {"clips": last.rows_kept, "footage_share": round(last.seconds_kept / footage, 4) if footage else 0.0}


def funnel_steps(steps: Sequence[Step]) -> list[FunnelStep]:
    """The funnel; the last step is open."""
    footage_s = steps[0].seconds_kept
    return [
        FunnelStep(
            name=step.stage,
            unit=step.unit,
            percent=f"{100 * step.seconds_kept / footage_s if footage_s else 0:.2f}",
            rows=f"{step.rows_kept} of {step.rows_in} {step.unit}",
            footage=duration(step.seconds_kept),
            losses=tuple(map(_loss, step.losses)),
            open=bool(step.losses) and step is steps[-1],
        )
        for step in steps
    ]


def read_contracts(folder: Path) -> list[ContractResult]:
    """Results of the contracts that have been checked, in the order of the stages."""
    paths = [folder / f"{table}.json" for table in CONTRACT_ORDER]
    return [_contract(json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.exists()]


def _loss(loss: Loss) -> FunnelLoss:
    footage = "unknown" if loss.seconds is None else duration(loss.seconds)
    return FunnelLoss(loss.reason_code, loss.amount, footage, loss.examples[0])


def _contract(result: dict[str, Any]) -> ContractResult:
    broken, expectations = result["verdict"] == "broken", result["expectations"]
    summary = [plural(result["rows"], "row"), plural(len(expectations), "expectation")]
    summary += ["with a warning"] if result["verdict"] == "warning" else []
    return ContractResult(
        result["table"],
        "✘" if broken else "✔",
        "broken" if broken else "ok",
        " · ".join(summary),
        tuple(("✔" if each["success"] else "✘", each["sentence"], each["reason"]) for each in expectations),
    )
