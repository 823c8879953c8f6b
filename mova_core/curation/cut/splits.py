"""Training or validation: the split of each group of files, by the hash of its id."""

import hashlib
from collections.abc import Iterable


def choose_splits(group_ids: Iterable[str], validation_share: float) -> dict[str, str]:
    """group_id -> `train` or `validation`, one split for a whole group of near duplicates, so that nothing leaks.

    Each group has a number in 0..1, the hash of its id; groups below `validation_share` are for validation. Where that
    leaves one split empty (few files), the group nearest to the limit changes sides: the lowest number goes to
    validation, or the highest to train. A share of 0 asks for no validation, and one group alone is for training.
    Adding sources moves a group to the other split only when it had been moved so, or when it joins a better one.
    """
    numbers = {group: int(hashlib.sha256(f"split:{group}".encode()).hexdigest(), 16) / 2**256 for group in group_ids}
    splits = {group: "validation" if number < validation_share else "train" for group, number in numbers.items()}
    if not numbers:
        return splits
    if "train" not in splits.values():
        splits[max(numbers, key=numbers.__getitem__)] = "train"
    if "validation" not in splits.values() and len(splits) > 1 and validation_share > 0:
        splits[min(numbers, key=numbers.__getitem__)] = "validation"
    return splits
