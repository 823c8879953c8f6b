"""The catalogue is whole, its functions are where it says, and the docs tell what it says."""

from pathlib import Path

import pytest

from mova_core.evaluation.metrics.catalogue import CATALOGUE, SWEPT, MetricSpec, Need


@pytest.mark.parametrize("spec", CATALOGUE.values(), ids=CATALOGUE)
def test_an_entry_is_whole(spec: MetricSpec) -> None:
    assert spec.label and spec.meaning and spec.range[0] < spec.range[1]
    assert spec.shuffle is None or spec.ratio is not None  # a baseline is of pairs of clips
    assert spec.ratio is None or spec.ratio.__name__ == spec.name


def test_names_are_unique_and_what_is_swept_comes_from_clips() -> None:
    assert len({spec.label for spec in CATALOGUE.values()}) == len(CATALOGUE)
    assert all(CATALOGUE[name].ratio is not None for name in SWEPT)
    assert all(Need.VALIDATION_CLIPS not in CATALOGUE[name].needs for name in SWEPT)


def test_the_docs_list_every_metric_as_the_catalogue_does() -> None:
    rows = [line for line in Path("docs/evaluation.md").read_text().splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{spec.name}` | {spec.better} | {spec.meaning}{f' (in {spec.unit})' if spec.unit else ''} |"
        for spec in CATALOGUE.values()
    ]
