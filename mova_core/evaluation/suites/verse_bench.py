"""Verse-Bench's prompts: 600 in three sets, of which set3 is of people who speak.

Layout of its JSON: {set: {id: {prompt, video_prompt, audio_prompt: [text, …], speech_prompt: {speaker, text},
first_frame_path, videos}}}. The model is given `prompt`; a text that is empty is not there. `videos` are clips to
compare with, which are not generated from.
Source: the MOVA report (arXiv:2602.08794), section on evaluation; Verse-Bench is of arXiv:2509.06155.
"""

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from mova_core.errors import UsageError, first_fault
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.measures.clip import Asked
from mova_core.sampling.request.prompt_file import check_name
from mova_core.sampling.request.wanted import NOTHING, Given, Wanted
from mova_core.speech.transcript import Segment, Transcript

CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")  # one such character: the suite has English and Chinese alone


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Speech(_Closed):
    speaker: str
    text: str


class _Prompt(_Closed):
    prompt: str
    video_prompt: str
    audio_prompt: list[str]
    speech_prompt: _Speech
    first_frame_path: str = ""
    videos: list[str] = []


_LAYOUT = TypeAdapter(dict[str, dict[str, _Prompt]])


def read_verse_bench(path: Path) -> tuple[SuiteItem, ...]:
    """Its clips in the order of the file, named SET-ID, with seeds 0, 1, 2, ….

    Raises:
        UsageError: no such file, another layout, or no prompt in it.
    """
    try:
        sets = _LAYOUT.validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): expected the prompts of Verse-Bench") from None
    except ValidationError as error:
        raise UsageError(f"{path} is not in the layout of Verse-Bench: {first_fault(error)}") from None
    named = [(name, number, prompt) for name, prompts in sets.items() for number, prompt in prompts.items()]
    if not named:
        raise UsageError(f"{path} has no prompt, expected the prompts of Verse-Bench")
    return tuple(_item(*each, seed, path) for seed, each in enumerate(named))


def language_of(text: str) -> str:
    """`zh` or `en`, by the script."""
    return "zh" if CHINESE.search(text) else "en"


def _item(set_name: str, number: str, prompt: _Prompt, seed: int, path: Path) -> SuiteItem:
    name = f"{set_name}-{number}"
    check_name(name, f"{path}, {set_name}.{number}")
    frame = prompt.first_frame_path
    given = Given(image=path.parent / frame) if frame else NOTHING
    return SuiteItem(
        Wanted(name, prompt.prompt, seed, given),
        Asked(prompt=prompt.prompt, set=set_name, speech=_speech(prompt.speech_prompt)),
    )


def _speech(said: _Speech) -> Transcript | None:
    if not said.text.strip():
        return None
    return Transcript(
        segments=(Segment(text=said.text, speaker=said.speaker or None),), language=language_of(said.text)
    )
