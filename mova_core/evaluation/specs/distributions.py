"""Entries of the catalogue for statistics of the embeddings of all clips together."""

from mova_core.evaluation.measuring.metric import AMOUNT, ANY, MetricSpec, Need
from mova_core.evaluation.metrics.distributions.by_videomae import FRECHET_VIDEO_DISTANCE, KERNEL_VIDEO_DISTANCE

DISTRIBUTIONS = (
    MetricSpec(
        "fvd",
        "FVD",
        "Fréchet distance of VideoMAE's embeddings to those of reference clips; biased upwards where clips are few",
        *("lower", AMOUNT),
        source="arXiv:1812.01717, with VideoMAE for I3D",
        distribution=FRECHET_VIDEO_DISTANCE,
        needs=(Need.VIDEO, Need.REFERENCE),
        model="videomae",
        chosen=True,
    ),
    MetricSpec(
        "kvd",
        "KVD",
        "kernel distance (KID) of the same embeddings; without bias, so that it may lie below 0",
        *("lower", ANY),
        source="arXiv:1801.01401, arXiv:1812.01717",
        distribution=KERNEL_VIDEO_DISTANCE,
        needs=(Need.VIDEO, Need.REFERENCE),
        model="videomae",
        chosen=True,
    ),
)
