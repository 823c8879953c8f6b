"""What plans of training and of generation share: cards, FLOPs and tokens of a clip, numbers as text. Without torch."""
