"""What is generated for an evaluation: texts, classes and seeds, always the same.

Suite `synthetic`: clips of each class of the synthetic world. Suite `captions`: captions of the validation clips, where
the footage is not synthetic; it has no classes, and no known events. The seeds are of the suite, not of training.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from mova_core.errors import MovaError
from mova_core.evaluation.catalogue import CAPTIONS, SYNTHETIC
from mova_core.evaluation.suites.captioned import CAPTION_OF, captioned_clips, is_synthetic
from mova_core.params.evaluation import EvaluateParams
from mova_core.places import DataFolder
from mova_core.synthetic.world import KINDS


@dataclass(frozen=True, slots=True)
class Suite:
    """Prompts to generate from, one a clip.

    Args:
        name: `synthetic` or `captions`.
        prompts: texts.
        labels: the class of each, None in suite `captions`.
        seeds: of the noise.
    """

    name: str
    prompts: tuple[str, ...]
    labels: tuple[str | None, ...]
    seeds: tuple[int, ...]

    @property
    def synthetic(self) -> bool:
        """Whether classes and events are known."""
        return self.name == SYNTHETIC

    def part(self, clips_per_class: int) -> "Suite":
        """A part of it, spread evenly: so many clips of each class, or as many in all where there are no classes."""
        chosen = []
        for label in dict.fromkeys(self.labels):
            places = [place for place, each in enumerate(self.labels) if each == label]
            count = min(len(places), clips_per_class if label is not None else clips_per_class * len(KINDS))
            chosen += [places[index * len(places) // count] for index in range(count)]
        chosen.sort()
        return replace(
            self,
            prompts=tuple(self.prompts[place] for place in chosen),
            labels=tuple(self.labels[place] for place in chosen),
            seeds=tuple(self.seeds[place] for place in chosen),
        )

    def described(self, settings: dict[str, Any]) -> dict[str, Any]:
        """As it stands in metrics.json; the sha256 is of all that decides what is generated but the weights."""
        values = {"prompts": self.prompts, "labels": self.labels, "seeds": self.seeds, "settings": settings}
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        return {"name": self.name, "seeds": list(self.seeds), "clips": len(self.prompts), "sha256": digest}


def suite_for(params: EvaluateParams, data: DataFolder) -> Suite:
    """The suite that suits the footage: `synthetic` where every accepted clip's caption is of the synthetic world.

    Raises:
        UsageError, MovaError: a table is missing, or there is no caption to generate from.
    """
    rows = captioned_clips(data)
    if rows and all(is_synthetic(row["merged"]) for row in rows):
        return synthetic_suite(params)
    held_out = [row for row in rows if row["split"] == "validation"]
    if not held_out:
        raise MovaError(
            f"no validation clip in {data.table('clips')} has a caption: bring more footage, or raise "
            "cut.validation_share in params.yaml"
        )
    count = params.clips_per_class * len(KINDS)
    prompts = tuple(held_out[index * len(held_out) // count]["merged"] for index in range(count))
    return Suite(CAPTIONS, prompts, (None,) * count, _seeds(params, count))


def synthetic_suite(params: EvaluateParams) -> Suite:
    """Suite `synthetic`: the classes in turn."""
    labels = tuple(KINDS) * params.clips_per_class
    prompts = tuple(CAPTION_OF[label] for label in labels)
    return Suite(SYNTHETIC, prompts, labels, _seeds(params, len(labels)))


def _seeds(params: EvaluateParams, count: int) -> tuple[int, ...]:
    return tuple(params.seed + index for index in range(count))
