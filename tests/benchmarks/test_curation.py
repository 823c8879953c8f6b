"""The benchmark of curation in its smallest form: what is counted is all of it, and both sides do the same."""

import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.baselines import separate_tools
from benchmarks.baselines.bare_contracts import TABLES_IN_PANDAS
from benchmarks.curation import against_tools
from benchmarks.curation.footage_project import Project
from benchmarks.curation.long_source import length_of, loop
from benchmarks.curation.made_tables import write_tables
from benchmarks.spent import spent
from mova_core.curation.tables import read_table, write_table
from mova_core.media.decode import Frame, decode
from mova_core.params import Params
from mova_core.places import DataFolder

BUSY = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_what_a_process_leaves_behind_is_counted():
    """The command ends at once; its child, an orphan then, is busy for longer."""
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-S', '-c', {BUSY!r}])"
    used = spent([sys.executable, "-S", "-c", code])
    assert used.cpu_s >= 0.3
    assert used.peak_mib > 1


def test_memory_is_that_of_the_largest_process():
    large = spent([sys.executable, "-S", "-c", "x = b'x' * (200 << 20)"]).peak_mib
    assert 200 <= large < 400


def test_a_failure_is_told():
    with pytest.raises(RuntimeError, match=r"ended with 1: .*no such thing"):
        spent([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_a_looped_source_is_the_short_one_again_and_again(synthetic_footage, tmp_path):
    short = next(synthetic_footage.glob("bouncing-*.mp4"))
    loop(short, tmp_path / "long.mp4", 3.5 * length_of(short))
    once, often = (
        [piece.rgb() for piece in decode(path, audio_rate_hz=None) if isinstance(piece, Frame)]
        for path in (short, tmp_path / "long.mp4")
    )
    assert len(often) == 4 * len(once)
    assert all(np.array_equal(frame, once[place % len(once)]) for place, frame in enumerate(often))


@pytest.mark.parametrize("table", ["windows", "clips", "verdicts"])
def test_every_contract_holds_on_the_made_tables(table, tmp_path):
    from data_contracts.check import contract_of, ephemeral_context, judge

    write_tables(DataFolder(tmp_path), 2000, Params())
    result = judge(contract_of(table, DataFolder(tmp_path), Params()), ephemeral_context())
    assert {finding.sentence: finding.observed for finding in result.findings if not finding.success} == {}
    assert result.rows == {"windows": 2000}.get(table, 1998)


@pytest.mark.parametrize("table", ["clips", "verdicts"])
def test_bare_pandas_counts_what_the_contract_counts(table, tmp_path):
    from data_contracts.check import contract_of, ephemeral_context, judge

    data, params = DataFolder(tmp_path), Params()
    write_tables(data, 2000, params)
    rows = read_table(data.table(table), table)
    rows[3] = dict(rows[2])
    rows[5]["clip_id"] = "no hex"
    rows[7] |= {"split": None, "path": "/outside"} if table == "clips" else {"phases": [], "lufs": -60.0}
    write_table(data.table(table), table, rows)
    result = judge(contract_of(table, data, params), ephemeral_context())
    by_contract = {one.sentence: one.unexpected_count for one in result.findings if one.unexpected_count}
    by_pandas = {rule: int(count) for rule, count in TABLES_IN_PANDAS[table](data, params)}
    same = set(by_contract) & set(by_pandas)  # some sentences name several rules of the script in one
    assert len(same) >= 4
    assert {rule: by_contract[rule] for rule in same} == {rule: by_pandas[rule] for rule in same}
    assert all(not by_pandas[rule] for rule in set(by_pandas) - same if rule.startswith(("every", "no two", "all")))


def test_made_tables_are_those_of_curation(tmp_path):
    write_tables(DataFolder(tmp_path), 40, Params())
    assert pq.read_metadata(DataFolder(tmp_path).table("windows")).num_rows == 40


@pytest.mark.soak
def test_separate_tools_make_the_clips_that_we_make(media: Path, tmp_path: Path):
    if reason := separate_tools.why_not():
        pytest.skip(reason)
    project = Project.with_files(tmp_path / "project", [media / "music-harp-360p-10s.mp4"])
    ours, theirs = against_tools.measured(project, tmp_path / "tools")
    clips = read_table(project.data.table("clips"), "clips")
    assert len(list((tmp_path / "tools" / "clips").iterdir())) == len(clips) == 1
    assert set(theirs) == {"probe", "letterbox", "shots", "speech", "cut"}
    assert all(used.cpu_s > 0 for used in (*ours.values(), *theirs.values()))
