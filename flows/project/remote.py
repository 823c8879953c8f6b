"""Where DVC keeps copies of a project's data and models: a bucket or a folder, as `.dvc/config` says.

The config is in Git, for everybody who clones the project, so it holds where the remote is and never a key: DVC takes
keys from the environment or the files of the AWS tools, by the names that `mova_core/storage/object_store/s3_access.py`
lists.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.project.dvc_config import edited_config
from mova_core.errors import UsageError
from mova_core.storage.atomic import make_folder
from mova_core.storage.object_store.base import BUCKET_SCHEME, is_bucket
from mova_core.storage.object_store.s3_access import AWS_ENDPOINT, CONNECT_S, READ_S, answers, client, endpoint

REMOTE = "storage"  # its name in .dvc/config


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote that a project has now.

    Args:
        address: `s3://bucket/prefix`, or a folder.
        replaced: address of the default remote that it had before; None where it had none, or this one.
    """

    address: str
    replaced: str | None


def settings_of(address: str) -> dict[str, Any]:
    """What `.dvc/config` is to say of a remote, once it is known to be there.

    Args:
        address: `s3://BUCKET/PREFIX`, or a folder, which is made if it is missing.

    Raises:
        UsageError: it is neither, there is no such bucket, or the keys are refused.
        MovaError: the server does not answer.
    """
    return _bucket(address) if is_bucket(address) else _folder(address)


def set_remote(folder: Path, settings: dict[str, Any]) -> Remote:
    """Make a remote the default one of a project.

    Args:
        folder: of the project.
        settings: see `settings_of`.

    Raises:
        UsageError: the folder is no DVC project.
    """
    with edited_config(folder) as config:
        remotes = config.setdefault("remote", {})
        before = remotes.get(config["core"].get("remote"), {}).get("url")
        remotes[REMOTE] = settings
        config["core"]["remote"] = REMOTE
    return Remote(settings["url"], None if before in (None, settings["url"]) else str(before))


def _bucket(address: str) -> dict[str, Any]:
    from mova_core.storage.object_store.s3 import Bucket

    if "@" in address:  # it may hold a key: not shown
        raise UsageError(f"--remote is no {BUCKET_SCHEME}BUCKET/PREFIX: a key belongs into AWS_ACCESS_KEY_ID alone")
    store = Bucket.at(address)
    with answers(store.bucket):
        found = client().bucket_exists(store.bucket)
    host, tls = endpoint()
    if not found:
        raise UsageError(
            f"there is no bucket {store.bucket} at {host}: make it, or correct --remote or AWS_ENDPOINT_URL"
        )
    url = f"http{'s' if tls else ''}://{host}"
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return (
        {"url": store.address}
        | ({} if url == AWS_ENDPOINT else {"endpointurl": url})
        | ({"region": region} if region else {})
        | {"connect_timeout": CONNECT_S, "read_timeout": READ_S}
    )


def _folder(address: str) -> dict[str, Any]:
    if "://" in address:
        scheme = address.partition("://")[0]
        raise UsageError(
            f"--remote is of kind {scheme}://, expected {BUCKET_SCHEME}BUCKET/PREFIX or a folder: other kinds that DVC "
            "knows are set by `dvc remote add --default`"
        )
    path = Path(address).expanduser().resolve()
    make_folder(path)
    return {"url": str(path)}
