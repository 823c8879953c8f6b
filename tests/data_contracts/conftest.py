"""A small curation in which every contract holds, as plain rows that a test may spoil before they are written."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mova_core.curation.tables import write_table
from mova_core.params import Params
from mova_core.places import DataFolder

Row = dict[str, Any]
REJECTING = {"ingest": "sources", "segment": "sources", "cut": "windows", "assess": "clips"}
IDS = ("path", "source_id", "window_id", "clip_id")
MEASURED = {
    "silence_ratio": 0.3,
    "bandwidth_hz": 4000.0,
    "lufs": -23.0,
    "clipped_share": 0.0,
    "black_share": 0.0,
    "frozen_share": 0.1,
    "motion": 0.02,
    "noise_sd": 0.01,
    "speech_share": 0.0,
}

UNCHANGED = dict.fromkeys(("crop_top_px", "crop_bottom_px", "crop_left_px", "crop_right_px"), 0) | {
    "audio_stretched_s": 0.0
}


def digest(name: str, length: int = 64) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:length]


def reject(stage: str, of: str, code: str) -> Row:
    return {"table": REJECTING[stage], "id": of, "stage": stage, "reason_code": code, "reason": f"it is {code}"}


class World:
    """Files of two windows each, one file unreadable and one too short, one window that cannot be cut, one silent clip.

    `rows[name]` is a table, `rejects[stage]` what a stage turned away.
    """

    def __init__(self, params: Params, files: int = 2) -> None:
        self.params = params
        usable = [source(f"{number:02}.mp4") for number in range(files)]
        short = source("short.mp4")
        windows = [self._window(file["source_id"], start_s) for file in usable for start_s in (0.0, 2.5)]
        lost, *cut = windows
        clips = [self._clip(window, usable[-1]["source_id"]) for window in cut]
        *accepted, silent = clips
        silence = {"silence_ratio": 0.9, "verdict": "rejected", "rejections": {"silence_ratio": "0.9"}, "phases": []}
        self.rows: dict[str, list[Row]] = {
            "sources": [
                *(*usable, short),
                {"path": "notes.txt", "bytes": 5, "source_id": digest("notes"), "verdict": "rejected"}
                | {"reason_code": "not_media", "reason": "it is text"},
            ],
            "segments": [{"source_id": row["source_id"], "cuts_s": [], "speech_s": [], **UNCHANGED} for row in usable],
            "windows": windows,
            "near_duplicates": [],
            "clips": clips,
            "verdicts": [*map(verdict, accepted), verdict(silent) | silence],
            "captions": [*map(caption, accepted)],
        }
        self.rejects: dict[str, list[Row]] = {
            "ingest": [reject("ingest", "notes.txt", "not_media")],
            "segment": [
                reject("segment", short["source_id"], "too_short"),
                *(self._remainder(file["source_id"], *times) for file in usable for times in ((0, 2.5), (2.5, 8.0))),
            ],
            "cut": [reject("cut", lost["window_id"], "truncated")],
            "assess": [reject("assess", silent["clip_id"], "silence_ratio")],
        }

    def _window(self, source_id: str, start_s: float) -> Row:
        return {
            "window_id": digest(f"{source_id}{start_s}", 16),
            "source_id": source_id,
            "start_s": start_s,
            "end_s": round(start_s + self.params.clip_geometry.duration_s, 6),
            "kind": "single_scene_nonspeech",
        }

    def _remainder(self, source_id: str, window_s: float, end_s: float) -> Row:
        """What of a file lies in no window: from the end of one to the next one's start, or the file's end."""
        start_s = round(window_s + self.params.clip_geometry.duration_s, 6)
        return reject("segment", source_id, "shorter_than_window") | {"start_s": start_s, "end_s": end_s}

    def _clip(self, window: Row, for_validation: str) -> Row:
        geometry = self.params.clip_geometry
        clip_id = digest(window["window_id"], 16)
        return {
            "clip_id": clip_id,
            "window_id": window["window_id"],
            "source_id": window["source_id"],
            "path": "clips-00000.tar",
            "member": f"{clip_id}.mp4",
            "sha256": digest(clip_id),
            "bytes": 900,
            "width_px": geometry.canvases[0].width_px,
            "height_px": geometry.canvases[0].height_px,
            "orientation": geometry.canvases[0].orientation,
            "frames": geometry.frames,
            "fps": geometry.fps,
            "audio_rate_hz": geometry.audio_rate_hz,
            "audio_samples": geometry.audio_samples,
            "filled_s": 0.0,
            "split": "validation" if window["source_id"] == for_validation else "train",
        }

    def share(self, **values: Any) -> None:
        """An interval of the second file that the first one has too; it holds the second window alone."""
        first, second = (row["source_id"] for row in self.rows["sources"][:2])
        interval = {"source_id": second, "start_s": 2.5, "end_s": 6.0, "kept_source_id": first, "kept_start_s": 2.5}
        self.rows["near_duplicates"].append(
            interval | {"group_id": first, "is_copy": True, "frames": "same", "video_distance_bits": 3.0} | values
        )

    def lose_second_file(self, code: str) -> None:
        """No clip of the second file: `cut` turned its windows away."""
        second = self.rows["sources"][1]["source_id"]
        lost = [row for row in self.rows["clips"] if row["source_id"] == second]
        self.rows["clips"] = [row for row in self.rows["clips"] if row not in lost]
        self.rejects["cut"] += [reject("cut", row["window_id"], code) for row in lost]

    def one_row_a_file(self, table: str) -> list[Row]:
        """Rows of a table that have no file in common, none of the first or the last file."""
        if table == "sources":
            return self.rows["sources"][1:-3]
        files = [row["source_id"] for row in self.rows["sources"][1:-3]]
        file_of = {row["clip_id"]: row["source_id"] for row in self.rows["clips"]}
        first: dict[str, Row] = {}
        for row in self.rows[table]:
            first.setdefault(row.get("source_id") or file_of[row["clip_id"]], row)
        return [first[source_id] for source_id in files]

    def write(self, data: DataFolder) -> None:
        """Write the tables, the rejects and a clips file."""
        for name, rows in self.rows.items():
            write_table(data.table(name), name, rows)
        for stage, rows in self.rejects.items():
            write_table(data.rejects(stage), "rejects", rows)
        data.clips.mkdir(exist_ok=True)
        (data.clips / "clips-00000.tar").write_bytes(b"tar")


def source(path: str) -> Row:
    return {
        "source_id": digest(path),
        "path": path,
        "bytes": 1000,
        "kind": "video",
        "container": "mp4",
        "duration_s": 8.0,
        "width_px": 320,
        "height_px": 240,
        "display_aspect": 320 / 240,
        "rotation_deg": 0,
        "hflip": False,
        "fps": 29.97,
        "is_vfr": False,
        "video_codec": "h264",
        "audio_codec": "aac",
        "audio_rate_hz": 44_100,
        "audio_channels": 2,
        "audio_track": 0,
        "audio_minus_video_start_s": -0.02,
        "rights": "own",
        "verdict": "accepted",
    }


def verdict(clip: Row) -> Row:
    accepted = {"verdict": "accepted", "rejections": {}, "phases": ["audio", "phase1"]}
    return {"clip_id": clip["clip_id"], **MEASURED, **accepted}


def caption(clip: Row) -> Row:
    return {
        "clip_id": clip["clip_id"],
        "visual": "A red ball bounces.",
        "sound": "A wooden knock.",
        "merged": "A red ball bounces with a wooden knock, 2 shots.",
        "kind": "template",
        "language": "en",
    }


def judge_table(table: str, world: World, data: DataFolder) -> Any:
    from data_contracts.check import contract_of, ephemeral_context, judge

    world.write(data)
    return judge(contract_of(table, data, world.params), ephemeral_context())


@pytest.fixture
def world() -> World:
    return World(Params())


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data")


@pytest.fixture
def judged(world: World, data: DataFolder) -> Callable[[str], Any]:
    """Write the world and judge one of its tables."""
    return lambda table: judge_table(table, world, data)


@pytest.fixture
def failing(judged: Callable[[str], Any]) -> Callable[[str], set[str]]:
    """Sentences of one table's contract that do not hold."""
    return lambda table: {finding.sentence for finding in judged(table).findings if not finding.success}


