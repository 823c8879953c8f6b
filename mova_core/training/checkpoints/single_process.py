"""Saving and loading in one process, without a process group."""

import warnings


def single_process_is_meant() -> None:
    """Tell torch that it is no mistake: without a process group it warns on every call."""
    warnings.filterwarnings("ignore", message="torch.distributed is disabled, unavailable or uninitialized")
