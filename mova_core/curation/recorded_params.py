"""The params that a curated folder was made with: every value that curation goes by, in the folder's `params.yaml`.

They are written last and removed first, so a folder that has them is a finished curation, made by just these values.
`under_other_limits` reads a second params file against them: only limits of `assess` can be tried without media.
"""

from pathlib import Path
from typing import Any

import yaml

from mova_core.errors import UsageError
from mova_core.params import Params, load_params, params_from, read_values
from mova_core.params.nested import flat
from mova_core.places import PARAMS
from mova_core.storage.atomic import write_text

MADE_WITH = PARAMS.name
NEED_MEDIA = ("preset", "seed", "limits", "ingest", "segment", "cut")
MEASURED_BY = ("assess.measures", "weights")
SECTIONS = (*NEED_MEDIA, "assess", "weights")
HEADER = "# What the tables and clips of this folder were made with.\n"


def write_made_with(params: Params, folder: Path) -> None:
    """Record the params of a finished curation."""
    write_text(folder / MADE_WITH, HEADER + yaml.safe_dump(_values(params), sort_keys=False))


def read_made_with(folder: Path, stated: Path | None = None) -> Params:
    """What a curated folder was made with.

    Args:
        folder: with tables.
        stated: a params file that says so, for a folder that does not (`data/` under DVC and its params.yaml).

    Raises:
        UsageError: neither says so, or what says so is no params file.
    """
    recorded = folder / MADE_WITH
    if recorded.exists() and stated is not None:
        raise UsageError(f"{recorded} says what {folder} was made with: leave --params {stated} out")
    if not recorded.exists() and stated is None:
        raise UsageError(
            f"{recorded} is missing, so {folder} is no finished curation: run `mova curate FOOTAGE --out {folder}`,"
            " or say by --params FILE what its tables were made with"
        )
    return load_params(stated or recorded)


def under_other_limits(made_with: Params, file: Path, folder: Path) -> Params:
    """The same params but for the limits of `assess` in `file`; what the file leaves out stays as it was.

    Raises:
        UsageError: the file is wrong, or differs in what cannot be tried on stored measures.
    """
    values = read_values(file)
    for name, before in _values(made_with).items():
        given = values.get(name, before)
        values[name] = before | given if isinstance(before, dict) and isinstance(given, dict) else given
    other = params_from(values, where=str(file))
    for key, (before, now) in _differing(made_with, other).items():
        if key.partition(".")[0] in NEED_MEDIA or key.startswith(MEASURED_BY):
            raise UsageError(
                f"{file}: {key} is {now}, {folder} was made with {before}: clips and measures depend on it, so the"
                f" media would be needed again; leave it as it was, or run `mova curate FOOTAGE --out OTHER --params"
                f" {file}`"
            )
    return other


def differing_limits(before: Params, now: Params) -> dict[str, tuple[float | str, float | str]]:
    """Limit of `assess` -> its values before and now, where they differ; a list as the names in it."""
    return {
        key.removeprefix("assess."): (_told(pair[0]), _told(pair[1]))
        for key, pair in _differing(before, now).items()
        if key.startswith("assess.")
    }


def _told(value: float | list[str]) -> float | str:
    return (", ".join(value) or "none") if isinstance(value, list) else value


def _values(params: Params) -> dict[str, Any]:
    values = params.model_dump(mode="json", include=set(SECTIONS), exclude={"ingest": {"footage"}})
    return {name: values[name] for name in SECTIONS}


def _differing(before: Params, now: Params) -> dict[str, tuple[Any, Any]]:
    flat_before, flat_now = flat(_values(before)), flat(_values(now))
    return {key: (flat_before[key], flat_now[key]) for key in flat_before if flat_before[key] != flat_now[key]}