def told_by_id(table: str, world: World, data: DataFolder, ids: list[set[str]]) -> list[set[str]]:
    result = judge_table(table, world, data)
    return [
        {finding.sentence for finding in result.findings if any(row.id in row_ids for row in finding.failing)}
        for row_ids in ids
    ]


@pytest.fixture
def world_of() -> Callable[[int], World]:
    """A world of so many files."""
    return lambda files: World(Params(), files)


@pytest.fixture
def told_of() -> Callable[..., list[set[str]]]:
    """The sentences that each row breaks, a row being known by a set of ids."""
    return told_by_id


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[set[str]]:
    """For each case of the module's SPOILED the sentences that its row of table TABLE breaks; judged all at once."""
    table, cases = request.module.TABLE, request.module.SPOILED
    world = World(Params(), files=len(cases) + 2)
    ids = []
    for row, (values, _) in zip(world.one_row_a_file(table), cases, strict=True):
        before = dict(row)
        row |= values
        ids.append({state[name] for state in (before, row) for name in IDS if name in state})
    return told_by_id(table, world, DataFolder(tmp_path_factory.mktemp("spoiled") / "data"), ids)


@pytest.fixture
def sentences(world: World, data: DataFolder) -> Callable[[str], set[str]]:
    """Sentences of one table's contract, but for those that rules/test_rejects.py and test_column_rules.py break."""
    from data_contracts.check import contract_of

    def of(table: str) -> set[str]:
        world.write(data)
        views = contract_of(table, data, world.params).views
        rules = [rule for view in views if not view.name.startswith("rejects of") for rule in view.expectations]
        assert len({rule.description for rule in rules}) == len(rules), "two rules say the same"
        return {rule.description for rule in rules if "beyond it the value is wrong" not in str(rule.notes)}

    return of
