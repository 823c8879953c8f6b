"""A checked contract: a verdict, JSON that is the same for the same data, pages, and words a person can act on."""

import json
from html.parser import HTMLParser

import pytest

from data_contracts.check import as_json, check, contract_of, ephemeral_context, judge
from data_contracts.contract import KEPT_ROWS
from data_contracts.report.terminal_text import rows_listed, summary
from mova_core.errors import UsageError
from mova_core.places import CONTRACTS
from mova_core.printable import printable
from mova_core.storage.hashing import sha256_file


@pytest.fixture
def spoiled(world):
    """Three clips too short, one silent clip accepted."""
    for row in world.rows["clips"][:3]:
        row["frames"] = 32
    world.rows["verdicts"][0]["silence_ratio"] = 0.93
    return world


def test_what_is_written(spoiled, data, tmp_path):
    spoiled.write(data)
    reports = tmp_path / "reports"
    result = check(contract_of("clips", data, spoiled.params), reports)
    assert sorted(path.name for path in reports.iterdir()) == ["clips.html", "clips.json", "docs"]
    assert sorted(path.name for path in (reports / "docs").iterdir()) == ["clips"]
    assert list((reports / "docs" / "clips" / "validations").rglob("*.html"))
    assert "frames = 33 for every clip" in (reports / "docs" / "clips" / "index.html").parent.joinpath(
        "expectations/clips/critical.html"
    ).read_text(encoding="utf-8")

    written = json.loads((reports / "clips.json").read_text(encoding="utf-8"))
    assert (written["table"], written["verdict"], written["rows"]) == ("clips", "broken", 3)
    assert written["files"] == {
        "clips": sha256_file(data.table("clips")),
        "rejects/cut": sha256_file(data.rejects("cut")),
    }
    (broken,) = [one for one in written["expectations"] if not one["success"]]
    first, *_ = spoiled.rows["clips"]
    assert broken["first"][0] == {"id": first["clip_id"], "where": "00.mp4 @ 2.5 s", "value": 32}
    assert {key: broken[key] for key in ("sentence", "severity", "observed", "unexpected_count", "element_count")} == {
        "sentence": "frames = 33 for every clip",
        "severity": "critical",
        "observed": [32],
        "unexpected_count": 3,
        "element_count": 3,
    }
    assert all(one["reason"] for one in written["expectations"])
    assert result.verdict == "broken"


def test_the_same_data_gives_the_same_bytes(spoiled, data, tmp_path):
    spoiled.write(data)
    results = []
    for name in ("once", "again"):
        check(contract_of("verdicts", data, spoiled.params), tmp_path / name)
        results.append([(tmp_path / name / f"verdicts.{kind}").read_bytes() for kind in ("json", "html")])
    assert results[0] == results[1]
    assert str(tmp_path).encode() not in results[0][0]


def test_a_broken_contract_in_words(spoiled, judged):
    result = judged("clips")
    clip = spoiled.rows["clips"][0]["clip_id"][:8]
    critical = [finding for finding in result.findings if finding.severity == "critical"]
    assert summary(result, CONTRACTS).splitlines() == [
        f"contract clips broken (critical), 1 of {len(critical)} expectations:",
        f"  frames = 33 for every clip   got 32 in 3 of 3 rows   first: clip {clip}… (00.mp4 @ 2.5 s)",
        "  details: reports/contracts/clips.html   to see the rows: mova contract clips --rows",
    ]
    assert [line.split() for line in rows_listed(result).splitlines()[1:]] == [
        [row["clip_id"], "32", f"0{number}.mp4", "@", start, "s"]
        for row, number, start in zip(spoiled.rows["clips"], (0, 1, 1), ("2.5", "0.0", "2.5"), strict=True)
    ]


def test_a_contract_that_holds_in_words(judged):
    result = judged("captions")
    critical = [finding for finding in result.findings if finding.severity == "critical"]
    assert summary(result, CONTRACTS) == f"contract captions holds: {len(critical)} expectations, 2 rows"
    assert rows_listed(result) == ""


def test_an_empty_table_in_words(world, judged):
    world.rows["captions"] = []
    head, empty, *_ = summary(judged("captions"), CONTRACTS).splitlines()
    assert head.startswith("contract captions broken (critical), 2 of ")
    assert empty.split() == ["there", "is", "at", "least", "one", "caption", "got", "0"]


def test_a_column_that_cannot_be_judged_is_broken(world, data):
    world.write(data)
    contract = contract_of("captions", data, world.params)
    del contract.views[0].rows["time_fault"]
    (finding,) = judge(contract, ephemeral_context()).broken
    assert "time_fault" in (finding.error or "")


def test_names_cannot_spoil_the_terminal_or_the_page(world, data, tmp_path):
    name = "<script>alert(1)</script>\x1b[2J\n.mp4"
    world.rows["sources"][0] |= {"path": name, "fps": 0.0}
    world.write(data)
    result = check(contract_of("sources", data, world.params), tmp_path)
    assert "\x1b" not in summary(result, CONTRACTS) + rows_listed(result)
    assert "\\x1b[2J\\n" in summary(result, CONTRACTS)

    tags = set()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _: tags.add(tag)
    parser.feed((tmp_path / "sources.html").read_text(encoding="utf-8"))
    assert "script" not in tags and {"table", "details"} <= tags


def test_printable_keeps_letters():
    assert printable("日本 é.mp4") == "日本 é.mp4"


def test_an_unknown_or_missing_table_is_refused(world, data):
    with pytest.raises(UsageError, match="table is 'clip', expected one of sources, windows, clips"):
        contract_of("clip", data, world.params)
    with pytest.raises(UsageError, match=r"sources.parquet is missing"):
        contract_of("sources", data, world.params)


def test_json_has_no_numbers_that_json_does_not_know(world, judged):
    world.rows["sources"][0]["duration_s"] = float("inf")
    written = json.loads(as_json(judged("sources")), parse_constant=pytest.fail)
    (broken,) = [one for one in written["expectations"] if not one["success"]]
    assert broken["observed"] == ["inf"]


def test_of_many_rows_that_break_a_rule_the_first_are_named_and_all_counted(world_of, data, tmp_path):
    world = world_of(KEPT_ROWS)  # of two clips each, but for the first
    for number, row in enumerate(world.rows["clips"]):
        row["frames"] = 10 + number % 5
    world.write(data)
    result = check(contract_of("clips", data, world.params), tmp_path)
    (broken,) = result.broken
    count = len(world.rows["clips"])
    assert (broken.unexpected_count, len(broken.failing)) == (count, KEPT_ROWS)
    assert (broken.observed, broken.more_values) == ([10, 11, 12], True)
    assert f"got 10, 11, 12, … in {count} of {count} rows" in summary(result, CONTRACTS)
    assert rows_listed(result).endswith(f"and {count - KEPT_ROWS} more")
