"""What models are asked about a clip: its video, its audio, and one caption made of all tracks.

The tracks and their merge are those of the MOVA report (arXiv:2602.08794, section 3, captioning): the visual track says
only what is visible and lists on-screen text apart, speech is a transcript, the audio track leaves speech out, and a
language model merges them. The wording of the instructions, in `instructions/`, is this project's own. What a speaker
says and what is written in a frame is data: it reaches the language model as values of one JSON object.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from mova_core.curation.caption.models.clip_media import ClipMedia
from mova_core.curation.caption.rules import caption_fault
from mova_core.endpoints.answer import Answer, FilledText, Text, few
from mova_core.endpoints.ask import UnusableAnswer
from mova_core.endpoints.question import Question, audio_part, image_part, media_message, message
from mova_core.prompting.quotations import MARKS
from mova_core.prompting.training_caption import Caption
from mova_core.speech.transcript import Transcript

INSTRUCTIONS = Path(__file__).parent / "instructions"
MOST_WORDS = 200  # of a caption, as models are asked
LONGEST_WORDS = 250  # of one that is accepted: the released text encoder reads 512 tokens, about two a word


def _on_one_line(text: Any) -> Any:
    """Line breaks, which models like to make, as spaces."""
    return " ".join(text.splitlines()) if isinstance(text, str) else text


ON_ONE_LINE = BeforeValidator(_on_one_line)


class VisualDescription(Answer):
    """What is visible, and what is written."""

    visual: Annotated[FilledText, ON_ONE_LINE]
    on_screen_text: Annotated[list[Annotated[FilledText, ON_ONE_LINE]], AfterValidator(few)]

    @property
    def written(self) -> str:
        """All that is written, for one text may stand on several lines."""
        return " ".join(self.on_screen_text)


class SoundDescription(Answer):
    """What is audible beside speech; empty where nothing is."""

    sound: Annotated[Text, ON_ONE_LINE]


def visual_question(media: ClipMedia) -> Question[VisualDescription]:
    """About the frames of a clip."""
    frames = media_message(*(image_part(jpeg, "jpeg") for jpeg in media.jpegs))
    return Question("visual_description", (_instructions("visual"), frames), VisualDescription)


def sound_question(media: ClipMedia) -> Question[SoundDescription]:
    """About the audio of a clip."""
    return Question(
        "sound_description", (_instructions("sound"), media_message(audio_part(media.wav))), SoundDescription
    )


def merge_question(video: VisualDescription, transcript: Transcript | None, sound: str | None) -> Question[Caption]:
    """About all tracks of a clip, as far as there are any; times of a transcript are left out."""
    material: dict[str, Any] = {
        "visual": video.visual,
        "on_screen_text": video.on_screen_text,
        "speech": None if transcript is None else _lines(transcript),
        "sound": sound,
        "most_words": MOST_WORDS,
    }
    return Question("merged_caption", (_instructions("merge"), message("user", material)), Caption)


def check_visual(video: VisualDescription, read: str) -> None:
    """UnusableAnswer for a description that breaks a rule of captions.

    Args:
        video: the description.
        read: what is written in the frames as `frame_text` reads it.
    """
    _check(video.visual, [video.written], read)


def check_sound(description: SoundDescription) -> None:
    """UnusableAnswer for a description that breaks a rule of captions, or quotes at all."""
    _check(description.sound, ())
    if any(mark in description.sound for mark in MARKS):
        raise UnusableAnswer("it quotes, and speech has a track of its own")


def check_merged(caption: Caption, video: VisualDescription, transcript: Transcript | None, read: str) -> None:
    """UnusableAnswer for a caption that breaks a rule of captions, or is too long; `read` as above."""
    said = "" if transcript is None else transcript.text
    if (count := len(caption.merged.split())) > LONGEST_WORDS:
        raise UnusableAnswer(f"it has {count} words, expected at most {MOST_WORDS}")
    for line in caption.dialogue:  # in whole: quotation marks inside it would make two of it
        _check(f'"{line.line.translate(_NO_MARKS)}"', [said])
    _check(caption.merged, [said, video.written], read)


_NO_MARKS = str.maketrans(dict.fromkeys(MARKS, " "))


def _check(text: str, quotable: Sequence[str], read: str = "") -> None:
    if (fault := caption_fault(text, quotable, [read])) is not None:
        raise UnusableAnswer(fault)


def _lines(transcript: Transcript) -> list[dict[str, str | None]]:
    return [{"speaker": segment.speaker, "line": segment.text} for segment in transcript.in_order]


def _instructions(name: str) -> Any:
    return message("system", (INSTRUCTIONS / f"{name}.txt").read_text(encoding="utf-8"))
