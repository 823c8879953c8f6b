"""What one phase of a preset computes in a step, whatever it runs on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mova_core.model.pretrained.index import TOWER_COMPONENTS
from mova_core.model.text.prompt import CONTEXT_LENGTH, NANO_CONTEXT_LENGTH
from mova_core.model.towers.tower_configs import tower_configs
from mova_core.params import PRESETS, Params
from mova_core.plan.flops import Cost, bridge_cost, total, tower_cost
from mova_core.plan.tokens import LATENT_BYTES, ClipTokens, clip_tokens, latent_bytes
from mova_core.training.recipe import Phase

HIGH_NOISE, LOW_NOISE, AUDIO, BRIDGE = TOWER_COMPONENTS


@dataclass(frozen=True, slots=True)
class Workload:
    """One phase.

    Args:
        preset: name.
        phase: name.
        tokens: of a clip.
        configs: of the components, by name.
        costs: of the components for one clip, by name.
        trains: components that have an optimizer.
        batch: clips a step.
        steps: of the phase.
        data_bytes: of a clip's latents and its text context, at most.
    """

    preset: str
    phase: str
    tokens: ClipTokens
    configs: Mapping[str, Mapping[str, Any]]
    costs: Mapping[str, Cost]
    trains: tuple[str, ...]
    batch: int
    steps: int
    data_bytes: int

    @property
    def active(self) -> tuple[str, ...]:
        """Components that one step computes: of the two experts one, the other rests."""
        return tuple(name for name in self.trains if name != LOW_NOISE)

    @property
    def towers(self) -> dict[str, int]:
        """Tokens of each tower that one step computes."""
        tokens = {HIGH_NOISE: self.tokens.video, AUDIO: self.tokens.audio}
        return {name: tokens[name] for name in self.active if name in tokens}

    @property
    def bridge_layers(self) -> int:
        """At how many layers the Bridge acts in a step."""
        return _bridge_layers(self.configs) if BRIDGE in self.active else 0

    @property
    def held(self) -> Cost:
        """Of all components together; likewise `trained`, and `step` for those of one step."""
        return total(*self.costs.values())

    @property
    def trained(self) -> Cost:
        return total(*(self.costs[name] for name in self.trains))

    @property
    def step(self) -> Cost:
        return total(*(self.costs[name] for name in self.active))


def workload_of(phase: Phase, params: Params, steps: int | None = None) -> Workload:
    """What a phase computes under these params; `steps` replaces those of the params."""
    geometry, own = phase.geometry(params), phase.params(params.train)
    configs = tower_configs(params.train.model, params.latent_sizes, geometry)
    own_text = PRESETS[params.preset].fits_codecs
    tokens = clip_tokens(geometry, NANO_CONTEXT_LENGTH if own_text else CONTEXT_LENGTH)
    video, audio = configs[HIGH_NOISE], configs[AUDIO]
    expert = tower_cost(video, tokens.video, tokens.text)
    costs = {
        HIGH_NOISE: expert,
        LOW_NOISE: expert,
        AUDIO: tower_cost(audio, tokens.audio, tokens.text),
        BRIDGE: bridge_cost(configs[BRIDGE], _bridge_layers(configs), tokens),
    }
    data = latent_bytes(geometry, video["out_dim"], audio["out_dim"]) + LATENT_BYTES * tokens.text * audio["text_dim"]
    name, preset, batch = phase.name, params.preset, own.batch
    return Workload(preset, name, tokens, configs, costs, phase.trains, batch, steps or own.steps, data)


def _bridge_layers(configs: Mapping[str, Mapping[str, Any]]) -> int:
    return min(configs[BRIDGE]["visual_layers"], configs[BRIDGE]["audio_layers"])  # strategy "full"
