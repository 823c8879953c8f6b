"""Loss weights and per-sample losses, on a model whose answer is known."""

import pytest
import torch

from mova_core.model.towers.dual_tower import LatentPair
from mova_core.params.model import LossParams, TrainParams
from mova_core.training.data.clips import BatchContext
from mova_core.training.loss import PairLoss, audio_loss, pair_loss

B, C, T, H, W, L = 3, 2, 4, 2, 2, 5
CONTEXT = BatchContext(torch.zeros(1, 1, 1), torch.zeros(B, dtype=torch.long))


def still(noisy: LatentPair, timestep_B2, condition, context, **options) -> LatentPair:
    """A model that always predicts no movement."""
    return LatentPair(torch.zeros_like(noisy.video), torch.zeros_like(noisy.audio))


def losses(target_video: torch.Tensor, first_latent_weight: float) -> PairLoss:
    """Losses where noise - clean is `target_video` (video) and the row number + 1 (audio)."""
    rows = torch.arange(1.0, B + 1).view(B, 1, 1).expand(B, C, L)
    return pair_loss(
        still,
        LatentPair(torch.zeros_like(target_video), torch.zeros(B, C, L)),
        LatentPair(target_video, rows),
        torch.rand(B, 2),
        torch.zeros(B, 1, T, H, W),
        CONTEXT,
        expert="video_dit",
        video_fps=16,
        first_latent_weight=first_latent_weight,
    )


def test_default_weights():
    """Those of the modalities are the report's; it weighs all latent frames alike, twice the first one is ours."""
    weights = TrainParams().loss
    assert (weights.video_weight, weights.audio_weight) == (1.0, 0.2)
    assert weights.first_latent_weight == 2.0


def test_the_weighted_loss():
    loss = PairLoss(torch.tensor([1.0, 3.0]), torch.tensor([10.0, 20.0]))
    assert loss.weighted(LossParams()).item() == pytest.approx(2 + 0.2 * 15)
    assert loss.weighted(LossParams(video_weight=0.5, audio_weight=1.0)).item() == pytest.approx(1 + 15)


def test_a_loss_per_sample():
    loss = losses(torch.ones(B, C, T, H, W), 1.0)
    assert loss.video_B.tolist() == [1, 1, 1]
    assert loss.audio_B.tolist() == [1, 4, 9]


@pytest.mark.parametrize(("weight", "expected"), [(1.0, 1 / 4), (2.0, 2 / 5), (0.0, 0.0)])
def test_the_first_latent_frame_counts_by_its_weight(weight, expected):
    target = torch.zeros(B, C, T, H, W)
    target[:, :, 0] = 1
    assert losses(target, weight).video_B.tolist() == pytest.approx([expected] * B)


def test_a_perfect_model_has_no_loss():
    clean, noise, sigma_B = torch.randn(B, C, L), torch.randn(B, C, L), torch.tensor([0.1, 0.5, 0.9])

    def perfect(noisy, timestep_B, contexts, of_B):
        sigma = (timestep_B / 1000).view(-1, 1, 1)
        return (noisy - clean) / sigma  # noisy = clean + sigma (noise - clean)

    assert audio_loss(perfect, clean, noise, sigma_B, CONTEXT).max() < 1e-9
