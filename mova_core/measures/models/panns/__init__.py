"""PANNs Cnn14: classes of AudioSet for the Inception score, and embeddings for the Fréchet audio distance."""
