"""What a manifest of the store lists, whatever kind it is of, and that all of it is there."""

import json
from collections.abc import Callable

from mova_core.errors import StaleError, first_fault
from mova_core.storage.manifest import SHOWN_DIGITS, Files, Manifest


class Listing(Manifest):
    """The one key that every manifest of the store has."""

    files: Files


def listed_files(content: bytes, what: str) -> Files:
    """The files that a manifest lists, by path.

    Args:
        content: of the manifest.
        what: how it is called in messages.

    Raises:
        StaleError: it is no JSON object with "files", or a path leads out of its folder.
    """
    try:
        return Listing.model_validate(json.loads(content)).files
    except ValueError as error:
        raise StaleError(f"{what} is no manifest of files ({first_fault(error)}): write it again") from None


def check_present(content: bytes, what: str, size_of: Callable[[str], int | None]) -> None:
    """Refuse a manifest that lists a blob which is not in the store, or there with another size.

    Args:
        content: of the manifest.
        what: how it is called in messages.
        size_of: bytes of a blob by its sha256; None if it is not there.

    Raises:
        StaleError: names the first file.
    """
    for name, entry in listed_files(content, what).items():
        size = size_of(entry.sha256)
        if size != entry.bytes:
            found = (
                "is not in the store" if size is None else f"has {size} bytes there, the manifest lists {entry.bytes}"
            )
            raise StaleError(f"{what} lists {name}, whose blob {entry.sha256[:SHOWN_DIGITS]} {found}: put it first")
