"""VideoMAE: an embedding of a video."""
