"""A step of towers that are small but no toy: 512 channels, 8 layers, 4,000 video tokens, against the plain equations.

Both compute three passes, on one core, by the same attention kernel, in the same dtype, with random weights and texts.
What is compared is seconds of processor: a step takes a minute, in which much else may run on the machine. Ours has
the tables of its run, which are made before the first step; the share of each operation is that of ours.
"""

import time
from collections.abc import Callable

import torch
from rich.table import Table
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.baselines.plain_step import PlainModel, Text, dual_step
from benchmarks.measure import Row, row
from mova_core.flow_matching import PairSchedule
from mova_core.flow_matching.experts import HIGH_NOISE
from mova_core.flow_matching.schedule import TRAINING_STEPS
from mova_core.geometry import VIDEO_FRAMES_PER_LATENT, Canvas, ClipGeometry
from mova_core.model import AudioTower, Bridge, DualTower, VideoTower
from mova_core.model.single_thread import single_thread
from mova_core.model.text.prompt import CONTEXT_LENGTH
from mova_core.model.towers.dual_tower import LatentPair
from mova_core.model.towers.tower_configs import tower_configs
from mova_core.params.model import ModelParams, TowerParams
from mova_core.plan.text import rendered
from mova_core.sampling.guidance import Guidance
from mova_core.sampling.reuse.tables_of_run import TablesOfRun
from mova_core.sampling.sampler import Conditioning, Sampler

GEOMETRY = ClipGeometry("step", 37, 24, (Canvas(320, 320),), 48_000, 960, 1)  # 10 x 20 x 20 tokens
SIZE = ModelParams(
    video=TowerParams(width=512, heads=4, layers=8, mlp_width=2048),
    audio=TowerParams(width=256, heads=2, layers=8, mlp_width=1024),
    timestep_width=256,
)
LATENTS = {"video": 16, "audio": 128, "text": 1024}
BRIDGE_SCALE, TEXT_SCALE, PAIRS = 2.0, 3.0, 2
TARGETS = {torch.bfloat16: 1.2, torch.float32: 1.03}
COLUMNS, SHOWN = 80, 12  # of the table: characters, operations


class Subject:
    """The same step by our sampler and by the equations."""

    def __init__(self, dtype: torch.dtype) -> None:
        configs, generator = tower_configs(SIZE, LATENTS, GEOMETRY), torch.Generator().manual_seed(0)
        video, canvas = configs["video_dit"], GEOMETRY.canvases[0]
        parts = VideoTower(**video), AudioTower(**configs["audio_dit"]), Bridge(**configs["dual_tower_bridge"])
        self.towers = DualTower(parts[0], parts[0], *parts[1:]).to(dtype).eval()
        grid = GEOMETRY.latent_frames, canvas.latent_height, canvas.latent_width

        def draw(*shape: int) -> Tensor:
            return torch.randn(1, *shape, generator=generator)

        self.latents = LatentPair(draw(LATENTS["video"], *grid), draw(LATENTS["audio"], GEOMETRY.audio_tokens))
        texts = (draw(CONTEXT_LENGTH, LATENTS["text"]) for _ in range(2))
        self.given = Conditioning(*texts, draw(VIDEO_FRAMES_PER_LATENT + LATENTS["video"], *grid))
        self.fps, schedule = float(GEOMETRY.fps), PairSchedule(8)
        self.sampler = Sampler(self.towers, schedule, Guidance(BRIDGE_SCALE, TEXT_SCALE), self.fps)
        self.tables = TablesOfRun(self.towers, self.given.contexts, self.fps)
        self.sigma_2, self.change_2 = schedule.sigmas[0], schedule.update_sigmas[1] - schedule.update_sigmas[0]
        self.plain_model = PlainModel(
            self.towers.state_dict(), {name: part.config for name, part in self.towers.named_children()}
        )

    @torch.no_grad()
    def ours(self) -> LatentPair:
        timestep_2 = self.sigma_2 * TRAINING_STEPS
        velocity = self.sampler.velocity(self.latents, timestep_2, self.given, HIGH_NOISE, self.tables)
        moved = (x + v * by for x, v, by in zip(self.latents, velocity, self.change_2, strict=True))
        return LatentPair(*moved)

    @torch.no_grad()
    def plain(self) -> LatentPair:
        text, levels = Text(self.given.context, self.given.negative_context), tuple(self.sigma_2)
        condition, scales = self.given.condition, (BRIDGE_SCALE, TEXT_SCALE)
        start, changes = tuple(self.latents), tuple(self.change_2)
        moved = dual_step(self.plain_model, HIGH_NOISE, start, condition, text, self.fps, levels, changes, *scales)
        return LatentPair(*moved)


def step() -> list[Row]:
    """Measure it in both dtypes."""
    found = []
    with single_thread():
        for dtype, target in TARGETS.items():
            subject, name = Subject(dtype), str(dtype).removeprefix("torch.")
            with profile(activities=[ProfilerActivity.CPU]) as profiled:  # the first step, which makes the tables
                subject.ours()
            shares = shares_of(profiled)
            pairs = [(_seconds(subject.ours), _seconds(subject.plain)) for _ in range(PAIRS)]
            print(shares_text(name, shares))
            same = sum(share for operation, share in shares.items() if operation in ("attention", "matrix products"))
            found.append(
                row(
                    f"sampler.step_512_{name}",
                    [plain / ours for ours, plain in pairs],
                    against=f"the equations (plain_step.py), same attention kernel, 1 thread; attention and matrix "
                    f"products, the same in both, are {same:.0%} of ours, {pairs[0][0]:.0f} s a step",
                    better="higher",
                    target=target,
                )
            )
    return found


def _seconds(run: Callable[[], object]) -> float:
    begun = time.process_time()
    run()
    return time.process_time() - begun


def shares_of(profiled: profile) -> dict[str, float]:
    """Share of the time of each kind of operation, and of the others by name, largest first."""
    kinds = {
        "aten::_scaled_dot_product_flash_attention_for_cpu": "attention",
        **dict.fromkeys(("aten::addmm", "aten::mm", "aten::bmm"), "matrix products"),
        "aten::mkldnn_convolution": "matrix products",
    }
    seconds: dict[str, float] = {}
    for event in profiled.key_averages():
        kind = kinds.get(event.key, event.key.removeprefix("aten::"))
        seconds[kind] = seconds.get(kind, 0.0) + event.self_cpu_time_total
    whole = sum(seconds.values())
    return {kind: each / whole for kind, each in sorted(seconds.items(), key=lambda item: -item[1])}


def shares_text(name: str, shares: dict[str, float]) -> str:
    """The largest shares as a table, the others together."""
    table = Table("operation", "share", title=f"a step in {name}")
    shown = list(shares.items())[:SHOWN]
    for kind, share in [*shown, ("all others", 1 - sum(share for _, share in shown))]:
        table.add_row(kind, f"{share:.1%}")
    return rendered(table, COLUMNS)
