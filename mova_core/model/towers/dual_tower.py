"""Both towers and the Bridge between them: one denoising forward pass of a clip's video and audio.

The same forward serves training and sampling. Only the video tower differs between the two experts; the audio tower and
the Bridge are shared by both.
Shape suffixes: B batch, C channels, T latent frames, H W latent rows and columns, L audio latents, K context positions.
"""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.distributed import ProcessGroup

from mova_core.errors import ShapeError, UsageError
from mova_core.model.pretrained.index import TOWER_COMPONENTS
from mova_core.model.towers.attention import Attention
from mova_core.model.towers.audio_tower import AudioTower
from mova_core.model.towers.bridge import BRIDGE_ON, Bridge, BridgeRope, BridgeScale
from mova_core.model.towers.context_parallel import ContextParallel
from mova_core.model.towers.run_tables import RunTables
from mova_core.model.towers.tower import Tower
from mova_core.model.towers.video_tower import VideoTower

VIDEO_COMPONENTS = TOWER_COMPONENTS[:2]  # the two experts' folders: high noise, low noise


class LatentPair(NamedTuple):
    """Video and audio of a batch: video [B, C, T, H, W], audio [B, C, L]; also their noise or velocity."""

    video: Tensor
    audio: Tensor

    def to(self, device: torch.device | str) -> "LatentPair":
        """Both on a device."""
        return LatentPair(self.video.to(device), self.audio.to(device))


class ContextPair(NamedTuple):
    """Encoded text of each tower where they differ, [B, K, text_dim] both."""

    video: Tensor
    audio: Tensor


