"""What a model reads of a clip's inputs: contexts, condition latents, known latents, the piece before."""
