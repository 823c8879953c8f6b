"""`mova evaluate --videos DIR`: every metric of the catalogue over anybody's clips.

What is written, `files.py` says. What was measured of a file is kept by its sha256, so a killed run goes on, and the
same files are measured once.
The same files, params and weights give the same bytes, whatever the number of workers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measure import MeasuredClips, available, summarise
from mova_core.evaluation.measuring.metric import MetricSpec
from mova_core.evaluation.measuring.rounding import rounded
from mova_core.evaluation.scoring.files import write_scores
from mova_core.evaluation.scoring.measure_file import from_json
from mova_core.evaluation.scoring.paired import paired_difference
from mova_core.evaluation.scoring.scored import Scored
from mova_core.evaluation.scoring.scorer import Scorer
from mova_core.evaluation.scoring.videos import asked_alike, videos_of
from mova_core.measures.clip import Asked
from mova_core.registry.manifests import METRICS_FILE, Metric
from mova_core.speech.transcript import Transcript


def score(
    scorer: Scorer,
    folder: Path,
    out: Path,
    *,
    asked: Mapping[str, Asked] | None = None,
    transcripts: Mapping[str, Transcript] | None = None,
    against: Path | None = None,
    suite: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure the clips of a folder and write what was found.

    Args:
        scorer: what measures.
        folder: with the files.
        out: where its files are written.
        asked: by name of the file, what each clip was asked to be.
        transcripts: by name of the file, who says what in it.
        against: another folder of clips: distributions are compared with it, and clips of the same name in pairs, as
            if the same had been asked of both.
        suite: what to say of the suite, beside its clips: name, checkpoint, settings.

    Returns:
        What metrics.json holds, with `text`.

    Raises:
        UsageError: a folder that cannot be scored, or params that cannot be used.
    """
    videos = videos_of(folder, asked, transcripts)
    others = [] if against is None else asked_alike(videos_of(against, None), videos)
    unavailable = scorer.unavailable(videos, bool(others))
    names = [spec.name for spec in available(unavailable)]
    mine = scorer.scored(videos, names, "evaluate")
    theirs = scorer.scored(others, names, "evaluate/against") if others else []
    metrics = summarise(_measured(mine, names), _measured(theirs, names), unavailable, scorer.params.evaluate, {})
    name, other = _names(folder, against)
    result: dict[str, Any] = {
        "folder": name,
        "suite": dict(suite or {}) | {"clips": len(videos), "missing": sum(video.path is None for video in videos)},
        "metrics": {name: rounded(metric.model_dump()) for name, metric in metrics.items()},
        "against": None if against is None else {"folder": other, "differences": _differences(scorer, mine, theirs)},
    }
    return write_scores(out, result, mine, theirs) | {"out": str(out), "text": _told(metrics, out)}


def _names(folder: Path, against: Path | None) -> tuple[str, str | None]:
    """Of both folders, with the folder around them where they are called the same."""
    one, other = folder.resolve(), None if against is None else against.resolve()
    if other is None or one.name != other.name:
        return one.name, None if other is None else other.name
    return f"{one.parent.name}/{one.name}", f"{other.parent.name}/{other.name}"


def _measured(clips: Sequence[Scored], names: Sequence[str]) -> MeasuredClips:
    values = {name: [from_json(clip.values[name]) for clip in clips] for name in names} if clips else {}
    return MeasuredClips(values, [clip.video.asked.set for clip in clips])


def _differences(scorer: Scorer, mine: Sequence[Scored], theirs: Sequence[Scored]) -> dict[str, Any]:
    """Metric -> how these clips differ from those of the same names in the other folder."""
    other = {clip.video.name: clip for clip in theirs}
    pairs = [(clip, other[clip.video.name]) for clip in mine if clip.video.name in other]
    sets = [clip.video.asked.set for clip, _ in pairs]
    found = {}
    for name in mine[0].values if pairs else ():
        spec: MetricSpec = CATALOGUE[name]
        if spec.ratio is None:
            continue
        first, second = ([from_json(pair[side].values[name]) for pair in pairs] for side in (0, 1))
        found[name] = rounded(asdict(paired_difference(spec, first, second, sets, scorer.params.evaluate)))
    return found


def _told(metrics: Mapping[str, Metric], out: Path) -> str:
    """Metrics as lines for a person: those that were measured, then how many were not and where it is said why."""
    measured = {name: metric for name, metric in metrics.items() if metric.value is not None}
    lines = [_line(CATALOGUE[name], metric) for name, metric in measured.items()]
    if lost := len(metrics) - len(measured):
        says = f"{out / METRICS_FILE} says why, `mova doctor --metrics` what they need"
        lines.append(f"{lost} metrics are unavailable: {says}")
    return "\n".join(lines)


def _line(spec: MetricSpec, metric: Metric) -> str:
    ends = "" if metric.low is None or metric.high is None else f"{metric.low:.3f} to {metric.high:.3f}"
    line = f"{spec.title:<36}{metric.value:>11.3f}  {ends:<24}"
    return line.rstrip() if metric.clips == metric.of else f"{line}{metric.clips} of {metric.of} clips: {_why(metric)}"


def _why(metric: Metric) -> str:
    """The reasons that most of the missing clips have."""
    by_count = sorted(metric.missing.items(), key=lambda pair: -pair[1])
    return "; ".join([reason for reason, _ in by_count[:2]] + (["…"] if len(by_count) > 2 else []))
