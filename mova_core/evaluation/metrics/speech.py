"""How far what is said in a clip is from what should be: CER, WER, cpCER and DER (`speech/error_rates.py`).

What should be said is the suite's. What is said is a transcript that was given with the clip, or else what the models
of params `speech` write. Each is a ratio of errors to the length of the reference, so that over clips the sums divide.
"""

from collections.abc import Callable
from functools import cache

from mova_core.errors import EndpointError
from mova_core.evaluation.measuring.context import Context
from mova_core.evaluation.measuring.ratio_metric import Ratio
from mova_core.evaluation.metrics.usable import audio_missing
from mova_core.measures.clip import Clip, Unavailable
from mova_core.speech.diarization_error import diarization_errors
from mova_core.speech.error_rates import (
    MOST_SPEAKERS,
    EditCounts,
    character_errors,
    speaker_character_errors,
    word_errors,
)
from mova_core.speech.recognize import SpeechRecognizer
from mova_core.speech.transcript import Transcript
from mova_core.speech.turns import Turn, turns_of, with_speakers

NOTHING_ASKED = Unavailable("the suite does not say what should be said in it")
EMPTY = Unavailable("nothing should be said in it: its reference is empty")


def cer(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """Character errors, of all that is said."""
    return _ratio(audio, _words(audio, context), character_errors)


def wer(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """Word errors, of all that is said."""
    return _ratio(audio, _words(audio, context), word_errors)


def cpcer(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """Character errors, of what each speaker says."""
    found = _words_of_speakers(audio, context)
    for whose, transcript in (("its reference", audio.asked.speech), ("its transcript", found)):
        if not isinstance(transcript, Transcript):
            continue
        if any(segment.speaker is None for segment in transcript.segments):
            return Unavailable(f"{whose} does not say of all words who speaks them")
        if len(transcript.by_speaker) > MOST_SPEAKERS:
            return Unavailable(f"{whose} has {len(transcript.by_speaker)} speakers, more than {MOST_SPEAKERS}")
    return _ratio(audio, found, speaker_character_errors)


def der(video: Clip, audio: Clip, context: Context) -> Ratio | Unavailable:
    """Seconds of speech that are missed, not there, or another speaker's."""
    if audio.asked.speech is None:
        return NOTHING_ASKED
    reference = turns_of(audio.asked.speech)
    if not reference:
        return EMPTY if reference is not None else Unavailable("the suite does not say when each speaker speaks in it")
    hypothesis = _turns(audio, context)
    if isinstance(hypothesis, Unavailable):
        return hypothesis
    errors = diarization_errors(reference, hypothesis, len(audio.audio) / audio.rate_hz)
    return (errors.errors_s, errors.reference_s) if errors.reference_s else EMPTY


def _ratio(
    clip: Clip, found: Transcript | Unavailable, count: Callable[[Transcript, Transcript], EditCounts]
) -> Ratio | Unavailable:
    """Errors and length of the reference."""
    if isinstance(found, Unavailable):
        return found
    assert clip.asked.speech is not None, "a clip of which no speech is asked was transcribed"
    counts = count(clip.asked.speech, found)
    return (float(counts.errors), float(counts.reference_length)) if counts.reference_length else EMPTY


def _words_of_speakers(clip: Clip, context: Context) -> Transcript | Unavailable:
    if clip.asked.speech is not None and clip.transcript is None and context.speech.missing:
        return Unavailable("; ".join(context.speech.missing.values()))  # before a model is asked in vain
    words = _words(clip, context)
    if clip.transcript is not None or isinstance(words, Unavailable) or not words.segments:
        return words
    turns = _turns(clip, context)
    return turns if isinstance(turns, Unavailable) else with_speakers(words, turns)


def _words(clip: Clip, context: Context) -> Transcript | Unavailable:
    if clip.asked.speech is None:
        return NOTHING_ASKED
    if not clip.asked.speech.text:
        return EMPTY
    if clip.transcript is not None:
        return clip.transcript
    if missing := context.speech.missing.get("transcriber"):
        return Unavailable(missing)
    return audio_missing(clip) or clip.get(_written_by(context.speech.recognizer()))


def _turns(clip: Clip, context: Context) -> tuple[Turn, ...] | Unavailable:
    if clip.transcript is not None:
        given = turns_of(clip.transcript)
        return Unavailable("its transcript does not say when each speaker speaks") if given is None else given
    if missing := context.speech.missing.get("diarizer"):
        return Unavailable(missing)
    return audio_missing(clip) or clip.get(_told_apart_by(context.speech.recognizer()))


# The same function for the same models, so that a clip keeps what it gave (`Clip.get`).
@cache
def _written_by(recognizer: SpeechRecognizer) -> Callable[[Clip], Transcript | Unavailable]:
    def written(clip: Clip) -> Transcript | Unavailable:
        try:
            transcript = recognizer.words(clip.audio, clip.rate_hz)
        except EndpointError as error:  # of this clip: the others are measured
            return Unavailable(str(error), passing=True)
        assert transcript is not None, "a recognizer without a transcriber was asked for words"
        return transcript

    return written


@cache
def _told_apart_by(recognizer: SpeechRecognizer) -> Callable[[Clip], tuple[Turn, ...]]:
    def told_apart(clip: Clip) -> tuple[Turn, ...]:
        return tuple(recognizer.turns(clip.audio, clip.rate_hz) or ())

    return told_apart
