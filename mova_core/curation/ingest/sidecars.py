"""What people state about footage: `FILE.json` beside a file, and one `sources.csv` or `sources.json` for the folder.

    talk.mp4.json   {"rights": "CC-BY-4.0", "origin": "camera 2", "consent": "release 17",
                     "language": "en", "caption": "A woman explains a diagram.",
                     "scenes": [{"start_s": 0.0, "end_s": 8.25, "class": "red-ball"}]}
    sources.csv     path,rights,origin,consent,language,caption
                    talk.mp4,CC-BY-4.0,camera 2,release 17,en,A woman explains a diagram.

All keys but `path` are optional; a missing, null or blank value means unknown. Any other key is an error, so that a
misspelt one is not lost. Where both state something about a file, its own sidecar is used. A broken sidecar of one file
rejects that file; a broken sidecar of the whole folder stops the run, because it could concern any file. Which file a
row's path means is told by `sidecar_paths.py`; two rows of one file must not state different things.
"""

import csv
import io
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mova_core.errors import MediaError, UsageError

SIDECAR_SUFFIX = ".json"
FOLDER_SIDECARS = ("sources.csv", "sources.json")
COLUMN_OF = {name: name for name in ("rights", "origin", "consent", "language")} | {"caption": "own_caption"}
"""Keys whose value is text -> their column in table `sources`."""
FOLDER_KEYS = ("path", *COLUMN_OF)
FILE_KEYS = (*COLUMN_OF, "scenes")
SCENE_KEYS = ("start_s", "end_s", "class")
MOST_SIDECAR_BYTES = 1 << 20
MOST_FOLDER_SIDECAR_BYTES = 1 << 28

Stated = Mapping[str, str | None]


def read_sidecar(path: Path | None) -> dict[str, Any]:
    """Contents of one file's sidecar, with the keys `FILE_KEYS`; {} where there is none.

    Raises:
        MediaError: `bad_sidecar` when it is not a JSON object of these keys and types.
    """
    return parsed_sidecar(sidecar_bytes(path))


def sidecar_bytes(path: Path | None) -> bytes | None:
    """Of one file's sidecar; None where there is none.

    Raises:
        MediaError: `bad_sidecar` when it is a link, too large or cannot be read.
    """
    if path is None:
        return None
    if os.path.islink(path):  # unlike Path, no error for a name that is too long
        raise MediaError("bad_sidecar", "its sidecar is a link: put the file itself there")
    if not os.path.isfile(path):
        return None
    try:
        with path.open("rb") as file:
            data = file.read(MOST_SIDECAR_BYTES + 1)
    except OSError:
        raise _no_object() from None
    if len(data) > MOST_SIDECAR_BYTES:
        raise _no_object()
    return data


def parsed_sidecar(data: bytes | None) -> dict[str, Any]:
    """As `read_sidecar`, of bytes that were read."""
    if data is None:
        return {}
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise _no_object()
    _check_known(values, FILE_KEYS, "its sidecar")
    for key in COLUMN_OF:
        if not isinstance(values.get(key), str | None):
            raise MediaError("bad_sidecar", f"its sidecar's {key} is not text")
    for scene in _list(values.get("scenes", [])):
        if not isinstance(scene, dict) or not all(_is_time(scene.get(key)) for key in ("start_s", "end_s")):
            raise MediaError("bad_sidecar", "its sidecar's scenes are not all {start_s, end_s, class} with numbers")
        _check_known(scene, SCENE_KEYS, "a scene of its sidecar")
    return values


def stated_columns(values: Mapping[str, Any]) -> dict[str, str | None]:
    """The columns of table `sources` that a sidecar's keys fill; None where it states nothing."""
    return {column: (values.get(key) or "").strip() or None for key, column in COLUMN_OF.items()}


