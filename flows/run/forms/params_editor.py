"""Writes a choice made for a run into params.yaml, which stays the only place of settings.

As `dvc exp run --set-param` would, but keeping every comment and the order of the file, and touching it only where a
value differs, so that a run with the choices of the last one finds everything cached.
"""

from pathlib import Path
from typing import Any, Final, Literal

import yaml

from mova_core.errors import UsageError
from mova_core.params import PRESETS, PresetName, load_params, params_from, read_values, with_preset
from mova_core.params.evaluation import Footage
from mova_core.params.nested import flat
from mova_core.places import PARAMS
from mova_core.storage.atomic import write_text

AS_IN_PARAMS: Final = "as in params.yaml"
Preset = Literal["as in params.yaml", PresetName]


def choose(preset: Preset) -> None:
    """Write the chosen preset, and refuse a wrong params.yaml before anything starts.

    Raises:
        UsageError: params.yaml is missing or not understood.
    """
    if preset != AS_IN_PARAMS:
        set_preset(preset)
    load_params(PARAMS)


def set_preset(preset: PresetName) -> bool:
    """Choose a preset, and with it the values that only repeat the preset before; values of the user's own stay.

    Returns:
        Whether params.yaml was written.

    Raises:
        UsageError: params.yaml is missing or not understood.
    """
    load_params(PARAMS)
    values = read_values(PARAMS)
    chosen = flat(params_from(with_preset(values, preset), where=str(PARAMS)).model_dump(mode="json"))
    changes = {key: chosen[key] for key in flat(values) if key in chosen}
    geometries = {"preset": preset, "encode.geometries": list(PRESETS[preset].geometries)}  # dvc.yaml reads these
    return set_params(PARAMS, changes | geometries)


def set_footage(footage: Path, kind: Footage | None = None) -> bool:
    """Choose the folder, or the sources.lock, that `ingest` reads.

    Args:
        footage: its path.
        kind: whether the project made it, by which suite and gates are chosen; None leaves that as it is.

    Returns:
        Whether params.yaml was written.

    Raises:
        UsageError: params.yaml is missing or not understood.
    """
    chosen = {} if kind is None else {"evaluate.footage": kind}
    return set_params(PARAMS, {"ingest.footage": footage.as_posix(), **chosen})


def footage_in_params() -> Path:
    """The footage that params.yaml names now.

    Raises:
        UsageError: params.yaml is missing or not understood.
    """
    return Path(load_params(PARAMS).ingest.footage)


def set_params(path: Path, changes: dict[str, Any]) -> bool:
    """Replace values in a params file where they differ; every other byte stays.

    Args:
        path: the YAML file.
        changes: dotted key to value.

    Returns:
        Whether the file was written.

    Raises:
        UsageError: the file is missing, is no readable YAML, or does not hold such a key.
    """
    try:
        before = path.read_text(encoding="utf-8")
        root = yaml.compose(before, Loader=yaml.SafeLoader)
        text = before
        places = sorted(
            ((_value_at(root, key, path), value) for key, value in changes.items()), reverse=True, key=_start
        )
        for node, value in places:  # from the end of the file, so that the earlier places stay where they are
            text = _replaced(text, node, value)
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: run from the project folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not readable YAML: {' '.join(str(error).split())}") from None
    if text != before:
        write_text(path, text)
    return text != before


def _value_at(root: yaml.Node | None, key: str, path: Path) -> yaml.Node:
    node = root
    for name in key.split("."):
        entries = node.value if isinstance(node, yaml.MappingNode) else []
        node = dict((found.value, entry) for found, entry in entries).get(name)
        if node is None:
            raise UsageError(f"{path} has no key {key}: add it with any value, then choose again")
    assert node is not None
    return node


def _start(place: tuple[yaml.Node, Any]) -> int:
    return int(place[0].start_mark.index)


def _replaced(text: str, node: yaml.Node, value: Any) -> str:
    start, end = node.start_mark.index, node.end_mark.index
    if yaml.safe_load(text[start:end]) == value:
        return text
    written = yaml.safe_dump([value], default_flow_style=True, width=1_000_000, allow_unicode=True)
    return text[:start] + written.strip()[1:-1] + text[end:]
