"""Footage of the bouncing world as ordinary files: something to curate before there is footage of one's own.

A folder is made whole or not at all: files are written into a folder beside it, which then takes its name. Beside it
lies `FOLDER-events.json`: what the folder was made from, each file's size and sha256, and the true event times, which
are for measuring only (no stage reads them). Every file depends on (seed, its number) alone, so workers change no byte.
"""

import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from mova_core.errors import UsageError
from mova_core.geometry import GEOMETRIES
from mova_core.progress import track
from mova_core.storage.atomic import clear_temporary, make_folder
from mova_core.storage.code_version import code_version
from mova_core.storage.hashing import sha256_json
from mova_core.storage.manifest import file_entry, write_manifest
from mova_core.synthetic.files import BROKEN_FILES, plan_file, write_broken_file, write_file

CLIP = GEOMETRIES["nano-48"]  # whose windows are counted
SPARE = 1.05  # windows made per clip asked for
WINDOWS_PER_FILE = 18
LEAST_FILES = 3  # one of each format


def make_footage(folder: Path, clips: int, seed: int, workers: int = 1) -> dict[str, Any]:
    """Fill a new folder with synthetic footage; one that holds just that already is left as it is.

    Args:
        folder: where to; replaced if everything in it is synthetic footage of other arguments.
        clips: windows of 33 frames at 16 fps that should come out of it, about.
        seed: of everything drawn.
        workers: processes at once.

    Returns:
        What was made (`files`, `windows`, `seconds`, `cached`), and `text` for a person.

    Raises:
        UsageError: clips is below 1, the folder cannot be written, or it holds files that were not made here.
    """
    if clips < 1:
        raise UsageError(f"--clips must be at least 1, got {clips}")
    key = sha256_json(clips, seed, code_version(__name__))
    record_path = events_path(folder)
    record = _read_record(record_path)
    if record.get("key") == key and _holds(folder, record["files"]):
        return _summary(record, folder, cached=True)
    if folder.exists() and not _is_replaceable(folder, record):
        raise UsageError(
            f"{folder} is not a folder with nothing but what `mova make-footage` made (as {record_path.name} beside it "
            "lists it): name a new or empty one"
        )

    making = folder.with_name(f".making-{folder.name}")
    make_folder(making)
    clear_temporary(making)
    files = _make_files(making, clips, seed, workers)
    record = {"key": key, "clips": clips, "seed": seed, "files": files}
    # Killed between any two of these lines, the next run finds a folder that it may replace, or none.
    if folder.exists():
        shutil.rmtree(folder)
    write_manifest(record_path, record)
    making.rename(folder)
    return _summary(record, folder, cached=False)


def events_path(folder: Path) -> Path:
    """The file beside a made folder that holds its true event times."""
    return folder.with_name(f"{folder.name}-events.json")


def _make_files(folder: Path, clips: int, seed: int, workers: int) -> dict[str, dict[str, Any]]:
    windows = round(clips * SPARE + 0.5)
    count = max(LEAST_FILES, round(windows / WINDOWS_PER_FILE))
    shares = [windows * (number + 1) // count - windows * number // count for number in range(count)]
    items = [(number, max(1, share)) for number, share in enumerate(shares)]
    work = partial(_make_one, folder, seed)
    with ExitStack() as stack:
        if workers > 1:
            pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
            done = stack.enter_context(pool).map(work, items)
        else:
            done = map(work, items)
        files = dict(track(done, count, "make-footage"))
    files |= {name: {"events_s": []} for name in BROKEN_FILES}
    for name in BROKEN_FILES:
        write_broken_file(folder / name)
    expected = {*files, *(f"{name}.json" for name in files)}
    for path in folder.iterdir():
        if path.name not in expected:
            path.unlink()  # left by a killed run of other arguments
    names = sorted(path.name for path in folder.iterdir())
    return {name: file_entry(folder / name).model_dump() | files.get(name, {}) for name in names}


def _make_one(folder: Path, seed: int, item: tuple[int, int]) -> tuple[str, dict[str, Any]]:
    number, windows = item
    plan = plan_file(number, seed, windows, CLIP.duration)
    write_file(plan, folder / plan.name)
    return plan.name, {"windows": windows, "seconds": round(plan.length_s, 3), "events_s": plan.events_s}


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return record if isinstance(record, dict) and isinstance(record.get("files"), dict) else {}


def _holds(folder: Path, files: dict[str, dict[str, Any]]) -> bool:
    """Whether the folder holds exactly these files, by name and size."""
    found = {path.name: path.stat().st_size for path in folder.iterdir()} if folder.is_dir() else {}
    return found == {name: entry["bytes"] for name, entry in files.items()}


def _is_replaceable(folder: Path, record: dict[str, Any]) -> bool:
    """Empty, or nothing in it but unchanged files of an earlier call."""
    if not folder.is_dir():
        return False
    known = {name: entry["bytes"] for name, entry in record.get("files", {}).items()}
    return all(path.is_file() and known.get(path.name) == path.stat().st_size for path in folder.iterdir())


def _summary(record: dict[str, Any], folder: Path, cached: bool) -> dict[str, Any]:
    made = [entry for entry in record["files"].values() if "seconds" in entry]
    windows, seconds = sum(entry["windows"] for entry in made), sum(entry["seconds"] for entry in made)
    text = (
        f"{folder}: {len(made) + len(BROKEN_FILES)} files ({len(BROKEN_FILES)} of them broken on purpose), "
        f"{seconds / 60:.0f} min, room for {windows} clips{', already there' if cached else ''}"
    )
    return {
        "text": text,
        "folder": str(folder),
        "files": len(made) + len(BROKEN_FILES),
        "windows": windows,
        "seconds": round(seconds, 1),
        "cached": cached,
    }
