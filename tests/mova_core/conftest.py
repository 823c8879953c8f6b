"""A nano model to try things on: codecs fitted on noise, towers with drawn weights and a Bridge that acts."""

import pytest
import torch

from mova_core.geometry import GEOMETRIES


@pytest.fixture(scope="session")
def nano_codec():
    """Both nano codecs, fitted on a little coloured noise: right in form, good for nothing."""
    from mova_core.model.nano_audio_codec import NanoAudioCodec
    from mova_core.model.nano_codec import NanoCodec
    from mova_core.model.nano_video_codec import NanoVideoCodec

    generator = torch.Generator().manual_seed(0)
    videos = [torch.rand(1, 3, 9, 48, 48, generator=generator) * 2 - 1 for _ in range(4)]
    sounds = [0.3 * torch.randn(1, 8000, generator=generator) for _ in range(4)]
    return NanoCodec(NanoVideoCodec.fit(lambda: videos, 16), NanoAudioCodec.fit(lambda: sounds, 320, 16))


@pytest.fixture(scope="session")
def nano_towers():
    """Nano towers whose Bridge and heads do something, unlike those of a model before its first step."""
    from mova_core.model.nano import nano_dual_tower

    towers = nano_dual_tower(seed=3).eval()
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, parameter in towers.named_parameters():
            if ".inner.o." in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        for parameter in towers.video_dit_2.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    return towers


@pytest.fixture(scope="session")
def nano_model(nano_towers, nano_codec):
    """`Components` of that model, 3 steps by default."""
    from mova_core.model.folder import nano_components
    from mova_core.params_model import GenerateParams

    return nano_components(nano_towers, nano_codec, GEOMETRIES["nano-48"], GenerateParams(steps=3))


@pytest.fixture(scope="session")
def nano_folder(nano_model, tmp_path_factory):
    """That model as a folder. Tests only read it."""
    from mova_core.model.folder import save_components

    folder = tmp_path_factory.mktemp("nano") / "model"
    save_components(nano_model, folder)
    return folder
