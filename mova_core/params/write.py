"""Writes params.yaml of a preset: every value with its meaning, both taken from the params classes.

python -m mova_core.params.write                    params.yaml of preset nano
python -m mova_core.params.write mova-360p FILE     another preset, another file

A file that is there is replaced; every value that changes by it is printed, old and new.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mova_core.errors import MovaError
from mova_core.params.load import params_from, read_values
from mova_core.params.nested import flat
from mova_core.params.presets import DEFAULT_PRESET, PRESETS, PresetName
from mova_core.params.section import Section
from mova_core.places import PARAMS

HEADER = """\
# Every value of the project, one section a stage. Unknown keys are refused; what is left out is as the preset has it.
# Written by `python -m mova_core.params.write`: defaults and meanings stand in mova_core/params/, change them there;
# values of your own belong here.
"""


def params_text(preset: PresetName = DEFAULT_PRESET) -> str:
    """The params.yaml of a preset."""
    params = params_from({"preset": preset, "encode": {"geometries": PRESETS[preset].geometries}})
    return HEADER + "".join(f"{line}\n" for line in _lines(params, 0, set()))


def _lines(section: Section, depth: int, told: set[tuple[str, str]]) -> Iterator[str]:
    """Lines of a section's fields; a meaning that several sections share is told at the first."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        opens = isinstance(value, Section) and not value.on_one_line
        if opens and depth == 0:
            yield ""
        line = f"{'  ' * depth}{name}:" + ("" if opens else f" {in_yaml(value)}")
        meaning = field.description
        if meaning and (name, meaning) not in told:
            told.add((name, meaning))
            line += f" # {meaning}"
        yield line
        if opens:
            yield from _lines(value, depth + 1, told)


def in_yaml(value: Any) -> str:
    """A value on one line."""
    plain = value.model_dump() if isinstance(value, Section) else value
    plain = list(plain) if isinstance(plain, tuple) else plain
    text = yaml.safe_dump([plain], default_flow_style=True, width=1_000_000, allow_unicode=True, sort_keys=False)
    return text.strip()[1:-1]


def _changes(path: Path, text: str) -> Iterator[str]:
    if path.exists():
        before, after = flat(read_values(path)), flat(yaml.safe_load(text))
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                yield f"{key}: {before.get(key, 'not there')} -> {after.get(key, 'not there')}"


def main(arguments: list[str] | None = None) -> int:
    """Command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m mova_core.params.write",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("preset", nargs="?", choices=PRESETS, default=DEFAULT_PRESET)
    parser.add_argument("file", nargs="?", type=Path, default=PARAMS)
    chosen = parser.parse_args(arguments)
    text = params_text(chosen.preset)
    try:
        changes = list(_changes(chosen.file, text))
    except MovaError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    temporary = chosen.file.with_name(f"{chosen.file.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(chosen.file)
    print("\n".join([f"wrote {chosen.file}", *changes]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
