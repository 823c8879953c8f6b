"""Entries of the catalogue for what is said in a clip, against what the suite says should be."""

from mova_core.evaluation.measuring.metric import AMOUNT, MetricSpec, Need
from mova_core.evaluation.metrics.speech import cer, cpcer, der, wer

NORMALIZED = "case, punctuation and white space aside"
SPEECH = (
    MetricSpec(
        "cpcer",
        "cpCER",
        "character errors over characters of the reference, of what each speaker says, speakers paired so that the"
        f" errors are fewest, {NORMALIZED}",
        *("lower", AMOUNT),
        source="arXiv:2004.09249 (of words), MOVA report; meeteval",
        ratio=cpcer,
        needs=(Need.TRANSCRIPTS,),
        packages=("meeteval",),
        chosen=True,
    ),
    MetricSpec(
        "cer",
        "CER",
        f"character errors over characters of the reference, whoever speaks, {NORMALIZED}",
        *("lower", AMOUNT),
        source="meeteval",
        ratio=cer,
        needs=(Need.TRANSCRIPTS,),
        packages=("meeteval",),
        chosen=True,
    ),
    MetricSpec(
        "wer",
        "WER",
        f"word errors over words of the reference, whoever speaks, {NORMALIZED}; each Chinese character is a word",
        *("lower", AMOUNT),
        source="meeteval",
        ratio=wer,
        needs=(Need.TRANSCRIPTS,),
        packages=("meeteval",),
        chosen=True,
    ),
    MetricSpec(
        "der",
        "DER",
        "speech that is missed, not there or another speaker's, over speech of the reference; no collar, overlap is"
        " scored",
        *("lower", AMOUNT),
        source="NIST RT; pyannote.metrics",
        ratio=der,
        needs=(Need.TRANSCRIPTS,),
        chosen=True,
    ),
)
