"""The plan of one phase on one layout, and the search for the cheapest layout that fits.

Step time is model FLOPs / (GPUs × peak × MFU), or the communication's time where that is longer. MFU counts the
model's own operations, not those that checkpointing repeats (PaLM, arXiv:2204.02311, appendix B).
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from mova_core.errors import MovaError, UsageError
from mova_core.params.model import ActivationCheckpointing, Precision
from mova_core.plan.hardware import USABLE, Accelerator
from mova_core.training.plan.communication import Communication, communication_of
from mova_core.training.plan.memory import FLOAT32, memory_by_part
from mova_core.training.plan.wanted import Wanted
from mova_core.training.plan.workload import HIGH_NOISE, Workload
from mova_core.training.strategy.layout import Layout

HOUR_S, DAY_S = 3600, 86_400


@dataclass(frozen=True, slots=True)
class Setting:
    """What a plan takes as given beside the layout.

    Args:
        accelerator: every GPU.
        checkpointing: of activations.
        precision: of the computation; weights are float32.
        mfu: share of the peak that the model's FLOPs reach.
        price: of a GPU-hour, in any currency; None where it is not known.
    """

    accelerator: Accelerator
    checkpointing: ActivationCheckpointing = "full"
    precision: Precision = "bfloat16"
    mfu: float = 0.35
    price: float | None = None

    @property
    def peak(self) -> float:
        """FLOPs a second of one GPU."""
        return self.accelerator.peak(self.precision)


@dataclass(frozen=True, slots=True)
class Plan:
    """One phase on one layout, `clips` in a micro-batch."""

    workload: Workload
    layout: Layout
    setting: Setting
    clips: int
    memory: dict[str, float]
    communication: Communication

    @property
    def memory_total(self) -> float:
        return sum(self.memory.values())

    @property
    def fits(self) -> bool:
        return self.memory_total <= USABLE * self.setting.accelerator.memory

    @property
    def choice(self) -> str:
        """The params that ask for it."""
        kept, micro_batches = self.setting.checkpointing, self.workload.batch // self.clips
        return f"train: {{parallel: {self.layout}, activation_checkpointing: {kept}, micro_batches: {micro_batches}}}"

    @property
    def step_flops(self) -> int:
        return self.workload.batch * (self.workload.step.forward + self.workload.step.backward)

    @property
    def communication_s(self) -> float:
        return self.communication.seconds(self.layout, self.setting.accelerator)

    @property
    def step_s(self) -> float:
        peak = self.layout.processes * self.setting.peak
        return max(self.step_flops / (peak * self.setting.mfu), self.communication_s)

    @property
    def mfu(self) -> float:
        return self.step_flops / (self.layout.processes * self.setting.peak * self.step_s)

    @property
    def days(self) -> float:
        return self.workload.steps * self.step_s / DAY_S

    @property
    def gpu_hours(self) -> float:
        return self.layout.processes * self.workload.steps * self.step_s / HOUR_S

    @property
    def checkpoint_bytes(self) -> int:
        """Weights, their average, and the moments of what learns (`training/checkpoints/`)."""
        return 2 * FLOAT32 * (self.workload.held.parameters + self.workload.trained.parameters)

    def summary(self) -> dict[str, Any]:
        """Every number, in bytes, seconds and FLOPs."""
        work, setting, layout = self.workload, self.setting, self.layout
        energy = self.gpu_hours * setting.accelerator.power_w / 1000
        return {
            "preset": work.preset,
            "phase": work.phase,
            "accelerator": setting.accelerator.name,
            "checkpointing": setting.checkpointing,
            "precision": setting.precision,
            "layout": {"gpus": layout.processes, **asdict(layout)},
            "tokens": asdict(work.tokens),
            "parameters": {name: cost.parameters for name, cost in work.costs.items()},
            "active_parameters": work.step.parameters,
            "flops": {"forward": work.step.forward, "backward": work.step.backward, "step": self.step_flops},
            "memory_bytes": {**self.memory, "total": self.memory_total, "of": setting.accelerator.memory},
            "communication_bytes": asdict(self.communication),
            "communication_s": self.communication_s,
            "step_s": self.step_s,
            "mfu": self.mfu,
            "data_bytes_per_s": work.batch * work.data_bytes / self.step_s,
            "checkpoint_bytes": self.checkpoint_bytes,
            "batch": work.batch,
            "steps": work.steps,
            "days": self.days,
            "gpu_hours": self.gpu_hours,
            "energy_kwh": energy,
            "cost": None if setting.price is None else self.gpu_hours * setting.price,
        }


def plan_on(workload: Workload, layout: Layout, setting: Setting, clips: int = 1) -> Plan:
    """The plan of a phase on a layout, `clips` in a micro-batch, whether it fits or not."""
    what = workload, layout, setting.checkpointing, setting.precision, clips
    return Plan(workload, layout, setting, clips, memory_by_part(*what), communication_of(*what))


def cheapest_plan(workload: Workload, wanted: Wanted, setting: Setting) -> Plan:
    """Of the layouts that are as wanted and fit: the fewest GPU-hours, then GPUs, then the least communication.

    Raises:
        UsageError: no layout has these sizes.
        MovaError: none of them fits; names the cheapest one that does.
    """
    plans = _plans(workload, wanted, setting)
    if not plans:
        sizes = ("gpus", "replicate", "shard", "context", "micro_batches")
        given = ", ".join(f"{name} {size}" for name in sizes if (size := getattr(wanted, name)) is not None)
        raise UsageError(
            f"no layout has {given}: expected gpus = replicate x shard x context, replicate x shard to divide "
            f"micro_batches (one clip each where it is open), that to divide the batch of {workload.batch} clips, and "
            f"context at most the video tower's {_heads(workload)} heads"
        )
    if best := _best(plans):
        return best
    least, memory = min(plans, key=lambda plan: plan.memory_total), setting.accelerator.memory
    others = (
        _best(_plans(workload, sizes, replace(setting, checkpointing=kept)))
        for kept in (setting.checkpointing, "full")
        for sizes in (Wanted(gpus=wanted.gpus), Wanted())
    )
    other = next(filter(None, others), None)
    proposed = (
        f"the cheapest that fits is {other.choice} ({other.layout.processes} GPUs)" if other else "no layout fits"
    )
    raise MovaError(
        f"{workload.preset} {workload.phase} needs {least.memory_total / 1e9:.1f} GB a GPU with {least.choice}, "
        f"expected at most {USABLE * memory / 1e9:.1f} of the {memory / 1e9:.0f} GB of {setting.accelerator.name}: "
        f"{proposed}"
    )


def _plans(workload: Workload, wanted: Wanted, setting: Setting) -> list[Plan]:
    clips, layouts = wanted.clips(workload.batch), wanted.layouts(workload.batch, _heads(workload))
    return [plan_on(workload, layout, setting, clips) for layout in layouts]


def _heads(workload: Workload) -> int:
    return workload.configs[HIGH_NOISE]["num_heads"]


def _best(plans: list[Plan]) -> Plan | None:
    return min((plan for plan in plans if plan.fits), key=_expense, default=None)


def _expense(plan: Plan) -> tuple[float, int, float]:
    hours = float(f"{plan.gpu_hours:.4g}")  # equal but for rounding is equal
    return hours, plan.layout.processes, plan.communication_s
