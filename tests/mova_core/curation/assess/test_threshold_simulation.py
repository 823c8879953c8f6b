"""Other limits on stored measures: the answer is what `assess` would give, and nothing is decoded or changed."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mova_core.curation.assess.stage import judge_clips
from mova_core.curation.assess.threshold_simulation import as_json, what_if
from mova_core.curation.curate import curate
from mova_core.curation.engine.base import Engine
from mova_core.curation.recorded_params import MADE_WITH, read_made_with, write_made_with
from mova_core.curation.tables import EITHER, LIMITED, TABLES, read_table
from mova_core.errors import StaleError, UsageError
from mova_core.params import AssessParams, Params, params_from
from mova_core.places import DataFolder

ONE_CLIP = {"clips": 1, "footage_s": 2.0}


@pytest.fixture
def data(small_curation, tmp_path: Path) -> DataFolder:
    return small_curation(tmp_path / "curated")


def limits(folder: Path, **values: Any) -> Path:
    path = folder / "other.yaml"
    path.write_text(yaml.safe_dump({"assess": values}))
    return path


def test_a_stricter_limit_turns_clips_away_and_names_them(data, tmp_path):
    answer = what_if(data, limits(tmp_path, lufs_above=-30), None)
    assert as_json(answer) == {
        "limits": {"lufs_above": {"then": -50.0, "now": -30.0}},
        "clips": 5,
        "accepted": {"then": {"clips": 2, "footage_s": 4.0}, "now": {"clips": 1, "footage_s": 2.0}},
        "rejected": {
            "lufs": {
                "then": {"clips": 1, "footage_s": 2.0},
                "now": {"clips": 2, "footage_s": 4.0},
                "alone_now": {"clips": 2, "footage_s": 4.0},
            },
            "damaged_clip": {"then": ONE_CLIP, "now": ONE_CLIP, "alone_now": ONE_CLIP},
            "silence_ratio": {"then": ONE_CLIP, "now": ONE_CLIP, "alone_now": {"clips": 0, "footage_s": 0}},
        },
        "phases": {
            "audio": {"then": 2, "now": 1},
            "phase1": {"then": 2, "now": 1},
            "phase2": {"then": 2, "now": 1},
            "phase3": {"then": 2, "now": 1},
        },
        "changed": [
            {
                "clip_id": "quiet",
                "path": "<talk>.mp4",
                "start_s": 2.0,
                "now": "rejected",
                "reason_code": "lufs",
                "reason": "lufs -40 is not above -30",
            }
        ],
    }


def test_a_looser_limit_admits_what_no_other_turns_away(data, tmp_path):
    answer = what_if(data, limits(tmp_path, lufs_above=-70), None)
    assert [(change.clip["clip_id"], change.reason) for change in answer.admitted()] == [
        ("faint", "lufs -60 is not above -50")
    ]
    assert answer.turned_away() == ()
    assert answer.accepted.now.clips == 3  # silence still turns the silent one away, no limit helps the damaged one


def test_limits_as_they_were_change_nothing(data, tmp_path):
    answer = what_if(data, data.root / MADE_WITH, None)
    assert (answer.limits, answer.changes) == ({}, ())
    assert answer.accepted.then == answer.accepted.now
    assert list(answer.rows) == read_table(data.table("verdicts"), "verdicts")


def test_the_folder_stays_as_it_was(data, tmp_path):
    before = {path: path.read_bytes() for path in data.root.iterdir()}
    what_if(data, limits(tmp_path, lufs_above=-30), None)
    assert {path: path.read_bytes() for path in data.root.iterdir()} == before


numbers = st.one_of(st.none(), st.floats(-60, 1100, allow_nan=False).map(lambda value: round(value, 2)))
rows = st.lists(
    st.fixed_dictionaries({measure.name: numbers for measure in (*LIMITED, *EITHER)} | {"noise_sd": numbers}),
    min_size=1,
    max_size=8,
).map(lambda drawn: [{"clip_id": f"clip{index}", **values} for index, values in enumerate(drawn)])
tried = st.fixed_dictionaries(
    {},
    optional={
        "silence_ratio_below": st.floats(0.01, 1),
        "bandwidth_hz_above": st.floats(0, 1000),
        "lufs_above": st.floats(-60, 0),
        "imagebind_at_least": st.floats(-1, 1),
        "desync_s_at_most": st.floats(0, 1),
    },
)


@settings(max_examples=40, deadline=None)
@given(rows, tried)
def test_the_answer_is_what_assess_would_have_given(small_curation, tmp_path_factory, drawn, values):
    folder = tmp_path_factory.mktemp("drawn")
    data = small_curation(folder / "data", drawn)
    answer = what_if(data, limits(folder, **values), None)
    other = Params(assess=AssessParams(**values))
    measured = [dict.fromkeys(TABLES["verdicts"].names) | row | {"rejections": {}} for row in drawn]
    assert list(answer.rows) == judge_clips(measured, other)
    for side in ("then", "now"):
        turned_away = sum(getattr(reason.turned_away, side).clips for reason in answer.reasons)
        assert getattr(answer.accepted, side).clips + turned_away == len(drawn)
    changed = answer.accepted.now.clips - answer.accepted.then.clips
    assert changed == len(answer.admitted()) - len(answer.turned_away())


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"segment": {"cut_threshold": 5}}, "segment.cut_threshold is 5.0, .* was made with 2.0: .* media"),
        ({"cut": {"crf": 20}}, "cut.crf is 20, .* was made with 14"),
        ({"preset": "mova-360p"}, "preset is mova-360p, .* was made with nano"),
        ({"seed": 1}, "seed is 1, .* was made with 0"),
        ({"ingest": {"head_s": 2}}, "ingest.head_s is 2.0"),
        ({"limits": {"memory_mb": 1024}}, "limits.memory_mb is 1024"),
        ({"assess": {"measures": ["look"]}}, "assess.measures is .*look.* was made with None: .* media"),
        ({"assess": {"loudness": 1}}, "unknown key 'assess.loudness'"),
        ({"assess": None}, "assess"),
        ({"assess": {"silence_ratio_below": 2}}, "assess.silence_ratio_below is 2"),
    ],
)
def test_what_needs_the_media_again_or_is_wrong_is_refused(data, tmp_path, values, told):
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(UsageError, match=told):
        what_if(data, path, None)


def test_sections_of_later_stages_are_no_part_of_it(data, tmp_path):
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump({"ingest": {"footage": "elsewhere"}, "fit_codec": {"clips": 16}}))
    assert what_if(data, path, None).changes == ()


def test_verdicts_of_other_params_are_refused(data, tmp_path):
    write_made_with(Params(assess=AssessParams(lufs_above=-30)), data.root)
    with pytest.raises(StaleError, match=r"clip quiet is accepted \(in phases .*\), but .* rejected \(lufs -40 is not"):
        what_if(data, limits(tmp_path, lufs_above=-50), None)


def test_a_folder_that_does_not_say_what_it_was_made_with_needs_to_be_told(data, tmp_path):
    (data.root / MADE_WITH).unlink()
    other = limits(tmp_path, lufs_above=-30)
    with pytest.raises(UsageError, match=r"no finished curation: .* --params FILE"):
        what_if(data, other, None)
    stated = tmp_path / "params.yaml"
    stated.write_text("preset: nano\n")
    assert what_if(data, other, stated).accepted.now.clips == 1


def test_what_a_folder_was_made_with_is_not_told_twice(data, tmp_path):
    with pytest.raises(UsageError, match="leave --params"):
        what_if(data, data.root / MADE_WITH, data.root / MADE_WITH)


def test_no_folder_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="is no folder"):
        what_if(DataFolder(tmp_path / "nowhere"), limits(tmp_path), None)


def test_made_with_comes_back_as_it_was(tmp_path):
    params = params_from({"preset": "mova-360p", "seed": 3, "cut": {"crf": 20}, "assess": {"lufs_above": -31}})
    write_made_with(params, tmp_path)
    assert read_made_with(tmp_path) == params


def test_a_curation_says_what_it_was_made_with_once_it_is_finished(synthetic_footage, tmp_path, monkeypatch):
    out, params = tmp_path / "out", Params(assess=AssessParams(silence_ratio_below=0.3))
    curate(params, str(synthetic_footage), out, Engine.choose("local", 1))
    assert read_made_with(out) == params
    shutil.rmtree(out / "clips")  # no media is needed
    answer = what_if(DataFolder(out), limits(tmp_path, silence_ratio_below=1.0), None)
    assert answer.accepted.now.clips > answer.accepted.then.clips

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mova_core.curation.curate.cut", stopped)
    with pytest.raises(KeyboardInterrupt):
        curate(Params(), str(synthetic_footage), out, Engine.choose("local", 1))
    assert not (out / MADE_WITH).exists()
