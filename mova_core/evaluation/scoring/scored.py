"""A clip and what it adds to each metric, as a line of clips.jsonl holds it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from mova_core.evaluation.measure import MeasuredClips
from mova_core.evaluation.measuring.ratio_metric import Ratio
from mova_core.evaluation.measuring.rounding import DIGITS, rounded
from mova_core.evaluation.scoring.measure_file import as_json
from mova_core.evaluation.scoring.videos import Video
from mova_core.measures.clip import Asked, Clip
from mova_core.speech.transcript import Transcript
from mova_core.storage.hashing import sha256_file


@dataclass(frozen=True, slots=True)
class Scored:
    """A clip, and what it adds to each metric.

    Args:
        video: the clip.
        sha256: of its file.
        values: metric -> what the clip adds, as JSON.
        differences: metric that is one ratio over clips less another -> what the clip adds to both.
    """

    video: Video
    sha256: str | None
    values: Mapping[str, Any]
    differences: Mapping[str, tuple[Ratio, Ratio]] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """As it stands in clips.jsonl."""
        asked = {name: value for name, value in as_asked(self.video.asked).items() if value}
        numbers = {name: value for name, value in self.values.items() if not isinstance(value, dict)}
        reasons = {name: value["unavailable"] for name, value in self.values.items() if "unavailable" in value}
        both = {name: rounded(pair) for name, pair in self.differences.items()}
        file = None if self.video.path is None else self.video.path.name
        return {
            "name": self.video.name,
            "file": file,
            "sha256": self.sha256,
            "asked": asked,
            "metrics": {name: [round(part, DIGITS) for part in ratio] for name, ratio in numbers.items()},
            **({"differences": both} if both else {}),
            "unavailable": reasons,
        }


def scored_clips(clips: Sequence[Clip], measured: MeasuredClips, files: Sequence[Path] = ()) -> list[Scored]:
    """Clips in memory, named by their place, with what was measured in them.

    Args:
        clips: all.
        measured: of these clips.
        files: of the first ones, which were written.
    """
    found = []
    for index, clip in enumerate(clips):
        path = files[index] if index < len(files) else None
        values = {name: as_json(each[index]) for name, each in measured.values.items()}
        video = Video(f"{index:02d}", path, clip.asked)
        found.append(Scored(video, None if path is None else sha256_file(path), values))
    return found


def as_asked(asked: Asked) -> dict[str, Any]:
    """As JSON."""
    return asdict(replace(asked, speech=None)) | {"speech": transcript_json(asked.speech)}


def transcript_json(transcript: Transcript | None) -> Any:
    return None if transcript is None else transcript.model_dump(mode="json", exclude_defaults=True)
