"""What a training phase costs on a layout of GPUs, computed without training: see `plan.py`. None of it imports torch
but `measure.py`."""
