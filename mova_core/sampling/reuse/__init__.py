"""What a run computes once, and what a step takes from the steps before it."""
