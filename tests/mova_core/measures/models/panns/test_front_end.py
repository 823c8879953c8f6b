"""The front end of Cnn14 is the one whose layers its published state dict holds."""

import numpy as np
import pytest
import torch

from mova_core.measures.models.panns.front_end import MEL, log_mel, saved_layers


def layered(audio):
    """Log-mel by the saved layers, as the published code computes it."""
    layers = {name.rsplit(".", 2)[-2]: torch.from_numpy(values) for name, values in saved_layers().items()}
    padded = torch.nn.functional.pad(torch.from_numpy(audio)[None, None], (512, 512), mode="reflect")
    parts = [torch.nn.functional.conv1d(padded, layers[part], stride=320) for part in ("conv_real", "conv_imag")]
    power = (parts[0] ** 2 + parts[1] ** 2)[0].T
    return (10 * torch.log10((power @ layers["logmel_extractor"]).clamp(min=1e-10))).numpy()


def test_the_saved_layers_compute_the_log_mel(tones):
    audio = tones(0.7, MEL.rate_hz)
    found = log_mel(audio)
    assert found.shape == (1 + len(audio) // 320, 64)
    np.testing.assert_allclose(found, layered(audio), atol=0.05)  # float32 far below the largest band


@pytest.mark.parametrize("hertz", [200, 1000, 8000])
def test_a_sine_falls_into_its_band(hertz):
    tone = np.sin(2 * np.pi * hertz * np.arange(16_000) / MEL.rate_hz).astype(np.float32)
    filters = saved_layers()["logmel_extractor.melW"]  # [bins, bands]
    assert log_mel(tone).mean(axis=0).argmax() == filters[round(hertz * 1024 / MEL.rate_hz)].argmax()
