"""The transform is orthonormal, exactly invertible, and the textbook MDCT inside a clip."""

import math

import pytest
import torch

from mova_core.errors import ShapeError
from mova_core.geometry import GEOMETRIES
from mova_core.model.codecs.nano.mdct import inverse_mdct, mdct


@pytest.fixture
def waveform():
    return torch.randn(2, 33_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("samples", [320, 321, 640, 33_000])
def test_inverse_gives_the_waveform_back(waveform, samples):
    cut = waveform[:, :samples]
    torch.testing.assert_close(inverse_mdct(mdct(cut, 320), samples), cut, rtol=0, atol=1e-12)


def test_energy_is_kept(waveform):
    torch.testing.assert_close(mdct(waveform, 320).square().sum(), waveform.square().sum())


def test_a_clip_has_the_geometrys_number_of_latents(waveform):
    geometry = GEOMETRIES["nano-48"]
    assert mdct(waveform, geometry.audio_hop).shape == (2, geometry.audio_latents, geometry.audio_hop)


def test_an_inner_block_is_the_textbook_sum_backwards_in_time(waveform):
    hop, block = 320, 7
    start = block * hop - hop // 2
    window = torch.sin(math.pi / (2 * hop) * (torch.arange(2 * hop, dtype=torch.float64) + 0.5))
    backwards = window * waveform[0, start : start + 2 * hop].flip(0)
    n, k = torch.arange(2 * hop, dtype=torch.float64), torch.arange(hop, dtype=torch.float64)
    kernel = torch.cos(math.pi / hop * torch.outer(n + 0.5 + hop / 2, k + 0.5))
    expected = -math.sqrt(2 / hop) * backwards @ kernel
    torch.testing.assert_close(mdct(waveform, hop)[0, block], expected)


def test_a_tone_lands_in_few_coefficients():
    tone = torch.sin(2 * math.pi * 1000 * torch.arange(3200) / 16_000)[None]
    energy = mdct(tone, 320)[0, 5].square().sort(descending=True).values
    assert energy[:2].sum() > 0.99 * energy.sum()


@pytest.mark.parametrize(("shape", "hop"), [((10,), 320), ((1, 0), 320), ((1, 10), 3)])
def test_what_is_no_waveform_is_refused(shape, hop):
    with pytest.raises(ShapeError, match="expected"):
        mdct(torch.zeros(shape), hop)


def test_a_length_outside_the_last_block_is_refused(waveform):
    with pytest.raises(ShapeError, match="hold no waveform of 33281"):
        inverse_mdct(mdct(waveform, 320), 33_281)