def read_folder_sidecar(path: Path, shown: str, file_of: Callable[[str], str | None]) -> dict[str, Stated]:
    """What the sidecar of a whole folder states about each file it names: path -> columns of table `sources`.

    Args:
        path: the file; read as JSON where `shown` ends so, else as CSV with a line of headings.
        shown: its name for people.
        file_of: the file of the footage that a written path means, None for one that is none of its files and may be
            named nevertheless; a UsageError says what is wrong with a path that means nothing.

    Raises:
        UsageError: it is neither, a column is unknown or `path` is missing, a value is not text, a row names no file of
            the footage, or two rows state different things of one file.
    """
    try:
        if path.stat().st_size > MOST_FOLDER_SIDECAR_BYTES:
            raise UsageError(f"{shown} is larger than {MOST_FOLDER_SIDECAR_BYTES >> 20} MiB: it is no list of footage")
        text = path.read_text(encoding="utf-8-sig")
        rows = _json_rows(text, shown) if shown.endswith(".json") else _csv_rows(text, shown)
    except OSError as error:
        raise UsageError(f"{shown} cannot be read ({error.strerror}): params ingest.sidecar names it") from None
    except (ValueError, RecursionError, csv.Error) as error:
        raise UsageError(f"{shown} is not readable ({type(error).__name__}): expected UTF-8 CSV or JSON") from None
    stated: dict[str, Stated] = {}
    for place, row in rows:
        _check_row(row, f"{shown}, {place}")
        try:
            name = file_of(row["path"])
        except UsageError as error:
            raise UsageError(f"{shown}, {place}: {error}") from None
        if name is not None:
            stated[name] = _together(stated.get(name, {}), stated_columns(row), f"{shown}, {place}", row["path"])
    return stated


def _together(before: Stated, now: Stated, where: str, written: str) -> Stated:
    """What two rows state of one file."""
    for column, value in now.items():
        earlier = before.get(column)
        if None not in (value, earlier) and value != earlier:
            raise UsageError(
                f"{where}: {written!r} was named before with {column} {earlier!r}, now it is {value!r}: keep one row a "
                "file"
            )
    return {column: before.get(column) or value for column, value in now.items()}


def _no_object() -> MediaError:
    return MediaError("bad_sidecar", f"its sidecar is not a JSON object of at most {MOST_SIDECAR_BYTES} bytes")


def _csv_rows(text: str, shown: str) -> list[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    _check_columns(reader.fieldnames or (), shown)
    rows = []
    for row in reader:
        if None in row or None in row.values():
            raise UsageError(
                f"{shown}, line {reader.line_num}: not as many values as there are columns "
                f"({', '.join(reader.fieldnames or ())}): put a value with a comma in double quotes"
            )
        rows.append((f"line {reader.line_num}", dict(row)))
    return rows


def _json_rows(text: str, shown: str) -> list[tuple[str, dict[str, Any]]]:
    rows = json.loads(text)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{shown} is no list of objects: expected [{{{', '.join(FOLDER_KEYS)}}}, ...]")
    for row in rows:
        _check_columns(tuple(row), shown)
    return [(f"row {number}", row) for number, row in enumerate(rows, start=1)]


def _check_columns(columns: tuple[str, ...] | Any, shown: str) -> None:
    known = f"known are {', '.join(FOLDER_KEYS)}"
    if unknown := next((column for column in columns if column not in FOLDER_KEYS), None):
        raise UsageError(f"{shown} has an unknown column {unknown!r}; {known}")
    if "path" not in columns:
        raise UsageError(f"{shown} has no column 'path'; {known}")
    if len(set(columns)) < len(columns):
        raise UsageError(f"{shown} has a column twice; {known}")


def _check_row(row: dict[str, Any], where: str) -> None:
    for key, value in row.items():
        if not isinstance(value, str) and (value is not None or key == "path"):
            raise UsageError(f"{where}: {key} is {value!r}, expected text")


def _check_known(values: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    if unknown := next((key for key in values if key not in known), None):
        raise MediaError("bad_sidecar", f"{what} has an unknown key {unknown!r}; known are {', '.join(known)}")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise MediaError("bad_sidecar", "its sidecar's scenes are not a list")
    return value


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
