"""What no step of a run changes, so that a sampler has it computed once: the texts' keys and values in every block, and
where the tokens lie.

Towers make these values and read them; none is kept on a module, so weights that change, another run, or another thread
never meet an old one. A tower gives the same bits with them as without.
Shape suffixes: B batch, K context positions, D width, S tokens, P rotary pairs.
"""

from dataclasses import dataclass

from torch import Tensor

from mova_core.errors import ShapeError
from mova_core.model.towers.attention import KeyValue
from mova_core.model.towers.bridge import BridgeRope


@dataclass(frozen=True, slots=True)
class TowerTables:
    """Those of one tower.

    Args:
        grid: tokens per axis, of the whole clip.
        turns: rotations of the tokens, [S, P, 2]; this process's part where processes divide a clip.
        keys_values: of the texts, [B, K, D] each, by block.
    """

    grid: tuple[int, ...]
    turns: Tensor
    keys_values: tuple[KeyValue, ...]

    def check(self, grid: tuple[int, ...], samples: int) -> None:
        """ShapeError unless they are for latents of this grid, with a text for each sample."""
        texts = len(self.keys_values[0][0])
        if (self.grid, texts) != (grid, samples):
            raise ShapeError(
                f"the run's tables are for {texts} texts and tokens on {self.grid}, the latents are {samples} on "
                f"{grid}: make tables for these"
            )


@dataclass(frozen=True, slots=True)
class RunTables:
    """Those of a whole forward pass of one expert.

    Args:
        expert: component name of the video expert that they are for.
        video_fps: pixel frames per second that they are for.
        video: of that expert.
        audio: of the audio tower.
        rope: of the Bridge.
    """

    expert: str
    video_fps: float
    video: TowerTables
    audio: TowerTables
    rope: BridgeRope

    def check(self, expert: str, video_fps: float) -> None:
        """ShapeError unless they are for this expert and frame rate."""
        if (self.expert, self.video_fps) != (expert, video_fps):
            raise ShapeError(
                f"the run's tables are for {self.expert} at {self.video_fps} frames a second, the step runs {expert} "
                f"at {video_fps}: make tables for it"
            )
