"""`--images DIR`: a first frame for each clip of a suite, NAME.png or NAME.jpg."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mova_core.errors import UsageError
from mova_core.evaluation.suites.item import SuiteItem

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def with_first_frames(items: Sequence[SuiteItem], folder: Path) -> tuple[SuiteItem, ...]:
    """The items with the first frames that the folder has for them; the others stay as they are.

    Raises:
        UsageError: no such folder, no image of an item in it, two of one name, or an item that already has one.
    """
    if not folder.is_dir():
        raise UsageError(f"--images is {folder}, which is no folder: name the one that holds NAME.png of each clip")
    images: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES:
            if path.stem in images:
                raise UsageError(f"{folder} holds both {images[path.stem].name} and {path.name}: keep one of the two")
            images[path.stem] = path
    if not any(item.name in images for item in items):
        raise UsageError(
            f"{folder} has no first frame of the suite's clips: expected names such as {items[0].name}.png"
        )
    return tuple(_with_image(item, images[item.name]) if item.name in images else item for item in items)


def without_first_frame(items: Sequence[SuiteItem]) -> list[str]:
    """Names of the clips that are generated from no first frame."""
    return [item.name for item in items if item.wanted.given.image is None]


def _with_image(item: SuiteItem, image: Path) -> SuiteItem:
    given = item.wanted.given
    if given.image is not None:
        raise UsageError(f"clip {item.name} has the first frame {given.image} and {image}: leave one out")
    return replace(item, wanted=replace(item.wanted, given=given.model_copy(update={"image": image})))
