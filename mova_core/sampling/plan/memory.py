"""Memory of the device while clips are generated, by part, at its highest.

A generation has three stages that come into question: first frames are encoded, the towers denoise, frames are decoded
(a text encoder's own activations are never the highest). Modes say which weights lie on the device meanwhile, as
`mova_core.model.placement` puts them there:
    resident        all of them
    offload         those of components that have come; of text encoder and experts one at a time
    group_offload   the layer that works, and the next one on its way
    fp8             all, those of towers and Bridge in one byte each; a block in the numbers it computes in
Activations of the towers are those of one video block without autograd: 4 numbers a token and channel, and either 4
float32 ones (RMS norm of queries and keys, as torch computes it on a CPU; a GPU's fused kernel needs fewer) or the two
widths inside the MLP. To them come the video's latents with their condition, in float32, and the texts' keys and
values, which a run keeps. Those of the video VAE grow with the pixels of a frame, or of a tile where weights wait, and
with all frames of the clip in the result.
"""

import math

from mova_core.model.pretrained.index import TOWER_COMPONENTS
from mova_core.params.runtime import Memory
from mova_core.sampling.plan.workload import AUDIO, BRIDGE, HIGH_NOISE, ClipWorkload

FLOAT32 = 4
TEXTS = 2  # the prompt and the negative one
WAITING = ("offload", "group_offload")  # modes in which weights wait on the processor
# Bytes that the released video VAE in float32 holds for a pixel of a canvas or a tile while it works on a piece of a
# video, and for a pixel of each frame of the whole one, where tiles overlap; counted with torch on the meta device.
VAE_BYTES_PER_PIXEL = {"encode": 14_200, "decode": 19_600}
VAE_BYTES_PER_VIDEO_PIXEL = {"encode": (0.5, 0.5), "decode": (12.3, 16.0)}  # whole, by tiles
TILE_PX = 256  # side of a tile, by diffusers' default


def memory_by_part(work: ClipWorkload, mode: Memory) -> dict[str, float]:
    """Bytes of weights, of texts' keys and values, and of activations, in the stage that needs the most."""
    tiles = mode in WAITING
    stages = [
        {"weights": weights_held(work, mode, stage), **activations}
        for stage, activations in (
            ("encode", {"activations": video_vae_bytes(work, "encode", tiles)}),
            ("denoise", {"text keys and values": text_bytes(work), "activations": denoising_bytes(work)}),
            ("decode", {"activations": video_vae_bytes(work, "decode", tiles)}),
        )
    ]
    return max(stages, key=lambda parts: sum(parts.values()))


def memory_total(work: ClipWorkload, mode: Memory) -> float:
    """Bytes of all parts together."""
    return sum(memory_by_part(work, mode).values())


def weights_held(work: ClipWorkload, mode: Memory, stage: str) -> float:
    """Bytes of weights on the device in a stage."""
    size = {name: weights.size for name, weights in work.weights.items()}
    codecs = sum(size.get(name, 0) for name in ("video_vae", "audio_vae"))
    text = size.get("text_encoder", 0)
    if mode == "resident":
        return sum(size.values())
    if mode == "fp8":
        towers = sum(work.weights[name].numbers for name in TOWER_COMPONENTS)  # a byte each
        return towers + codecs + text + largest_block(work)
    if mode == "group_offload":
        return 2 * work.number * work.configs[HIGH_NOISE]["dim"] * work.configs[HIGH_NOISE]["ffn_dim"]
    if stage == "encode":
        return text + codecs
    return max(size[HIGH_NOISE] + size[AUDIO] + size[BRIDGE] + codecs, text)


def largest_block(work: ClipWorkload) -> float:
    """Bytes of the weights of a block of a video expert."""
    return work.weights[HIGH_NOISE].size / work.configs[HIGH_NOISE]["num_layers"]


def denoising_bytes(work: ClipWorkload) -> float:
    """Bytes of activations in a forward pass of the towers, one guidance branch at a time."""
    config, number = work.configs[HIGH_NOISE], work.number
    latents = FLOAT32 * config["in_dim"] * math.prod(config["patch_size"])
    block = config["dim"] * 4 * number + max(config["dim"] * 4 * FLOAT32, 2 * number * config["ffn_dim"])
    return work.clips * work.tokens.video * (latents + block)


def text_bytes(work: ClipWorkload) -> float:
    """Bytes of the texts' keys and values in the blocks of one expert and the audio tower."""
    numbers = sum(2 * work.configs[name]["num_layers"] * work.configs[name]["dim"] for name in (HIGH_NOISE, AUDIO))
    return TEXTS * work.clips * work.tokens.text * numbers * work.number


def video_vae_bytes(work: ClipWorkload, way: str, tiles: bool) -> float:
    """Bytes that the video VAE holds beside its weights, `encode` or `decode`; 0 where it is on another device."""
    if "video_vae" not in work.weights:
        return 0
    height, width = work.canvas.height_px, work.canvas.width_px
    piece = min(height, TILE_PX) * min(width, TILE_PX) if tiles else height * width
    video = height * width * work.geometry.frames
    bytes_of_float32 = VAE_BYTES_PER_PIXEL[way] * piece + VAE_BYTES_PER_VIDEO_PIXEL[way][tiles] * video
    return bytes_of_float32 * work.weights["video_vae"].width / FLOAT32
