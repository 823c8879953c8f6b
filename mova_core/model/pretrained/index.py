"""Reads a model folder's `model_index.json` and configs and checks that its components are there, without torch.

The layout is the released one: a folder each for `video_dit`, `video_dit_2`,
`audio_dit`, `dual_tower_bridge`, `video_vae`, `audio_vae`, `text_encoder`, `tokenizer` (released only) and `scheduler`.
A component is found by its name; the class that `model_index.json` names for it is kept, never imported. Our own keys:
`generate` holds the defaults of generation, `trained_on` phrases of the training captions.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mova_core.errors import StaleError, UsageError
from mova_core.model.text.known_phrases import unknown_prompts_warning
from mova_core.model.text.prompt import CONTEXT_LENGTH, NANO_CONTEXT_LENGTH, check_prompt, clean_prompt
from mova_core.places import CANDIDATE
from mova_core.storage.hashing import sha256_file

INDEX_FILE = "model_index.json"
SCHEDULER_CONFIG = "scheduler_config.json"
TOWER_COMPONENTS = ("video_dit", "video_dit_2", "audio_dit", "dual_tower_bridge")
FROZEN_COMPONENTS = ("video_vae", "audio_vae", "text_encoder", "tokenizer", "scheduler")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
NANO_CLASSES = {
    "video_vae": "NanoVideoCodec",
    "audio_vae": "NanoAudioCodec",
    "text_encoder": "NanoTextEncoder",
}
DEFAULT_SHIFT = 5.0


@dataclass(frozen=True, slots=True)
class FolderIndex:
    """The fields of `model_index.json`, and the shift of its scheduler.

    Args:
        fields: as they stand in the file, ours and unknown ones included.
        shift: of the scheduler's own 1000-entry table.
        folder: where it was read, None for a model that is only in memory.
    """

    fields: Mapping[str, Any]
    shift: float = DEFAULT_SHIFT
    folder: Path | None = None

    @classmethod
    def read(cls, folder: Path) -> "FolderIndex":
        """Read and check that every component is there, without a pickle among them.

        Raises:
            UsageError: not a model folder, a component is missing, or a pickle lies in it.
            StaleError: a file that is not readable JSON.
        """
        if not (folder / INDEX_FILE).is_file():
            raise UsageError(
                f"{folder} is not a model folder: {INDEX_FILE} is missing; expected one such as {CANDIDATE}, or a "
                "released checkpoint"
            )
        fields = read_json(folder / INDEX_FILE)
        refuse_pickles(folder)
        for component in TOWER_COMPONENTS + FROZEN_COMPONENTS[:3]:
            if not (folder / component / "config.json").is_file():
                raise UsageError(f"{folder} has no component {component} (no {component}/config.json): fetch it again")
        index = cls(fields, scheduler_shift(folder), folder)
        if not index.has_nano_text and not (folder / "tokenizer" / "tokenizer.json").is_file():
            raise UsageError(f"{folder} has no component tokenizer (no tokenizer/tokenizer.json): fetch it again")
        return index

    @property
    def boundary_ratio(self) -> float | None:
        """The sigma below which the low-noise expert works; None where the file names none."""
        return self.fields.get("boundary_ratio")

    @property
    def generate(self) -> dict[str, Any] | None:
        """Our defaults of generation; None for a released folder, which has none."""
        return self.fields.get("generate")

    @property
    def has_nano_text(self) -> bool:
        """Whether the text encoder is the nano preset's."""
        return self.fields.get("text_encoder", [None, None])[1] == NANO_CLASSES["text_encoder"]

    @property
    def max_tokens(self) -> int:
        """Tokens of a prompt that the text encoder reads, the end token included."""
        return NANO_CONTEXT_LENGTH if self.has_nano_text else CONTEXT_LENGTH

    def check_prompts(self, prompts: Iterable[str]) -> None:
        """Refuse an empty or over-long prompt before the text encoder is loaded; UsageError names the first."""
        count = self.token_counter()
        for prompt in prompts:
            check_prompt(prompt, count(prompt), self.max_tokens)

    def prompts_warning(self, prompts: Sequence[str]) -> str | None:
        """One sentence where prompts name nothing that the model was trained on, as far as the folder says what."""
        return unknown_prompts_warning(prompts, self.fields.get("trained_on", ()))

    def with_phrases(self, phrases: Iterable[str]) -> "FolderIndex":
        """The index of a model that was trained on these too; a folder that does not say on what stays as it is."""
        if not (known := self.fields.get("trained_on")):
            return self
        added = [phrase for phrase in phrases if phrase not in known]
        return replace(self, fields={**self.fields, "trained_on": [*known, *added]})

    def token_counter(self) -> Callable[[str], int]:
        """Function that counts a prompt's tokens, the end token included, without torch."""
        if self.has_nano_text:
            return lambda prompt: len(prompt.encode("utf-8")) + 1
        assert self.folder is not None, "a released model is always read from a folder"
        from tokenizers import Tokenizer  # without torch, unlike transformers

        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer" / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return lambda prompt: len(tokenizer.encode(clean_prompt(prompt)).ids)


def scheduler_shift(folder: Path) -> float:
    """The shift of a model folder's scheduler.

    Raises:
        UsageError: it has none.
        StaleError: its shift is not a positive number.
    """
    path = folder / "scheduler" / SCHEDULER_CONFIG
    if not path.is_file():
        raise UsageError(f"{folder} has no component scheduler (no scheduler/{SCHEDULER_CONFIG}): fetch it again")
    shift = read_json(path).get("shift", DEFAULT_SHIFT)
    if not isinstance(shift, int | float) or not shift > 0:
        raise StaleError(f"{path} has shift {shift!r}, expected a number above 0")
    return float(shift)


def write_scheduler(folder: Path) -> None:
    """Write the scheduler's config into a model folder that is being made."""
    config = {"_class_name": "PairSchedule", "num_train_timesteps": 1000, "shift": DEFAULT_SHIFT}
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / SCHEDULER_CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def refuse_pickles(folder: Path) -> None:
    """Refuse a folder with a pickle file in it, at any depth.

    Raises:
        UsageError: names the first.
    """
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICKLES:
            raise UsageError(
                f"{path} is a pickle, which can run code when read: only safetensors are taken; convert and remove it"
            )


def component_digests(component: Path) -> list[str]:
    """Sha256 of each file with weights of a component folder, in the order of their names."""
    return [sha256_file(path) for path in sorted(component.glob("*.safetensors"))]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        StaleError: the file holds none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise StaleError(f"{path} is not readable JSON ({error}): fetch it again") from None
    if not isinstance(values, dict):
        raise StaleError(f"{path} holds a {type(values).__name__}, expected a JSON object: fetch it again")
    return values
