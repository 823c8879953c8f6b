"""A file's name is never more than a name: no shell, no pattern, no way out of a folder, no table undone."""

import shutil
from pathlib import Path

import numpy as np

from mova_core.curation.cut.stage import cut
from mova_core.curation.engine.base import Engine
from mova_core.curation.ingest.stage import ingest
from mova_core.curation.segment.stage import segment
from mova_core.curation.tables import read_table
from mova_core.media.encode import write_media
from mova_core.params import Params, SegmentParams
from mova_core.params.curation import NearDuplicateParams
from mova_core.places import DataFolder
from mova_core.synthetic.world import draw_take, render_audio, render_frames

NAMES = (
    "$(touch pwned).mp4",
    "`touch pwned`.mp4",
    ";touch pwned;.mp4",
    "|touch pwned.mp4",
    "&& touch pwned &.mp4",
    "-y.mp4",
    "concat:a.mp4|b.mp4",
    "a\\..\\..\\pwned.mp4",
    "%s%n%05d.mp4",
    "*?[a-z]{1,2}.mp4",
    "two\nlines\tand\rmore.mp4",
    "'; DROP TABLE sources; --.mp4",
    "=cmd|' -C calc'!A0.mp4",
    "<script>alert(1)<script>.mp4",
    "e\u0301.mp4",  # decomposed, and beside it composed: two files
    "\u00e9.mp4",
    "x" * 251 + ".mp4",
)


def test_names_are_data(tmp_path, monkeypatch):
    folder, working = tmp_path / "footage", tmp_path / "working"
    folder.mkdir(), working.mkdir()
    take = tmp_path / "take.mp4"
    make_film(take)
    for number, name in enumerate(NAMES):
        shutil.copy(take, folder / name)
        with (folder / name).open("ab") as file:  # a free box at the end: no file is another's duplicate
            file.write((12).to_bytes(4, "big") + b"free" + number.to_bytes(4, "big"))
    monkeypatch.chdir(working)
    data, engine = DataFolder(tmp_path / "data"), Engine("local", 1)
    # All files show the same film, and each is to give its clip.
    params = Params(preset="nano", segment=SegmentParams(near_duplicates=NearDuplicateParams(overlap_s_at_least=1000)))
    ingest(params, folder, data, engine, tmp_path / "result_cache")
    segment(params, folder, data, engine, tmp_path / "result_cache")
    cut(params, folder, data, engine, tmp_path / "result_cache", as_files=True)
    rows = read_table(data.table("sources"), "sources")
    assert {row["path"] for row in rows} == set(NAMES)
    assert {row["verdict"] for row in rows} == {"accepted"}
    clips = read_table(data.table("clips"), "clips")
    assert {row["source_id"] for row in clips} == {row["source_id"] for row in rows}
    assert all(Path(row["path"]).name == f"{row['clip_id']}.mp4" for row in clips)
    assert list(working.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"footage", "working", "take.mp4", "data", "result_cache"}
    assert {path.name for path in folder.iterdir()} == set(NAMES)


def make_film(path: Path) -> None:
    """Three seconds of the bouncing world."""
    take = draw_take(np.random.default_rng(0), "red-ball", 3.0, (20, 60, 90))
    write_media(path, render_frames(take, 16, 48, 48), 16, render_audio(take, 16_000, 48_000), 16_000)
