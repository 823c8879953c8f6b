"""Counts the bytes of tensors that are alive while something runs, on any device, the meta device included."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Inside, `now` is what was made there and is alive, `peak` the most that it was."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self._sizes = {}

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        given = {storage._cdata for storage in _storages((args, kwargs))}
        made = operation(*args, **(kwargs or {}))
        for storage in _storages(made):
            if storage._cdata not in given | self._sizes.keys():
                self._sizes[storage._cdata] = storage.nbytes()
                self.now += storage.nbytes()
                weakref.finalize(storage, self._free, storage._cdata)
        self.peak = max(self.peak, self.now)
        return made

    def _free(self, key):
        self.now -= self._sizes.pop(key, 0)


def _storages(values):
    return [each.untyped_storage() for each in tree_leaves(values) if isinstance(each, torch.Tensor)]