class DualTower(nn.Module):
    """Two video experts, one audio tower, one Bridge.

    Args:
        video_high: expert for timesteps at and above the boundary (`video_dit`).
        video_low: expert below it (`video_dit_2`).
        audio: audio tower.
        bridge: the exchange between hidden states.
    """

    def __init__(self, video_high: VideoTower, video_low: VideoTower, audio: AudioTower, bridge: Bridge) -> None:
        super().__init__()
        self.video_dit = video_high
        self.video_dit_2 = video_low
        self.audio_dit = audio
        self.dual_tower_bridge = bridge

    @classmethod
    def from_pretrained(cls, folder: str | Path, torch_dtype: torch.dtype | None = None) -> "DualTower":
        """The towers and the Bridge of a model folder, in evaluation mode; its other components are not looked at.

        Raises:
            UsageError: a component is missing, or is a pickle.
            StaleError: weights that do not fit their config, or towers that do not fit each other.
        """
        options = {} if torch_dtype is None else {"torch_dtype": torch_dtype}
        high, low = (VideoTower.from_pretrained(Path(folder) / name, **options) for name in VIDEO_COMPONENTS)
        audio = AudioTower.from_pretrained(Path(folder) / "audio_dit", **options)
        return cls(high, low, audio, Bridge.from_pretrained(Path(folder) / "dual_tower_bridge", **options)).eval()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write a component folder for each tower and the Bridge into `folder`."""
        for expert in VIDEO_COMPONENTS:
            self.video_expert(expert).save_pretrained(Path(folder) / expert)
        self.audio_dit.save_pretrained(Path(folder) / "audio_dit")
        self.dual_tower_bridge.save_pretrained(Path(folder) / "dual_tower_bridge")

    def forward(
        self,
        noisy: LatentPair,
        timestep_B2: Tensor,
        condition: Tensor,
        context: Tensor | ContextPair | RunTables,
        *,
        expert: str,
        video_fps: float,
        bridge_scale: BridgeScale = BRIDGE_ON,
        context_of_B: Tensor | None = None,
    ) -> LatentPair:
        """Predict both velocities.

        Args:
            noisy: latents at their noise levels.
            timestep_B2: float32 0..1000, column 0 video, 1 audio, [B, 2].
            condition: mask and condition latents [B, C', T, H, W], appended to the video's channels.
            context: encoded text [B, K, text_dim], or each different one once; a pair where the towers' texts differ;
                or the run's tables, which hold it.
            expert: `video_dit` (high noise) or `video_dit_2` (low noise).
            video_fps: pixel frames per second, places latent frames on the audio's clock.
            bridge_scale: strength of each direction; off leaves each tower alone.
            context_of_B: which context is each sample's, int64; None for one per sample in order.

        Returns:
            Velocities in the shape of the latents.

        Raises:
            ShapeError: condition and video latents do not lie on the same grid, or tables are for another step.
        """
        if condition.shape[0] != noisy.video.shape[0] or condition.shape[2:] != noisy.video.shape[2:]:
            raise ShapeError(
                f"condition has shape {tuple(condition.shape)}, video latents {tuple(noisy.video.shape)}: "
                "all but the channels must agree"
            )
        tower = self.video_expert(expert)
        tables = context if isinstance(context, RunTables) else None
        if tables is not None:
            tables.check(expert, video_fps)
        video_tables, audio_tables = (None, None) if tables is None else (tables.video, tables.audio)
        of_video, of_audio = (context, context) if isinstance(context, Tensor) else (context.video, context.audio)
        conditioned = torch.cat([noisy.video, condition.to(noisy.video.dtype)], dim=1)
        video = tower.embed(conditioned, timestep_B2[:, 0], of_video, context_of_B)
        audio = self.audio_dit.embed(noisy.audio, timestep_B2[:, 1], of_audio, context_of_B)
        rope = BridgeRope()
        if tables is not None:
            rope = tables.rope
        elif not bridge_scale.off:
            rope = self._rope(video.grid, audio.grid, video_fps, video.tokens)
        for layer in range(max(len(tower.blocks), len(self.audio_dit.blocks))):
            video_tokens, audio_tokens = self.dual_tower_bridge(layer, video.tokens, audio.tokens, rope, bridge_scale)
            if layer < len(tower.blocks):
                video = tower.run_block(layer, video._replace(tokens=video_tokens), video_tables)
            if layer < len(self.audio_dit.blocks):
                audio = self.audio_dit.run_block(layer, audio._replace(tokens=audio_tokens), audio_tables)
        return LatentPair(tower.unembed(video), self.audio_dit.unembed(audio))

    def tables(self, noisy: LatentPair, context: Tensor | ContextPair, *, expert: str, video_fps: float) -> RunTables:
        """What no step of a run changes, for `forward` to take in place of the texts; same bits, less work.

        Args:
            noisy: latents of the run's shape.
            context: encoded text of each sample [B, K, text_dim]; a pair where the towers' texts differ.
            expert: whose steps they are for.
            video_fps: pixel frames per second.
        """
        tower = self.video_expert(expert)
        texts = context if isinstance(context, ContextPair) else ContextPair(context, context)
        video = tower.tables(texts.video, tower.grid_of(noisy.video))
        audio = self.audio_dit.tables(texts.audio, self.audio_dit.grid_of(noisy.audio))
        key, _ = video.keys_values[0]
        rope = self._rope(video.grid, audio.grid, video_fps, key)
        return RunTables(expert, video_fps, video, audio, rope)

    def _rope(self, video_grid: tuple[int, ...], audio_grid: tuple[int, ...], fps: float, like: Tensor) -> BridgeRope:
        frames, rows, columns = video_grid
        return self.dual_tower_bridge.rope((frames, rows, columns), audio_grid[0], fps, like)

    def video_expert(self, name: str) -> VideoTower:
        """The expert of that component name."""
        return {"video_dit": self.video_dit, "video_dit_2": self.video_dit_2}[name]


def divide_tokens(model: nn.Module, group: ProcessGroup) -> None:
    """Let the processes of a group divide the tokens of every clip; each of them calls this, and later the model.

    Args:
        model: towers, or towers and a Bridge.
        group: the processes; one alone changes nothing.

    Raises:
        UsageError: more processes than heads, so that some would compute padding alone.
    """
    if group.size() == 1:
        return
    heads = max(module.num_heads for module in model.modules() if isinstance(module, Attention))
    if group.size() > heads:
        raise UsageError(
            f"{group.size()} processes divide the heads of attention, the model has {heads} at most: set "
            f"train.parallel.context to {heads} or less"
        )
    for module in model.modules():
        if isinstance(module, (Tower, Bridge)):
            module.context_parallel = ContextParallel(group)
