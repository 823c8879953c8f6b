"""An evaluation of the registry with what each of its clips adds, as files of this machine hold it.

Such files lie in the model folder that the evaluation selected (`EVALUATION_FOLDER`, kept with the model for good), and
where `mova evaluate` wrote them, until another evaluation takes that place. They count only if metrics.json is byte for
byte the recorded one, and clips.jsonl the one that metrics.json names.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from mova_core.errors import StaleError
from mova_core.evaluation.measuring.metric import ClipValue
from mova_core.evaluation.measuring.ratio_metric import Ratio
from mova_core.evaluation.scoring.files import CLIPS_FILE
from mova_core.measures.clip import Unavailable
from mova_core.registry.database.tables import Checkpoint, Evaluation
from mova_core.registry.manifests import EVALUATION_FOLDER, METRICS_FILE, EvaluationManifest, Metric
from mova_core.registry.references import folder_of
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import read_manifest

UNMEASURED = Unavailable("it was not measured in this clip")


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """One of them.

    Args:
        evaluation_id: sha256 of its metrics.json.
        checkpoint_id: what was evaluated.
        metrics: over all clips.
        clips: lines of clips.jsonl by the name of the clip.
    """

    evaluation_id: str
    checkpoint_id: str
    metrics: Mapping[str, Metric]
    clips: Mapping[str, Mapping[str, Any]]

    def values(self, metric: str, names: Sequence[str]) -> list[ClipValue]:
        """What each of these clips adds to a metric."""
        return [self._value(metric, name) for name in names]

    def differences(self, metric: str, names: Sequence[str]) -> list[tuple[Ratio, Ratio]] | None:
        """What each clip adds to both ratios of which a metric is the difference; None if it is not such a metric."""
        pairs = [self.clips[name].get("differences", {}).get(metric) for name in names]
        if not pairs or not all(pairs):
            return None
        return [(_ratio(one), _ratio(other)) for one, other in pairs]

    def _value(self, metric: str, name: str) -> ClipValue:
        line = self.clips[name]
        ratio = line["metrics"].get(metric)
        return _ratio(ratio) if ratio is not None else Unavailable(line["unavailable"].get(metric, UNMEASURED.reason))

    def identity(self) -> dict[str, Any]:
        """As it stands in the evidence of a promotion."""
        metrics = {name: metric.model_dump() for name, metric in self.metrics.items()}
        return {"checkpoint_id": self.checkpoint_id, "evaluation_sha256": self.evaluation_id, "metrics": metrics}


def stored_evaluation(session: Session, evaluation: Evaluation, root: Path) -> StoredEvaluation | None:
    """The evaluation with its clips; None where no such files are on this machine.

    Args:
        session: any session.
        evaluation: its row.
        root: the project's folder.
    """
    for folder in _folders(session, evaluation, root):
        path = folder / METRICS_FILE
        if not path.is_file() or not (folder / CLIPS_FILE).is_file():
            continue
        manifest, sha256 = read_manifest(path, EvaluationManifest)
        if sha256 == evaluation.evaluation_id and sha256_file(folder / CLIPS_FILE) == manifest.clips_sha256:
            lines = map(json.loads, (folder / CLIPS_FILE).read_text(encoding="utf-8").splitlines())
            clips = {line["name"]: line for line in lines}
            return StoredEvaluation(sha256, manifest.checkpoint_id, manifest.metrics, clips)
    return None


def _folders(session: Session, evaluation: Evaluation, root: Path) -> Iterator[Path]:
    yield (root / evaluation.path).parent
    checkpoint = session.get_one(Checkpoint, evaluation.checkpoint_id)
    for exported_first in (True, False):
        try:
            yield folder_of(session, checkpoint, root, exported_first=exported_first) / EVALUATION_FOLDER
        except StaleError:  # its weights are not here, nor what lies beside them
            return


def _ratio(pair: Sequence[float]) -> Ratio:
    numerator, denominator = pair
    return float(numerator), float(denominator)
