"""Parameters and floating point operations of the towers and the Bridge for one clip, from the fields of their configs.

A multiplication and an addition count as two. Backward is twice forward (gradients of inputs and of weights), but once
where a layer's input needs no gradient. Element-wise operations are not counted, as in torch's FlopCounterMode.
Source: PaLM, arXiv:2204.02311, appendix B (model FLOPs, attention included); layers as in `mova_core.model`.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from mova_core.plan.tokens import ClipTokens


class Cost(NamedTuple):
    """What a layer or a component costs."""

    parameters: int
    forward: int
    backward: int


def total(*costs: Cost) -> Cost:
    """The sum of each."""
    return Cost(*(sum(values) for values in zip(*costs, strict=True)))


def linear(rows: int, inputs: int, outputs: int, count: int = 1, input_learns: bool = True) -> Cost:
    """`count` linear layers with bias (or convolutions whose stride is their kernel) on `rows` tokens each."""
    forward = 2 * count * rows * inputs * outputs
    return Cost(count * (inputs + 1) * outputs, forward, forward * (2 if input_learns else 1))


def attention(queries: int, keys: int, width: int, count: int) -> Cost:
    """Scores and weighted values of `count` attentions."""
    forward = 4 * count * queries * keys * width
    return Cost(0, forward, 2 * forward)


def tower_cost(config: Mapping[str, Any], tokens: int, text: int) -> Cost:
    """A tower on so many tokens of its modality and of text; config fields as in a released `video_dit`."""
    width, layers, mlp = config["dim"], config["num_layers"], config["ffn_dim"]
    patch = math.prod(config["patch_size"])
    # A block: norms of two queries and two keys, weight and bias of norm3, six modulations. The head: two modulations.
    vectors = Cost((4 + 2 + 6) * layers * width + 2 * width, 0, 0)
    return total(
        vectors,
        linear(tokens, config["in_dim"] * patch, width, input_learns=False),
        text_cost(config, text),
        linear(1, config["freq_dim"], width, input_learns=False),
        linear(1, width, width),
        linear(1, width, 6 * width),
        linear(tokens, width, width, count=6 * layers),  # self q, k, v, o; cross q, o
        linear(tokens, width, mlp, count=layers),
        linear(tokens, mlp, width, count=layers),
        attention(tokens, tokens, width, layers),
        attention(tokens, text, width, layers),
        linear(tokens, width, config["out_dim"] * patch),
    )


def text_cost(config: Mapping[str, Any], text: int) -> Cost:
    """What a tower does to a text alone: its embedding, and its keys and values in each block."""
    width = config["dim"]
    return total(
        linear(text, config["text_dim"], width, input_learns=False),
        linear(text, width, width, count=1 + 2 * config["num_layers"]),
    )


def bridge_cost(config: Mapping[str, Any], layers: int, tokens: ClipTokens) -> Cost:
    """Both directions of the Bridge, acting at so many layers; config fields as in a released `dual_tower_bridge`."""
    video, audio = config["visual_hidden_dim"], config["audio_hidden_dim"]
    # A direction: norms of query and key, weight and bias of the norm of what is attended to.
    parts = [Cost(layers * (2 + 2) * (video + audio), 0, 0)]
    for rows, width, other_rows, other_width in (
        (tokens.video, video, tokens.audio, audio),
        (tokens.audio, audio, tokens.video, video),
    ):
        parts += [
            linear(rows, width, width, count=2 * layers),  # q, o
            linear(other_rows, other_width, width, count=2 * layers),  # k, v
            attention(rows, other_rows, width, layers),
        ]
    return total(*parts)
