"""`--prompts FILE.jsonl`: one clip a line, each a JSON object with `prompt` and, where wanted, `name`, `seed` and the
fields of `wanted.py`.

A file is a path, taken from the prompts' own folder unless absolute. Read and checked whole before torch is loaded.
"""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from mova_core.errors import UsageError, first_fault
from mova_core.sampling.request.wanted import Given, Wanted

SAFE_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
EXAMPLE = '{"prompt": "a red ball", "seed": 1}'
MAX_SEED = 2**53 - 1  # what JSON holds exactly


class _Line(Given):
    prompt: str
    name: str | None = None
    seed: int | None = Field(None, ge=0, le=MAX_SEED)


def read_prompts(path: Path, seed: int) -> list[Wanted]:
    """The clips that a file asks for, in its order; line i without a seed of its own has `seed + i`.

    Raises:
        UsageError: no such file, no line in it, a line that is wrong, or a name twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: expected a file with one JSON object a line") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}): expected UTF-8 text, one JSON object a line") from None
    wanted = [
        _wanted(line, f"{path} line {number}", index, path.parent, seed)
        for index, (number, line) in enumerate(_filled(lines))
    ]
    if not wanted:
        raise UsageError(f"{path} has no line, expected at least one such as {EXAMPLE}")
    names = [clip.name for clip in wanted]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"{path} names two clips {twice!r}: one file would overwrite the other")
    return wanted


def _filled(lines: list[str]) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _wanted(line: str, where: str, index: int, folder: Path, seed: int) -> Wanted:
    try:
        values: Any = json.loads(line)
        checked = _Line.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"{where}: {first_fault(error)}") from None
    except ValueError as error:
        raise UsageError(f"{where} is not JSON ({error}): expected an object a line, such as {EXAMPLE}") from None
    name = f"{index:05d}" if checked.name is None else checked.name
    if not SAFE_NAME.fullmatch(name):
        raise UsageError(f"{where}: name is {name!r}, expected letters, digits, '-', '_' and '.', at most 100")
    files = {name: folder / file for name, file in checked.files.items()}
    given = Given.model_validate(checked.asked | files)
    return Wanted(name, checked.prompt, seed + index if checked.seed is None else checked.seed, given)
