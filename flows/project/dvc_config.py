"""`.dvc/config` of a project, read and written by DVC's own code, so that it stays what `dvc config` understands."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mova_core.errors import UsageError

CONFIG = Path(".dvc/config")


@contextmanager
def edited_config(folder: Path) -> Iterator[dict[str, Any]]:
    """The sections of `.dvc/config`, to be changed; written back where they were.

    Raises:
        UsageError: the folder is no DVC project, or DVC does not understand its config, before or after.
    """
    from dvc.config import Config, ConfigError

    if not (folder / CONFIG.parent).is_dir():
        raise UsageError(f"{folder} is no DVC project: make it one with `mova init`")
    try:
        config = Config(str((folder / CONFIG.parent).absolute()))
        found = config.load_one("repo")
        wanted = copy.deepcopy(found)
        yield wanted
        if wanted != found:
            with config.edit("repo") as sections:
                sections.clear()
                sections.update(wanted)
    except ConfigError as error:
        raise UsageError(f"{folder / CONFIG} is not understood by DVC: {' '.join(str(error).split())}") from None
