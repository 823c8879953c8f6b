"""What the components promise, on vectors whose covariance is known."""

import pytest
import torch

from mova_core.errors import MovaError, ShapeError
from mova_core.model.codecs.nano.half_whitened_pca import HalfWhitenedPca, Moments, with_unit_variance


@pytest.fixture
def vectors():
    spread = torch.tensor([8.0, 4.0, 2.0, 1.0])
    return torch.randn(20_000, 4, generator=torch.Generator().manual_seed(1)) * spread + 3


def fitted(vectors, channels):
    moments = Moments(vectors.shape[-1])
    for part in vectors.chunk(7):
        moments.add(part)
    return HalfWhitenedPca.fit(moments, channels)


def test_with_all_channels_nothing_is_lost(vectors):
    pca = fitted(vectors, 4)
    torch.testing.assert_close(pca.decode(pca.encode(vectors)), vectors, rtol=1e-4, atol=1e-3)


def test_half_whitening_leaves_each_channel_the_root_of_its_spread(vectors):
    std = fitted(vectors, 4).encode(vectors).std(0)
    torch.testing.assert_close(std, torch.tensor([8.0, 4.0, 2.0, 1.0]).sqrt(), rtol=0.03, atol=0)


def test_the_strongest_channels_are_kept(vectors):
    pca = fitted(vectors, 2)
    lost = (pca.decode(pca.encode(vectors)) - vectors).square().mean(0)
    torch.testing.assert_close(lost, torch.tensor([0.0, 0.0, 4.0, 1.0]), rtol=0.05, atol=0.05)


def test_one_scale_gives_unit_variance(vectors):
    (pca,) = with_unit_variance([(fitted(vectors, 3), 1)])
    assert pca.encode(vectors).square().mean() == pytest.approx(1, abs=0.01)


def test_the_zero_latent_is_the_mean(vectors):
    torch.testing.assert_close(fitted(vectors, 2).decode(torch.zeros(2)), vectors.mean(0), rtol=1e-4, atol=1e-4)


def test_the_same_vectors_give_the_same_bits_with_fixed_signs(vectors):
    once, again = fitted(vectors, 4), fitted(vectors, 4)
    assert torch.equal(once.basis_CD, again.basis_CD)
    largest = once.basis_CD.gather(1, once.basis_CD.abs().argmax(1, keepdim=True))
    assert bool((largest > 0).all())


def test_directions_without_any_spread_stay_finite():
    vectors = torch.zeros(100, 4)
    vectors[:, 0] = torch.arange(100)
    latents = fitted(vectors, 4).encode(vectors)
    assert bool(torch.isfinite(latents).all()) and latents[:, 1:].abs().max() < 1e-2


def test_vectors_that_are_all_the_same_are_refused():
    with pytest.raises(MovaError, match="nothing to fit"):
        fitted(torch.ones(10, 4), 2)


def test_more_channels_than_numbers_are_refused(vectors):
    with pytest.raises(MovaError, match=r"fit_codec\.channels"):
        fitted(vectors, 5)


def test_vectors_of_another_size_are_refused():
    with pytest.raises(ShapeError, match=r"expected \[..., 4\]"):
        Moments(4).add(torch.zeros(2, 5))
