"""Memory of one GPU, by part.

A parameter costs 4 bytes as weight, 4 as gradient, 8 as AdamW's two moments and 4 as moving average, all float32, cut
over as many GPUs as the layout has parts of each (ZeRO, arXiv:1910.02054; FSDP2's mixed precision keeps float32
weights). Only what a step computes has gradients: one of the two experts. DeepSpeed's optimizer has its parts of the
weights once more, a bucket of gradients, and in stage 3 gradients of what rests and gathered weights that it does not
let go. DistributedDataParallel copies all gradients into buckets.
Activations are those of one micro-batch, cut over the context GPUs: what autograd keeps of a block of
`model/towers`. RMS norms are counted as torch computes them on a CPU (two float32 tensors
each); the fused kernel of a GPU keeps less.
Checkpointing `full` keeps the inputs of each block and each exchange of the Bridge; `selective` also the results of
matrix products and attention (arXiv:2205.05198, section 5); both compute the rest again, one block at a time.
"""

from collections.abc import Mapping
from typing import Any

from mova_core.params.model import ActivationCheckpointing, Precision
from mova_core.plan.hardware import COMPUTE_BYTES
from mova_core.training.plan.workload import BRIDGE, Workload
from mova_core.training.strategy.deepspeed_config import KEPT_GATHERED, REDUCE_BUCKET, STAGES
from mova_core.training.strategy.layout import Layout

FLOAT32 = 4


def memory_by_part(
    workload: Workload, layout: Layout, checkpointing: ActivationCheckpointing, precision: Precision, clips: int = 1
) -> dict[str, float]:
    """Bytes a GPU needs for each part, `clips` in a micro-batch."""
    number, parts = COMPUTE_BYTES[precision], layout.parts
    held, trained, kept = workload.held.parameters, workload.trained.parameters, 0 if layout.cpu_offload else FLOAT32
    zero, zero3 = layout.backend in STAGES, layout.backend == "zero3"
    return {
        "weights": kept * held / parts.weights + (FLOAT32 * trained / parts.moments if zero else 0),
        "gradients": kept * (trained if zero3 else workload.step.parameters) / parts.gradients,
        "optimizer moments": 2 * kept * trained / parts.moments,
        "moving average": kept * held / parts.weights,
        "gathered weights": _gathered(workload, layout, number),
        "buckets of gradients": FLOAT32 * _buckets(layout, trained),
        "activations": clips * activation_bytes(workload, checkpointing, number) / layout.context,
    }


def _buckets(layout: Layout, trained: int) -> int:
    """Numbers of gradients that are copied to be reduced."""
    if layout.backend in STAGES:
        return REDUCE_BUCKET
    return trained if layout.replicate > 1 == layout.parts.weights else 0


def _gathered(workload: Workload, layout: Layout, number: int) -> float:
    """Weights beside those that a GPU holds, while they compute; a number computes in `number` bytes."""
    active = workload.step.parameters
    if layout.parts.weights == 1:  # autocast keeps what it has converted until the pass ends
        return 0 if number == FLOAT32 else number * active
    block = max(workload.costs[name].parameters / workload.configs[name]["num_layers"] for name in workload.towers)
    zero3 = layout.backend in STAGES
    weight = FLOAT32 if zero3 else number
    live = min(active, KEPT_GATHERED) if zero3 else 0 if layout.reshard else active
    # A block's weights whole while it computes, the next one's on their way, its gradient, and that in float32.
    return block * (3 * weight + FLOAT32) + weight * live


def activation_bytes(workload: Workload, checkpointing: ActivationCheckpointing, number: int) -> float:
    """Bytes that a clip's forward leaves for its backward, on one GPU; an activation has `number` bytes."""
    kept, computed_again = 0.0, 0.0
    for name, tokens in workload.towers.items():
        config, text = workload.configs[name], workload.tokens.text
        block = _block(config, tokens, text, checkpointing, number)
        kept += config["num_layers"] * block
        computed_again = max(computed_again, _block(config, tokens, text, "none", number) - block)
    bridge = workload.configs[BRIDGE]
    video = workload.tokens.video, bridge["visual_hidden_dim"]
    audio = workload.tokens.audio, bridge["audio_hidden_dim"]
    exchange = _direction(*video, *audio, checkpointing, number) + _direction(*audio, *video, checkpointing, number)
    return kept + computed_again + workload.bridge_layers * exchange


def _block(
    config: Mapping[str, Any], tokens: int, text: int, checkpointing: ActivationCheckpointing, number: int
) -> float:
    """A tower's block. Per token and channel, `none` keeps 8 numbers of self-attention (input, normalised, modulated,
    q, k, v, attended, result), 4 of text attention and 4 around the MLP, two widths inside it, three RMS norms."""
    width, mlp, head = config["dim"], config["ffn_dim"], config["dim"] // config["num_heads"]
    if checkpointing == "full":
        return number * tokens * width
    if checkpointing == "selective":
        return number * (tokens * (10 * width + mlp) + 2 * text * width)
    norms, rotations = 3 * 2 * FLOAT32 * width, 2 * FLOAT32 * head
    return tokens * (number * (16 * width + 2 * mlp) + norms + rotations) + text * width * (2 * number + 2 * FLOAT32)


def _direction(
    rows: int, width: int, source_rows: int, source_width: int, checkpointing: ActivationCheckpointing, number: int
) -> float:
    """One direction of an exchange: tokens and width of what it changes, and of what it reads."""
    if checkpointing == "full":
        return number * rows * width
    if checkpointing == "selective":
        return number * width * (4 * rows + 2 * source_rows)
    query = rows * width * (3 * number + 2 * FLOAT32)
    return query + source_rows * (2 * number * source_width + (2 * number + 2 * FLOAT32) * width)
