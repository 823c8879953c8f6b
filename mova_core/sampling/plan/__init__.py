"""What generating a clip takes, computed without running the model: memory (`memory.py`, which `check.py` compares with
a device), FLOPs and time (`plan.py`). Only `plan.py` imports torch, for the guidance's own count of passes."""
