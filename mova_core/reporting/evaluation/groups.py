"""Metrics by what they are about, in the order of the page, and the few that clips are ranked by."""

from collections.abc import Sequence

from mova_core.evaluation.catalogue import CATALOGUE, HEADLINE
from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.reporting.evaluation.results import Results, known_values

RANKED = 4  # metrics that clips are ranked by
TOLD = 6  # metrics in the first sentences
DISTRIBUTIONS, OTHERS = "Of all clips together", "Others"
GROUPS: dict[str, tuple[str, ...]] = {
    "Sync of video and audio": (
        *("event_f1", "offset_s", "desync_s", "sync_gain", "event_f1_over_shuffled"),
        *("desync_synchformer_s", "ib_score", "lse_d", "lse_c", "av_align", "av_align_many_to_one", "onset_lag_s"),
        *("av_align_over_shuffled", "onset_lag_under_shuffled_s", "event_rate_within_data", "onset_rate_within_data"),
    ),
    "What the text asks for": ("audio_class", "video_class", "clap_score", "text_accuracy"),
    "Speech": ("dnsmos_p808", "dnsmos_sig", "dnsmos_bak", "dnsmos_ovrl", "cpcer", "cer", "wer", "der"),
    "Audio": (
        *("loudness_lufs", "loudness_range_lu", "true_peak_dbtp", "rms_dbfs", "silence_ratio", "bandwidth_hz"),
        *(
            "clipped_share",
            "clipping_runs_hz",
            "audible_share",
            "loudness_error_lu",
            "loudness_within_data",
            "rms_error_db",
        ),
        *("audiobox_pq", "audiobox_pc", "audiobox_ce", "audiobox_cu", "eat_speech", "eat_singing"),
    ),
    "Video": (
        *("motion", "flow_speed", "frozen_share", "flicker", "collapsed_share", "decodable_share"),
        *("dover_aesthetic", "dover_technical"),
    ),
    DISTRIBUTIONS: (),
    OTHERS: (),
}


def group_of(spec: MetricSpec) -> str:
    """Which group a metric stands in."""
    if spec.distribution is not None:
        return DISTRIBUTIONS
    return next((title for title, names in GROUPS.items() if spec.name in names), OTHERS)


def by_group(names: Sequence[str]) -> dict[str, list[MetricSpec]]:
    """Group -> its metrics in the order of the catalogue; groups without any are left out."""
    groups: dict[str, list[MetricSpec]] = {title: [] for title in GROUPS}
    for spec in CATALOGUE.values():
        if spec.name in names:
            groups[group_of(spec)].append(spec)
    return {title: specs for title, specs in groups.items() if specs}


def ranked_metrics(results: Results) -> list[MetricSpec]:
    """The metrics that clips are ranked by, of each group one that tells them apart.

    One that is the same in every clip ranks none, and one with few different values only where there is no other; of
    the rest headlines and those of models come first. With a single clip any will do.
    """
    measured = [name for name, metric in results.scores.metrics.items() if metric.value is not None]
    chosen = []
    for specs in by_group(measured).values():
        known = {spec.name: [value for _, value in known_values(results.clips, spec.name)] for spec in specs}
        alone = len(results.clips) == 1
        ranking = sorted(
            (spec for spec in specs if spec.better != "neither" and len(set(known[spec.name])) > (0 if alone else 1)),
            key=lambda spec: (_coarse(known[spec.name]), not spec.headline, spec.model is None),
        )
        chosen += ranking[:1]
    return chosen[:RANKED]


def told_first(results: Results) -> list[MetricSpec]:
    """The metrics of the page's first sentences: headlines of the catalogue, then those that clips are ranked by."""
    metrics = results.scores.metrics
    headlines = [CATALOGUE[name] for name in HEADLINE if name in metrics and metrics[name].value is not None]
    return [*headlines, *(spec for spec in ranked_metrics(results) if spec not in headlines)][:TOLD]


def _coarse(values: Sequence[float]) -> bool:
    """Whether most clips share their value with another."""
    return 2 * len(set(values)) <= len(values)
