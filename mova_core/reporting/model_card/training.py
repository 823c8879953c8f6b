"""The section of a model card on its training: each phase with its params, and what it cost."""

from collections.abc import Iterator
from pathlib import Path

from mova_core.params.nested import flat
from mova_core.registry.database.tables import Run
from mova_core.registry.lineage.origins import Origins
from mova_core.reporting.model_card.parts import Section, Table
from mova_core.training.monitor.usage import Usage, usage_of

SHOWN_DIGITS = 16  # of hashes


def training_section(found: Origins, root: Path) -> Section:
    """How a model was trained, the first phase first.

    Args:
        found: what the registry knows of the model's origins.
        root: the project's folder.
    """
    runs = found.runs[::-1]
    if not runs:
        return Section("Training", ("The run of this checkpoint is not in the registry.",))
    spent = [(run, usage_of(run.run_id, root)) for run in runs]
    sentences = [f"It started from checkpoint {found.unknown_start}, which is not of this registry."]
    return Section(
        "Training",
        tuple(sentences if found.unknown_start else ()),
        (
            Table(
                ("phase", "run", "started from", "code"),
                tuple((run.phase, run.run_id, run.start_checkpoint or "new", run.code[:SHOWN_DIGITS]) for run in runs),
            ),
            Table(
                ("phase", "devices", "device hours", "processor hours"), tuple(_cost(run, each) for run, each in spent)
            ),
            Table(("phase", "param", "value"), tuple(row for run in runs for row in _params(run))),
        ),
    )


def _cost(run: Run, usage: Usage | None) -> tuple[str, ...]:
    if usage is None:
        return run.phase, "unknown on this machine", "unknown", "unknown"
    devices = f"{usage.devices} x {usage.device}"
    return run.phase, devices, f"{usage.device_s / 3600:.3f}", f"{usage.cpu_s / 3600:.3f}"


def _params(run: Run) -> Iterator[tuple[str, str, str]]:
    for name, value in flat(run.params).items():
        yield run.phase, name, str(value)
