"""Modules whose import is put off until something asks for what is in them, which here nothing does.

Great Expectations imports scipy's statistics and the plotting library altair for expectations that no contract has:
a third of the time until it is there. (importlib's LazyLoader is no help in 3.11: any import of the name loads it.)
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

UNUSED = ("scipy.stats", "altair")


class _Later(ModuleType):
    """Stands in for a module, and gives way to it when the first of its names is asked for."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def put_off_imports() -> None:
    """Let a later `import` of the unused modules give a stand-in, but for what is there already or not installed."""
    for name in UNUSED:
        if name in sys.modules or (spec := find_spec(name)) is None:
            continue
        stand_in = _Later(name)
        stand_in.__spec__ = spec
        sys.modules[name] = stand_in
