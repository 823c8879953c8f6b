"""One clip of a suite: what it is generated from, and what it was asked to be."""

from dataclasses import dataclass

from mova_core.measures.clip import Asked
from mova_core.sampling.request.wanted import Wanted


@dataclass(frozen=True, slots=True)
class SuiteItem:
    """One clip.

    Args:
        wanted: what the model is given; its name is the file's.
        asked: what metrics may know of it.
    """

    wanted: Wanted
    asked: Asked

    @property
    def name(self) -> str:
        """Of the clip and its file, without suffix."""
        return self.wanted.name
