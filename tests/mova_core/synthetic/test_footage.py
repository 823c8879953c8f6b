"""Synthetic footage is ordinary files, the same from the same seed, and never takes the place of a person's own."""

import json
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mova_core.errors import UsageError
from mova_core.synthetic.files import BROKEN_FILES, plan_file
from mova_core.synthetic.footage import events_path, make_footage
from mova_core.synthetic.formats import FORMATS
from mova_core.synthetic.world import KINDS, PHASE_PERIOD, Take

WINDOW = Fraction(33, 16)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small") / "footage"
    make_footage(folder, clips=4, seed=5)
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_same_seed_same_bytes_whatever_the_workers(small: Path, tmp_path: Path) -> None:
    make_footage(tmp_path / "footage", clips=4, seed=5, workers=2)
    assert bytes_of(tmp_path / "footage") == bytes_of(small)
    assert events_path(tmp_path / "footage").read_bytes() == events_path(small).read_bytes()


def test_every_format_is_there_and_decodes_to_its_plan(small: Path) -> None:
    record = json.loads(events_path(small).read_text())["files"]
    media = [path for path in sorted(small.iterdir()) if path.name.startswith("bouncing") and path.suffix != ".json"]
    assert {path.suffix[1:] for path in media} == {form.suffix for form in FORMATS}
    for number, path in enumerate(media):
        plan = plan_file(number, 5, record[path.name]["windows"], WINDOW)
        with av.open(str(path)) as file:
            assert sum(1 for _ in file.decode(video=0)) == plan.frames
        with av.open(str(path)) as file:
            rate = file.streams.audio[0].rate
            decoded_s = sum(frame.samples for frame in file.decode(audio=0)) / rate
        assert rate == plan.audio_rate_hz
        assert decoded_s == pytest.approx(plan.length_s, abs=0.1)  # codecs may pad the end


def test_sidecars_tell_classes_and_never_events(small: Path) -> None:
    record = json.loads(events_path(small).read_text())["files"]
    for path in small.glob("bouncing*.json"):
        sidecar = json.loads(path.read_text())
        assert set(sidecar) == {"rights", "origin", "consent", "scenes"}
        assert all(set(scene) == {"start_s", "end_s", "class"} for scene in sidecar["scenes"])
        events = record[path.name.removesuffix(".json")]["events_s"]
        assert events == sorted(events)
        for scene in sidecar["scenes"]:
            inside = [time for time in events if scene["start_s"] <= time < scene["end_s"]]
            assert len(inside) >= (scene["end_s"] - scene["start_s"]) / 0.9 - 1


def test_three_files_are_broken_in_three_ways(small: Path) -> None:
    with pytest.raises(av.FFmpegError):
        av.open(str(small / "broken-no-index.mp4"))
    with pytest.raises(av.FFmpegError):
        av.open(str(small / "broken-text.mp4"))
    with av.open(str(small / "broken-no-audio.mp4")) as file:
        assert not file.streams.audio and file.streams.video
    assert {path.name for path in small.glob("broken*")} == set(BROKEN_FILES)


def test_a_finished_folder_is_left_and_another_seed_replaces_it(tmp_path: Path) -> None:
    folder = tmp_path / "footage"
    assert make_footage(folder, clips=1, seed=1)["cached"] is False
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert make_footage(folder, clips=1, seed=1)["cached"] is True
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    kept = bytes_of(folder)
    assert make_footage(folder, clips=1, seed=2)["cached"] is False
    assert bytes_of(folder) != kept


def test_a_persons_own_files_are_never_overwritten(small: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "holiday.mp4").write_bytes(b"precious")
    with pytest.raises(UsageError, match="new or empty"):
        make_footage(tmp_path / "mine", clips=1, seed=0)
    folder = tmp_path / "footage"
    make_footage(folder, clips=1, seed=1)
    (folder / "holiday.mp4").write_bytes(b"precious")
    with pytest.raises(UsageError, match="new or empty"):
        make_footage(folder, clips=1, seed=2)
    assert (folder / "holiday.mp4").read_bytes() == b"precious"
    with pytest.raises(UsageError, match="at least 1"):
        make_footage(tmp_path / "none", clips=0, seed=0)


def test_a_killed_run_leaves_nothing_that_a_rerun_trips_over(small: Path, tmp_path: Path) -> None:
    making = tmp_path / ".making-footage"
    making.mkdir()
    (making / ".tmp-123.mp4").write_bytes(b"half")
    (making / "bouncing-0000.mp4").write_bytes(b"of another seed")
    (making / "bouncing-0099.mp4").write_bytes(b"of another seed")
    make_footage(tmp_path / "footage", clips=4, seed=5)
    assert bytes_of(tmp_path / "footage") == bytes_of(small)
    assert not making.exists()


@pytest.mark.parametrize("number", range(9))
def test_plans_keep_the_timeline_and_the_room(number: int) -> None:
    for windows in (1, 2, 18):
        plan = plan_file(number, 3, windows, WINDOW)
        takes = [scene for scene in plan.scenes if isinstance(scene.shown, Take)]
        assert sum(int(scene.frames / plan.fps // WINDOW) for scene in takes) >= windows
        assert all(scene.start / plan.fps % PHASE_PERIOD == 0 for scene in plan.scenes)
        assert len({scene.shown.kind for scene in takes}) == len(takes) <= len(KINDS)
        assert [scene.start for scene in plan.scenes[1:]] == list(
            np.cumsum([scene.frames for scene in plan.scenes])[:-1]
        )
