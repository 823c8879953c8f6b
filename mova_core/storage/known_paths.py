"""Where files and folders lay when a clip was made from them, by their digest: `.mova/inputs/DIGEST` holds the path.

A clip carries digests alone, so it can be given away without telling how its maker's disk is laid out; here it is
known where to look when it is to be made again. What lies there now is for the reader to compare with the digest.
"""

import re
import sys
from pathlib import Path

from mova_core.errors import MovaError
from mova_core.places import KNOWN_INPUTS
from mova_core.storage.atomic import write_text

DIGEST = re.compile(r"[0-9a-f]{16,64}")


def remember(digest: str, path: Path, root: Path = Path()) -> None:
    """Note where something lies; a place that cannot be written to costs a warning alone.

    Args:
        digest: of the file's bytes, or the id of a checkpoint or adapter.
        path: where it lies now.
        root: the project's folder.
    """
    note, line = root / KNOWN_INPUTS / digest, f"{path.resolve()}\n"
    try:
        if not note.is_file() or note.read_text(encoding="utf-8") != line:
            write_text(note, line)
    except (MovaError, OSError) as error:
        print(f"warning: where {path} lies could not be noted for `mova generate --like` ({error})", file=sys.stderr)


def recall(digest: str, root: Path = Path()) -> Path | None:
    """Where something lay when it was last used; None where that is not known, or the digest is none."""
    note = root / KNOWN_INPUTS / digest
    if not DIGEST.fullmatch(digest) or not note.is_file():
        return None
    return Path(note.read_text(encoding="utf-8").removesuffix("\n"))
