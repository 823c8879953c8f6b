"""The suite of a phase is what params ask for, never what the footage happens to be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mova_core.curation.tables import write_table
from mova_core.errors import MovaError, StaleError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.evaluation.measuring.metric import Need
from mova_core.evaluation.suites.captioned import CAPTION_OF
from mova_core.evaluation.suites.suite import check_suite, suite_for
from mova_core.params import params_from
from mova_core.params.evaluation import EvaluateParams
from mova_core.places import DataFolder

BALL, FOREIGN = CAPTION_OF["red-ball"], "Two people walk along a shore."


@pytest.fixture
def captioned(tmp_path: Path) -> Callable[..., DataFolder]:
    """Function that makes a data folder of accepted clips from (split, caption)."""

    def folder(*clips: tuple[str, str]) -> DataFolder:
        data = DataFolder(tmp_path / "data")
        tables: dict[str, list[dict]] = {"clips": [], "verdicts": [], "captions": []}
        for number, (split, caption) in enumerate(clips):
            clip_id = f"{number:016x}"
            tables["clips"].append({"clip_id": clip_id, "split": split})
            tables["verdicts"].append({"clip_id": clip_id, "verdict": "accepted", "rejections": {}})
            tables["captions"].append({"clip_id": clip_id, "merged": caption})
        for name, rows in tables.items():
            write_table(data.table(name), name, rows)
        return data

    return folder


def test_a_foreign_clip_changes_no_gates_but_makes_events_unknown(captioned) -> None:
    section = EvaluateParams(clips_per_class=1)
    trained = suite_for(section, captioned(("train", FOREIGN), ("validation", BALL)))
    assert (trained.name, trained.unknown_events()) == ("synthetic", {})
    judged = suite_for(section, captioned(("train", BALL), ("validation", BALL), ("validation", FOREIGN)))
    unknown = judged.unknown_events()
    assert judged.name == "synthetic" and judged.prompts == trained.prompts
    assert set(unknown) == {spec.name for spec in CATALOGUE.values() if Need.KNOWN_EVENTS in spec.needs}
    assert len(set(unknown.values())) == 1
    assert "1 of the validation clips are not synthetic, such as 0000000000000002" in unknown["event_f1"]
    assert "set evaluate.footage in params.yaml to other" in unknown["event_f1"]


def test_other_footage_is_asked_for_even_where_all_of_it_is_synthetic(captioned) -> None:
    section = EvaluateParams(clips_per_class=1, footage="other")
    suite = suite_for(section, captioned(("train", BALL), ("validation", BALL)))
    assert (suite.name, set(suite.prompts), set(suite.labels)) == ("captions", {BALL}, {None})
    with pytest.raises(MovaError, match="no validation clip"):
        suite_for(section, captioned(("train", BALL)))


def test_an_evaluation_of_the_other_suite_is_stale() -> None:
    other = params_from({"evaluate": {"footage": "other"}})
    check_suite(Path("metrics.json"), "captions", other)
    with pytest.raises(StaleError, match=r"is of suite synthetic, evaluate.footage in params.yaml is other"):
        check_suite(Path("metrics.json"), "synthetic", other)
