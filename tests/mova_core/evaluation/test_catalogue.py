"""The catalogue is whole, its functions are where it says, and the docs tell what it says."""

from pathlib import Path

import pytest

from mova_core.evaluation.catalogue import CATALOGUE, SWEPT
from mova_core.evaluation.measuring.metric import MetricSpec, Need
from mova_core.evaluation.metrics_page import NEEDS, page
from mova_core.measures.models.table import MODELS


@pytest.mark.parametrize("spec", CATALOGUE.values(), ids=CATALOGUE)
def test_an_entry_is_whole(spec: MetricSpec) -> None:
    assert spec.label and spec.meaning and spec.range[0] < spec.range[1]
    assert spec.shuffle is None or spec.ratio is not None  # a baseline is of pairs of clips
    assert spec.ratio is None or spec.distribution is None
    assert spec.better != "neither" or not (spec.gates or spec.headline)  # what only describes cannot be judged


def test_a_model_that_is_needed_is_one_that_can_be_configured() -> None:
    assert {spec.model for spec in CATALOGUE.values()} - {None} <= set(MODELS)
    assert set(NEEDS) == set(Need)


def test_names_are_unique_and_what_is_swept_comes_from_clips() -> None:
    assert len({spec.label for spec in CATALOGUE.values()}) == len(CATALOGUE)
    assert all(CATALOGUE[name].ratio is not None for name in SWEPT)
    assert all(Need.VALIDATION_CLIPS not in CATALOGUE[name].needs for name in SWEPT)


def test_the_page_of_metrics_is_the_one_that_the_catalogue_writes() -> None:
    told = "run `python -m mova_core.evaluation.metrics_page docs/metrics.md`"
    assert Path("docs/metrics.md").read_text() == page(), told
