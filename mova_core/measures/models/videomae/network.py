"""The network of a VideoMAE up to the input of its classifier."""

from torch import Tensor, nn
from transformers import VideoMAEConfig, VideoMAEModel


class VideoMAEEmbedder(nn.Module):
    """transformers' encoder, the mean over its tokens, and the norm before the classifier where the config has it."""

    def __init__(self, config: VideoMAEConfig) -> None:
        super().__init__()
        self.videomae = VideoMAEModel(config)
        self.fc_norm = nn.LayerNorm(config.hidden_size) if config.use_mean_pooling else None

    def forward(self, inputs: Tensor) -> Tensor:
        """Embeddings [N, D] of inputs [N, 16, 3, 224, 224]."""
        mean = self.videomae(inputs).last_hidden_state.mean(dim=1)
        return mean if self.fc_norm is None else self.fc_norm(mean)
