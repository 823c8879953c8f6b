"""Straight path from a clean latent to Gaussian noise (rectified flow).

Convention of the whole package: noisy = (1 - sigma) * clean + sigma * noise, velocity = noise - clean.
Shape suffix: B batch; "..." is the rest of a latent (video C T H W, audio C L).
Sources: Liu et al., arXiv:2209.03003, section 2; MOVA report, arXiv:2602.08794, section 1.
"""

from torch import Tensor

from mova_core.errors import ShapeError


def add_noise(clean: Tensor, noise: Tensor, sigma_B: Tensor) -> Tensor:
    """Latent at noise level sigma, one level per sample.

    Args:
        clean: latent [B, ...], unitless.
        noise: standard normal, same shape as clean.
        sigma_B: noise level in [0, 1], [B].

    Returns:
        Noisy latent, same shape and dtype as clean.

    Raises:
        ShapeError: clean and noise differ in shape, or sigma is not one per sample.
    """
    _check(clean, noise)
    if sigma_B.shape != clean.shape[:1]:
        raise ShapeError(f"sigma has shape {tuple(sigma_B.shape)}, expected {tuple(clean.shape[:1])}, one per sample")
    sigma = sigma_B.view(-1, *[1] * (clean.ndim - 1)).to(clean.dtype)
    return (1 - sigma) * clean + sigma * noise


def velocity_target(clean: Tensor, noise: Tensor) -> Tensor:
    """What the model learns to predict: d noisy / d sigma, [B, ...].

    Raises:
        ShapeError: clean and noise differ in shape.
    """
    _check(clean, noise)
    return noise - clean


def euler_step(noisy: Tensor, velocity: Tensor, sigma_from: float, sigma_to: float) -> Tensor:
    """Follow the velocity from one noise level to another (an Euler step of d noisy / d sigma = velocity)."""
    return noisy + velocity * (sigma_to - sigma_from)


def _check(clean: Tensor, noise: Tensor) -> None:
    if clean.shape != noise.shape:
        raise ShapeError(f"noise has shape {tuple(noise.shape)}, clean has {tuple(clean.shape)}: they must agree")
