"""`--prompts FILE.jsonl`: one clip a line, each a JSON object with `prompt` and, where wanted, `name`, `image` (the
first frame), `last_image`, `seed`.

An image is a path, taken from the file's own folder unless absolute. Read and checked whole before torch is loaded.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mova_core.errors import UsageError, first_fault

SAFE_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}")
EXAMPLE = '{"prompt": "a red ball", "seed": 1}'
FILE_FIELDS = ("image", "last_image")  # of a clip that is asked for
MAX_SEED = 2**53 - 1  # what JSON holds exactly


@dataclass(frozen=True, slots=True)
class Wanted:
    """One clip to make.

    Args:
        name: of its file, without suffix.
        prompt: its text.
        image: file of the first frame.
        seed: of its noise.
        last_image: file of the last frame.
        suffix: of its file's name, where the whole name was asked for; None: the one that its codec has.
        audio_out: WAV file that its audio is written into as well.
    """

    name: str
    prompt: str
    image: Path | None
    seed: int
    last_image: Path | None = None
    suffix: str | None = None
    audio_out: Path | None = None

    @property
    def files(self) -> dict[str, Path]:
        """What it is made from, by field of `ClipInputs`."""
        given = {name: getattr(self, name) for name in FILE_FIELDS}
        return {name: path for name, path in given.items() if path is not None}


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str
    name: str | None = None
    image: str | None = None
    last_image: str | None = None
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
    image, last_image = (None if path is None else folder / path for path in (checked.image, checked.last_image))
    return Wanted(name, checked.prompt, image, seed + index if checked.seed is None else checked.seed, last_image)
