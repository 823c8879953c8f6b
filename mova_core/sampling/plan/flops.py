"""Floating point operations of a clip in the towers: passes, and what is done once for each text.

Text encoder and audio codec are left out: of a released clip they are less than a ten-thousandth.
"""

from mova_core.plan.flops import bridge_cost, text_cost, tower_cost
from mova_core.sampling.plan.workload import AUDIO, BRIDGE, HIGH_NOISE, ClipWorkload


def pass_flops(work: ClipWorkload, bridge: bool) -> int:
    """Of a forward pass of one expert and the audio tower on a clip, their texts' keys and values being known."""
    tokens, layers = work.tokens, min(work.configs[BRIDGE]["visual_layers"], work.configs[BRIDGE]["audio_layers"])
    towers = sum(
        tower_cost(work.configs[name], count, tokens.text).forward - text_cost(work.configs[name], tokens.text).forward
        for name, count in ((HIGH_NOISE, tokens.video), (AUDIO, tokens.audio))
    )
    return towers + (bridge_cost(work.configs[BRIDGE], layers, tokens).forward if bridge else 0)


def text_flops(work: ClipWorkload) -> int:
    """Of what an expert and the audio tower do to one text."""
    return sum(text_cost(work.configs[name], work.tokens.text).forward for name in (HIGH_NOISE, AUDIO))
