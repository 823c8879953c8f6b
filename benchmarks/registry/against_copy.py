"""A folder of shards put into a local store, against cp + sha256sum + sync of it."""

import itertools
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Row
from benchmarks.registry.shards import make_shards, size_mib, throughput
from mova_core.storage.artifact_store.local import LocalStore
from mova_core.storage.artifact_store.transfer import push
from mova_core.storage.manifest import Files

SCRIPT = 'mkdir "$2" && cp --reflink=never "$1"/* "$2" && (cd "$2" && sha256sum * > ../sums) && sync "$2"/* "$2"'


def rows() -> list[Row]:
    """Both on the file system of the folder for temporary files; each time into an empty folder."""
    with TemporaryDirectory(prefix="mova-benchmark-") as temporary:
        root, mib = Path(temporary), size_mib()
        shards, files = root / "shards", make_shards(root / "shards", mib)
        numbers = itertools.count()

        def subject() -> None:
            put(shards, files, root / f"store-{next(numbers)}")

        def baseline() -> None:
            copy(shards, root / f"copy-{next(numbers)}")

        return [throughput("registry.local", subject, baseline, f"cp, sha256sum and sync of {mib} MiB")]


def put(shards: Path, files: Files, folder: Path) -> None:
    """Put the shards into a store in an empty folder, and remove it."""
    push(LocalStore(folder), shards, files)
    shutil.rmtree(folder)


def copy(shards: Path, folder: Path) -> None:
    """The same by the usual tools."""
    subprocess.run(["bash", "-ec", SCRIPT, "copy", str(shards), str(folder)], check=True)
    shutil.rmtree(folder)
