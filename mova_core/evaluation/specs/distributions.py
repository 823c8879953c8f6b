"""Entries of the catalogue for statistics of the embeddings of all clips together."""

from math import inf

from mova_core.evaluation.measuring.metric import AMOUNT, ANY, MetricSpec, Need
from mova_core.evaluation.metrics.distributions import by_clap, by_panns, by_videomae

BIAS = "biased upwards where clips are few"
NO_BIAS = "without bias, so that it may lie below 0"
AUDIO = (
    MetricSpec(
        "inception_score",
        "IS",
        "inception score of the audio: how sure PANNs Cnn14 is of each clip, and over how many classes all spread;"
        " biased downwards where clips are few",
        *("higher", (1.0, inf)),
        source="arXiv:1606.03498, MOVA report",
        distribution=by_panns.INCEPTION_SCORE,
        model="panns",
        chosen=True,
        mean_of_sets=True,
    ),
    *(
        MetricSpec(
            f"{short}_{model}",
            f"{label} ({network})",
            f"{meaning} of {network}'s embeddings of the audio to those of reference clips; {bias}",
            *("lower", limits),
            source=source,
            distribution=distribution,
            needs=(Need.REFERENCE,),
            model=model,
            chosen=True,
        )
        for model, network, fad, kid in (
            ("panns", "PANNs Cnn14", by_panns.FRECHET_AUDIO_DISTANCE, by_panns.KERNEL_AUDIO_DISTANCE),
            ("clap", "CLAP", by_clap.FRECHET_AUDIO_DISTANCE, by_clap.KERNEL_AUDIO_DISTANCE),
        )
        for short, label, meaning, limits, source, distribution, bias in (
            ("fad", "FAD", "Fréchet distance", AMOUNT, f"arXiv:1812.08466, with {network} for VGGish", fad, BIAS),
            ("kid", "KID", "kernel distance", ANY, "arXiv:1801.01401", kid, NO_BIAS),
        )
    ),
)
VIDEO = (
    MetricSpec(
        "fvd",
        "FVD",
        f"Fréchet distance of VideoMAE's embeddings to those of reference clips; {BIAS}",
        *("lower", AMOUNT),
        source="arXiv:1812.01717, with VideoMAE for I3D",
        distribution=by_videomae.FRECHET_VIDEO_DISTANCE,
        needs=(Need.VIDEO, Need.REFERENCE),
        model="videomae",
        chosen=True,
    ),
    MetricSpec(
        "kvd",
        "KVD",
        f"kernel distance (KID) of the same embeddings; {NO_BIAS}",
        *("lower", ANY),
        source="arXiv:1801.01401, arXiv:1812.01717",
        distribution=by_videomae.KERNEL_VIDEO_DISTANCE,
        needs=(Need.VIDEO, Need.REFERENCE),
        model="videomae",
        chosen=True,
    ),
)
DISTRIBUTIONS = (*AUDIO, *VIDEO)
