"""`--prompts FILE.jsonl`: one clip a line, each a JSON object with `prompt` and, where wanted, `name`, `seed` and the
fields of `wanted.py`.

A file is a path, taken from the prompts' own folder unless absolute. Read and checked whole before torch is loaded.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from mova_core.errors import UsageError, first_fault
from mova_core.sampling.request.wanted import Given, Wanted

SAFE_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
EXAMPLE = '{"prompt": "a red ball", "seed": 1}'
MAX_SEED = 2**53 - 1  # what JSON holds exactly


class PromptLine(Given):
    """One line of the file."""

    prompt: str
    name: str | None = None
    seed: int | None = Field(None, ge=0, le=MAX_SEED)


Line = TypeVar("Line", bound=PromptLine)


def read_prompts(path: Path, seed: int) -> list[Wanted]:
    """The clips that a file asks for, in its order; line i without a seed of its own has `seed + i`.

    Raises:
        UsageError: no such file, no line in it, a line that is wrong, or a name twice.
    """
    return [wanted for wanted, _ in read_prompt_lines(path, seed, PromptLine)]


def read_prompt_lines(path: Path, seed: int, kind: type[Line]) -> list[tuple[Wanted, Line]]:
    """The same from lines that may say more, each with its line; errors as of `read_prompts`.

    Args:
        path: of the file.
        seed: of the first line.
        kind: of a line.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: expected a file with one JSON object a line") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}): expected UTF-8 text, one JSON object a line") from None
    read = []
    for index, (number, text) in enumerate(_filled(lines)):
        line = _checked(text, f"{path} line {number}", kind)
        read.append((_wanted(line, f"{path} line {number}", index, path.parent, seed), line))
    if not read:
        raise UsageError(f"{path} has no line, expected at least one such as {EXAMPLE}")
    name, count = Counter(clip.name for clip, _ in read).most_common(1)[0]
    if count > 1:
        raise UsageError(f"{path} names {count} clips {name!r}: one file would overwrite the other")
    return read


def check_name(name: str, where: str) -> None:
    """UsageError unless a name can be a file's."""
    if not SAFE_NAME.fullmatch(name):
        raise UsageError(f"{where}: name is {name!r}, expected letters, digits, '-', '_' and '.', at most 100")


def _filled(lines: list[str]) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _checked(text: str, where: str, kind: type[Line]) -> Line:
    try:
        values: Any = json.loads(text)
        return kind.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"{where}: {first_fault(error)}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not JSON ({error}): expected an object a line, such as {EXAMPLE}") from None


def _wanted(line: PromptLine, where: str, index: int, folder: Path, seed: int) -> Wanted:
    name = f"{index:05d}" if line.name is None else line.name
    check_name(name, where)
    files = {field: folder / file for field, file in line.files.items()}
    given = Given.model_validate(line.asked | files)
    return Wanted(name, line.prompt, seed + index if line.seed is None else line.seed, given)
