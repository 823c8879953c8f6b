"""What is generated for an evaluation: texts, classes and seeds, always the same.

Suite `synthetic`: clips of each class of the synthetic world. Suite `captions`: captions of the validation clips, of
footage that is not synthetic; it has no classes, and no known events. Params `evaluate.footage` choose, whatever
footage is there. The seeds are of the suite, not of training.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mova_core.errors import MovaError, StaleError
from mova_core.evaluation.catalogue import CAPTIONS, CATALOGUE, SYNTHETIC
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.suites.captioned import CAPTION_OF, captioned_clips, is_synthetic
from mova_core.params import Params
from mova_core.params.evaluation import EvaluateParams, Footage
from mova_core.places import DataFolder
from mova_core.synthetic.world import KINDS

SUITE_OF: dict[Footage, str] = {"synthetic": SYNTHETIC, "other": CAPTIONS}


@dataclass(frozen=True, slots=True)
class Suite:
    """Prompts to generate from, one a clip.

    Args:
        name: `synthetic` or `captions`.
        prompts: texts.
        labels: the class of each, None in suite `captions`.
        seeds: of the noise.
        foreign: validation clips that are not of the synthetic world, though the suite is.
    """

    name: str
    prompts: tuple[str, ...]
    labels: tuple[str | None, ...]
    seeds: tuple[int, ...]
    foreign: tuple[str, ...] = ()

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

    def unknown_events(self) -> dict[str, str]:
        """Metric of known events and classes -> why it is unavailable; none where all validation clips have them."""
        if not self.foreign:
            return {}
        reason = (
            f"{len(self.foreign)} of the validation clips are not synthetic, such as {self.foreign[0]}, so the data's "
            "events and classes are not known: set evaluate.footage in params.yaml to other, or take that footage out"
        )
        return {spec.name: reason for spec in CATALOGUE.values() if Need.KNOWN_EVENTS in spec.needs}

    def described(self, settings: dict[str, Any]) -> dict[str, Any]:
        """As it stands in metrics.json; the sha256 is of all that decides what is generated but the weights."""
        values = {"prompts": self.prompts, "labels": self.labels, "seeds": self.seeds, "settings": settings}
        digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
        return {"name": self.name, "seeds": list(self.seeds), "clips": len(self.prompts), "sha256": digest}


def suite_for(section: EvaluateParams, data: DataFolder) -> Suite:
    """The suite that params choose.

    Raises:
        UsageError, MovaError: a table is missing, or there is no caption to generate from.
    """
    held_out = [row for row in captioned_clips(data) if row["split"] == "validation"]
    if section.footage == "synthetic":
        foreign = tuple(row["clip_id"] for row in held_out if not is_synthetic(row["merged"]))
        return replace(synthetic_suite(section), foreign=foreign)
    if not held_out:
        raise MovaError(
            f"no validation clip in {data.table('clips')} has a caption: bring more footage, or raise "
            "cut.validation_share in params.yaml"
        )
    count = section.clips_per_class * len(KINDS)
    prompts = tuple(held_out[index * len(held_out) // count]["merged"] for index in range(count))
    return Suite(CAPTIONS, prompts, (None,) * count, _seeds(section, count))


def check_suite(path: Path, suite: str, params: Params) -> None:
    """StaleError where an evaluation is of another suite than params ask for.

    Args:
        path: of the evaluation.
        suite: its name.
        params: section `evaluate`.
    """
    if suite != (asked := SUITE_OF[params.evaluate.footage]):
        raise StaleError(
            f"{path} is of suite {suite}, evaluate.footage in params.yaml is {params.evaluate.footage} and asks for "
            f"suite {asked}: run `mova evaluate` again"
        )


def synthetic_suite(section: EvaluateParams) -> Suite:
    """Suite `synthetic`: the classes in turn."""
    labels = tuple(KINDS) * section.clips_per_class
    prompts = tuple(CAPTION_OF[label] for label in labels)
    return Suite(SYNTHETIC, prompts, labels, _seeds(section, len(labels)))


def _seeds(section: EvaluateParams, count: int) -> tuple[int, ...]:
    return tuple(section.seed + index for index in range(count))
