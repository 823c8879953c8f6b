"""A folder becomes a contender: which prompts its clips have, what is left out, and what the copies tell."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
import sqlalchemy as sa

from mova_core.errors import MovaError, UsageError
from mova_core.evaluation.arena.add import add
from mova_core.media.provenance import Provenance, Recipe, write_provenance
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import ArenaClip

PROMPTS = ("a red ball", "a blue cube")
WriteClip = Callable[[Path, int], Path]


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A suite of two lines: the first clip is called `ball`, the second as `mova generate` numbers it."""
    path = tmp_path / "prompts.jsonl"
    lines = [{"prompt": PROMPTS[0], "name": "ball"}, {"prompt": PROMPTS[1], "set": "cubes"}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def folder(tmp_path: Path, write_small_clip: WriteClip) -> Path:
    """Clips of both prompts."""
    for place, name in enumerate(("ball", "00001")):
        write_small_clip(tmp_path / "one" / f"{name}.mp4", 60 + place)
    return tmp_path / "one"


def recipe(prompt: str) -> Recipe:
    return Recipe(prompt, "", 0, {}, {}, {}, {}, 1, {})


def recorded(engine: sa.Engine) -> list[ArenaClip]:
    with reading(engine) as session:
        return list(session.scalars(sa.select(ArenaClip).order_by(ArenaClip.clip_id)))


def test_clips_are_named_by_the_prompts_file(engine: sa.Engine, folder: Path, prompts: Path, tmp_path: Path) -> None:
    told = add(engine, "one", folder, prompts, tmp_path)
    assert (told["added"], told["rejected"], told["pairs"]) == (2, [], 0)
    assert "add another contender" in told["text"]
    assert [clip.prompt for clip in recorded(engine)] == list(PROMPTS)
    assert all((tmp_path / clip.path).is_file() for clip in recorded(engine))
    assert add(engine, "two", folder, prompts, tmp_path)["pairs"] == 2
    assert add(engine, "two", folder, prompts, tmp_path)["added"] == 0


def test_an_evaluation_and_provenance_name_prompts_too(
    engine: sa.Engine, tmp_path: Path, write_small_clip: WriteClip
) -> None:
    write_small_clip(tmp_path / "evaluation/samples/00.mp4", 60)
    samples = [{"path": "samples/00.mp4", "prompt": PROMPTS[0], "seed": 3}]
    (tmp_path / "evaluation/metrics.json").write_text(json.dumps({"phase": "phase3", "samples": samples}))
    clip = write_small_clip(tmp_path / "generated/x.mp4", 70)
    write_provenance(clip, Provenance("c" * 16, recipe=recipe(PROMPTS[0])))
    add(engine, "evaluated", tmp_path / "evaluation", None, tmp_path)
    assert add(engine, "generated", tmp_path / "generated", None, tmp_path)["pairs"] == 1


def test_a_copy_says_nothing_of_who_made_it_and_plays_the_same(
    engine: sa.Engine, tmp_path: Path, write_small_clip: WriteClip
) -> None:
    clip = write_small_clip(tmp_path / "mine/x.mp4", 80)
    write_provenance(clip, Provenance("secretcheckpoint", recipe=recipe(PROMPTS[0])))
    add(engine, "one", tmp_path / "mine", None, tmp_path)
    copy = tmp_path / recorded(engine)[0].path
    assert b"secretcheckpoint" in clip.read_bytes() and b"secretcheckpoint" not in copy.read_bytes()
    packets: list[list[Any]] = []
    for path in (clip, copy):
        with av.open(str(path)) as container:
            streams = [container.streams.video[0], container.streams.audio[0]]
            packets.append(sorted((p.stream.index, p.pts, bytes(p)) for p in container.demux(streams) if p.size))
    assert packets[0] == packets[1]


def test_what_cannot_be_shown_is_left_out_with_its_reason(
    engine: sa.Engine, tmp_path: Path, folder: Path, prompts: Path, write_small_clip: WriteClip
) -> None:
    (folder / "00001.mp4").write_bytes((folder / "00001.mp4").read_bytes()[:2000])
    lines = [{"prompt": "lost", "name": "lost"}, {"prompt": "outside", "name": "outside"}]
    with prompts.open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    (folder / "outside.mp4").symlink_to(write_small_clip(tmp_path / "elsewhere/x.mp4", 90))
    told = add(engine, "one", folder, prompts, tmp_path)
    assert (told["clips"], told["added"]) == (4, 1)
    assert [Path(lost["path"]).stem for lost in told["rejected"]] == ["00001", "lost", "outside"]
    assert all(lost["reason"] for lost in told["rejected"])


def test_a_folder_none_of_whose_clips_plays_fails(engine: sa.Engine, tmp_path: Path, prompts: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/ball.mp4").write_bytes(b"no clip")
    with pytest.raises(MovaError, match=r"none of the 2 clips in .*bad can be shown"):
        add(engine, "one", tmp_path / "bad", prompts, tmp_path)
    assert recorded(engine) == []


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("one", {}, "has no clip to add, expected .mp4 files"),
        ("one", {"x.mp4": b"no clip"}, "name the prompts by --prompts"),
        ("one", {"metrics.json": b"[]"}, "is not of an evaluation"),
        (" ", {}, "--name is ' '"),
        ("a\x1b[2J", {}, "printable characters"),
    ],
)
def test_wrong_use_is_one_sentence(
    engine: sa.Engine, tmp_path: Path, name: str, content: dict[str, bytes], said: str
) -> None:
    for file, data in content.items():
        (tmp_path / file).write_bytes(data)
    with pytest.raises(UsageError, match=said):
        add(engine, name, tmp_path, None, tmp_path)


def test_a_clip_that_does_not_say_its_prompt_needs_a_prompts_file(
    engine: sa.Engine, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="does not say what it was made from"):
        add(engine, "one", folder, None, tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        add(engine, "one", tmp_path / "nothing", None, tmp_path)
