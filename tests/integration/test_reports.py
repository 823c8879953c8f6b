"""Files after public bug reports: each ends as `expect.json` says it may, and no clip of it is falsified.

Every file shows the scene of `scene.py`, so its clips are measured: flashes and beeps at their true times or at least
together, corners in their colours and the right way up, no invented silence, nothing across a stretch that is lost.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mova_core.curation.cut.shards import read_member
from mova_core.curation.tables import read_table
from mova_core.geometry import ClipGeometry, geometry_named
from mova_core.media.clip_file import read_clip
from mova_core.places import DataFolder
from tests.conftest import SHARED
from tests.integration import scene
from tests.integration.test_shared_media import outcomes

PRESET, GEOMETRY = "nano", "nano-48"
MIRRORED = {"l": "r", "r": "l"}
CORNERS_SHOWN = {
    "upright": scene.CORNERS,
    "hflip": {corner: scene.CORNERS[corner[0] + MIRRORED[corner[1]]] for corner in scene.CORNERS},
}
"""What each corner of the frame shows: where a display matrix flips, the scene is its mirror image."""

WITHOUT_THE_SCENE = {"clk-240.1-fps.mp4"}  # it shows noise and plays a tone: only what becomes of it is judged
MEASURED_S = 0.005  # to which a beep's start is measured
PARAMS = f"""\
preset: {PRESET}
segment: {{near_duplicates: {{overlap_s_at_least: 1000}}}}  # they all share one scene
cut: {{codec: ffv1}}
assess: {{measures: [loudness], bandwidth_hz_above: 0}}  # some play nothing but tones
"""


@pytest.fixture(scope="session")
def reports() -> Path:
    """Folder of the shared files; tests that need it are skipped where it is absent."""
    folder = SHARED / "reports"
    if not folder.is_dir():
        pytest.skip("the footage after bug reports (../shared/reports) is not beside this clone")
    return folder


def curated(footage: Path, out: Path, run: Any) -> DataFolder:
    params = out.parent / "params.yaml"
    params.write_text(PARAMS)
    run(out.parent, "mova", "curate", str(footage), "--out", str(out), "--params", str(params))
    return DataFolder(out)


def faults(data: DataFolder, path: str, known: dict[str, Any], geometry: ClipGeometry) -> Iterator[str]:
    """What is wrong with the clips of one file, given what is known of it."""
    rows = [row for row in read_table(data.table("sources"), "sources") if row["path"] == path]
    source_ids = {row["source_id"] for row in rows}
    film_s = max(0.0, *(-row["audio_minus_video_start_s"] for row in rows))  # the clock begins with a codec's priming
    starts_s = {row["window_id"]: row["start_s"] for row in read_table(data.table("windows"), "windows")}
    flashes, beeps = set(), set()
    for row in read_table(data.table("clips"), "clips"):
        if row["source_id"] not in source_ids:
            continue
        start_s = starts_s[row["window_id"]]
        clip = scene.seen(*read_clip(read_member(data.clips, row)), geometry)
        yield from (
            f"clip at {start_s:.3f} s: {fault}" for fault in _faults_of_clip(clip, start_s - film_s, known, geometry)
        )
        flashes |= {round(start_s + time_s, 3) for time_s in clip.flashes_s}
        beeps |= {round(start_s + time_s, 3) for time_s in clip.beeps_s}
    if not flashes or not beeps:
        yield f"{len(flashes)} flashes and {len(beeps)} beeps in all of its clips"


def _faults_of_clip(clip: scene.Seen, start_s: float, known: dict[str, Any], geometry: ClipGeometry) -> Iterator[str]:
    half_s = 0.5 / geometry.fps + MEASURED_S
    if known.get("clock") or known.get("av_only"):
        # A flash or beep at the clip's very border may have lost its other half.
        inside = [time_s for time_s in clip.flashes_s if 0.1 < time_s < geometry.duration_s - 0.1]
        for time_s in inside:
            apart_s = min((beep_s - time_s for beep_s in clip.beeps_s), key=abs, default=9.0)
            if abs(apart_s) > half_s:
                yield f"flash at {time_s:.3f} s and its beep are {1000 * apart_s:.0f} ms apart"
    if known.get("clock"):
        for what, times_s in (("flash", clip.flashes_s), ("beep", clip.beeps_s)):
            for time_s in times_s:
                scene_s = (start_s + time_s) % scene.SECONDS  # longer files show it again and again
                off_s = min((scene_s - true_s for true_s in known["flashes_s"]), key=abs)
                if abs(off_s) > half_s:
                    yield f"a {what} is {1000 * off_s:.0f} ms from where it was filmed"
    if "gap_s" in known:
        low, high = known["gap_s"]
        if start_s < high - 0.05 and start_s + geometry.duration_s > low + 0.05:
            yield f"it lies over the gap {low:g} to {high:g} s"
    if clip.holes:
        yield f"{clip.holes} stretches of silence"
    if known.get("corners"):
        for corner, colour in CORNERS_SHOWN[known.get("shown", "upright")].items():
            error = max(abs(a - b) for a, b in zip(clip.corners[corner], colour, strict=True))
            if error > scene.CORNER_ERROR:
                yield f"corner {corner} is {clip.corners[corner]}, expected {colour}"


@pytest.mark.timeout(600)
def test_each_file_ends_as_its_report_says_and_no_clip_is_falsified(reports, tmp_path, run, capsys):
    files = json.loads((reports / "expect.json").read_text())["files"]
    footage = tmp_path / "footage"
    footage.mkdir()
    for name in files:
        shutil.copy(reports / name, footage)
    data, geometry = curated(footage, tmp_path / "out", run), geometry_named(GEOMETRY)
    wrong: dict[str, list[str]] = {}
    with capsys.disabled():  # the table is for people
        print(f"\n{'file':28} {'outcome':8} {'stage':8} {'reason':20} sentence, or what is wrong")
        for path, outcome, stage, code, sentence in outcomes(data):
            expected = files[path]
            found = (
                [] if outcome in expected["outcome"] else [f"{outcome}, expected {' or '.join(expected['outcome'])}"]
            )
            if outcome == "clips" and path not in WITHOUT_THE_SCENE:
                found += faults(data, path, expected["known"], geometry)
            print(f"{path:28} {outcome:8} {stage:8} {code:20} {'; '.join(found[:2]) or sentence}")
            if found:
                wrong[path] = found
        print(f"{len(files) - len(wrong)} of {len(files)} files end as they should")
    assert wrong == {}
