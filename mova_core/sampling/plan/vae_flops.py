"""Floating point operations of the released video VAE, which goes through a clip in pieces, the first frame alone.

A level is a side of the frame halved once more; it has its own channels and frames. A multiplication and an addition
count as two; element-wise operations are not counted, as in torch's FlopCounterMode.
Source: layers as in diffusers' AutoencoderKLWan with the released config (Wan2.1).
"""

from mova_core.geometry import ClipGeometry

WIDTHS = (96, 192, 384, 384)  # channels of the levels, from the canvas to the latents
LATENTS = 16


def encode_flops(geometry: ClipGeometry) -> int:
    """Of a clip's pixels to its latents."""
    pixels, later, width = _pixels(geometry), geometry.latent_frames - 1, WIDTHS[0]
    frames = (geometry.frames, geometry.frames, 1 + 2 * later, 1 + later)
    flops = _conv(27, 3, width, pixels[0] * frames[0])
    for level, after in enumerate(WIDTHS):
        flops += _residual(width, after, pixels[level] * frames[level])
        flops += _residual(after, after, pixels[level] * frames[level])
        if level < len(WIDTHS) - 1:
            flops += _conv(9, after, after, pixels[level + 1] * frames[level])
            if frames[level + 1] < frames[level]:
                flops += _conv(3, after, after, pixels[level + 1] * (frames[level + 1] - 1))
        width = after
    positions = pixels[-1] * frames[-1]
    flops += _middle(width, pixels[-1], frames[-1]) + _conv(27, width, 2 * LATENTS, positions)
    return flops + _conv(1, 2 * LATENTS, 2 * LATENTS, positions)


def decode_flops(geometry: ClipGeometry) -> int:
    """Of a clip's latents to its pixels."""
    pixels, later, width = _pixels(geometry)[::-1], geometry.latent_frames - 1, WIDTHS[-1]
    frames = (1 + later, 1 + 2 * later, geometry.frames, geometry.frames)
    positions = pixels[0] * frames[0]
    flops = _conv(1, LATENTS, LATENTS, positions) + _conv(27, LATENTS, width, positions)
    flops += _middle(width, pixels[0], frames[0])
    for level, after in enumerate(WIDTHS[::-1]):
        flops += _residual(width, after, pixels[level] * frames[level])
        flops += 2 * _residual(after, after, pixels[level] * frames[level])
        if level < len(WIDTHS) - 1:
            if frames[level + 1] > frames[level]:
                flops += _conv(3, after, 2 * after, pixels[level] * (frames[level] - 1))
            flops += _conv(9, after, after // 2, pixels[level + 1] * frames[level + 1])
        width = after // 2
    return flops + _conv(27, WIDTHS[0], 3, pixels[-1] * frames[-1])


def _pixels(geometry: ClipGeometry) -> list[int]:
    """Of a frame at each level."""
    canvas = geometry.canvases[0]
    return [canvas.height_px * canvas.width_px >> 2 * level for level in range(len(WIDTHS))]


def _conv(kernel: int, inputs: int, outputs: int, positions: int) -> int:
    """A convolution whose kernel has so many places."""
    return 2 * kernel * inputs * outputs * positions


def _residual(inputs: int, outputs: int, positions: int) -> int:
    shortcut = _conv(1, inputs, outputs, positions) if inputs != outputs else 0
    return _conv(27, inputs, outputs, positions) + _conv(27, outputs, outputs, positions) + shortcut


def _middle(width: int, pixels: int, frames: int) -> int:
    """Two residual blocks, and attention among the positions of each frame between them."""
    positions = pixels * frames
    attention = _conv(1, width, 4 * width, positions) + 4 * width * pixels * positions
    return 2 * _residual(width, width, positions) + attention
