"""Clips of a suite as files: only what is missing is made, whatever stopped a run or divided it, and the same bytes."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mova_core.curation.engine.base import Engine
from mova_core.errors import MovaError, UsageError
from mova_core.evaluation.generating.clip_files import CLIPS_FOLDER, Workers, generate_clips
from mova_core.evaluation.generating.generation import Generation
from mova_core.evaluation.suites.item import SuiteItem
from mova_core.evaluation.suites.parts import Shard
from mova_core.measures.clip import Asked
from mova_core.media.provenance import read_provenance
from mova_core.model.single_thread import single_thread
from mova_core.params import Limits
from mova_core.sampling import generate as generating
from mova_core.sampling.generate import generate as run_generate
from mova_core.sampling.request.request import Request
from mova_core.sampling.request.wanted import Given, Wanted
from mova_core.sampling.sampler import NotFinite

SHORT = Generation({"steps": 1, "frames": 5, "retries": 0})
CHECKPOINT = "0123456789abcdef"


@pytest.fixture(autouse=True)
def one_thread(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with single_thread():
        yield


@pytest.fixture(scope="module")
def first_frame(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("images") / "first.png"
    Image.fromarray(np.full((64, 64, 3), 200, np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def items(first_frame) -> tuple[SuiteItem, ...]:
    wanted = [Wanted(f"clip-{seed}", "a red ball", seed) for seed in range(3)]
    wanted.append(Wanted("with-frame", "a red ball", 9, Given(image=first_frame)))
    return tuple(SuiteItem(each, Asked(each.prompt)) for each in wanted)


@pytest.fixture(scope="module")
def made_once(nano_folder, items, tmp_path_factory) -> Path:
    """All clips, made in one go."""
    out = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch, single_thread():
        patch.chdir(out)
        generated = generate_clips(items, nano_folder, CHECKPOINT, out, SHORT)
    assert (generated.clips, generated.kept, generated.failed) == (4, 0, {})
    return out


@pytest.fixture
def out(made_once, tmp_path) -> Path:
    """A copy of them."""
    return shutil.copytree(made_once, tmp_path / "out")


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / CLIPS_FOLDER).iterdir())}


def times(out: Path) -> dict[str, int]:
    return {path.stem: path.stat().st_mtime_ns for path in (out / CLIPS_FOLDER).glob("*.mp4")}


def test_a_clip_is_that_of_mova_generate(made_once, nano_folder, items, tmp_path):
    request = Request.check(nano_folder, [items[3].wanted], tmp_path, changes=SHORT.changes)
    run_generate(request, CHECKPOINT)
    assert (tmp_path / "with-frame.mp4").read_bytes() == files(made_once)["with-frame.mp4"]


def test_a_rerun_makes_nothing_and_loads_no_model(out, nano_folder, items, monkeypatch):
    monkeypatch.setattr(generating, "load_generator", lambda *arguments: pytest.fail("a model was loaded"))
    before = times(out)
    generated = generate_clips(items, nano_folder, CHECKPOINT, out, SHORT)
    assert (generated.clips, generated.kept) == (4, 4)
    assert times(out) == before


def test_a_run_that_was_killed_between_clips_goes_on(made_once, nano_folder, items, tmp_path, monkeypatch):
    write, left = generating.write_generated, [2]

    def killed(*arguments):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return write(*arguments)

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(generating, "write_generated", killed)
        with pytest.raises(KeyboardInterrupt):
            generate_clips(items, nano_folder, CHECKPOINT, out, SHORT)
    before = times(out)
    assert sorted(before) == ["clip-0", "clip-1"]
    assert generate_clips(items, nano_folder, CHECKPOINT, out, SHORT).kept == 2
    assert {name: times(out)[name] for name in before} == before
    assert files(out) == files(made_once)


def test_a_damaged_file_one_without_checksum_and_a_missing_one_are_made_anew(made_once, out, nano_folder, items):
    clips = out / CLIPS_FOLDER
    with (clips / "clip-0.mp4").open("r+b") as file:
        file.seek(200)
        file.write(b"damaged")
    (clips / "clip-1.mp4.sha256").unlink()
    (clips / "clip-2.mp4").unlink()
    assert generate_clips(items, nano_folder, CHECKPOINT, out, SHORT).kept == 1
    assert files(out) == files(made_once)


CHANGES = {
    "settings": {"generation": Generation({**SHORT.changes, "video_shift": 2.0})},
    "negative prompt": {"generation": Generation(SHORT.changes, negative_prompt="box")},
    "checkpoint": {"checkpoint_id": "fedcba9876543210"},
    "dtype": {"generation": Generation(SHORT.changes, runtime={"dtype": "float32"})},
}


@pytest.mark.parametrize("changed", CHANGES)
def test_whatever_decides_a_clip_makes_it_anew(out, nano_folder, items, changed):
    arguments = {"checkpoint_id": CHECKPOINT, "generation": SHORT} | CHANGES[changed]
    assert generate_clips(items[:1], nano_folder, out=out, **arguments).kept == 0
    assert generate_clips(items[:1], nano_folder, out=out, **arguments).kept == 1


def test_another_prompt_seed_or_first_frame_makes_that_clip_anew(out, nano_folder, items, tmp_path):
    other = tmp_path / "other.png"
    Image.fromarray(np.full((64, 64, 3), 20, np.uint8)).save(other)
    same, _, _, framed = (item.wanted for item in items)
    wanted = [
        same,
        Wanted("clip-1", "two red balls", 1),
        Wanted("clip-2", "a red ball", 8),
        Wanted(framed.name, framed.prompt, framed.seed, Given(image=other)),
    ]
    changed = tuple(SuiteItem(each, Asked()) for each in wanted)
    assert generate_clips(changed, nano_folder, CHECKPOINT, out, SHORT).kept == 1
    assert read_provenance(out / CLIPS_FOLDER / "clip-2.mp4").recipe.seed == 8


def test_another_format_takes_the_place_of_the_first(out, nano_folder, items):
    lossless = Generation({**SHORT.changes, "codec": "lossless"})
    assert generate_clips(items[:1], nano_folder, CHECKPOINT, out, lossless).kept == 0
    assert sorted(name for name in files(out) if name.startswith("clip-0")) == ["clip-0.mkv", "clip-0.mkv.sha256"]


def test_shards_make_the_bytes_of_one_process_in_any_order(made_once, nano_folder, items, tmp_path):
    out = tmp_path / "out"
    made = [generate_clips(Shard(number, 3).of(items), nano_folder, CHECKPOINT, out, SHORT) for number in (3, 1, 2)]
    assert [generated.clips for generated in made] == [1, 2, 1]
    assert [generated.kept for generated in made] == [0, 0, 0]
    assert files(out) == files(made_once)
    assert generate_clips(items, nano_folder, CHECKPOINT, out, SHORT).kept == 4


def test_a_clip_that_cannot_be_made_is_told_and_its_old_file_is_gone(out, nano_folder, items, monkeypatch):
    guarded = generating.generate_guarded

    def broken(generator, clips, *arguments, **options):
        if clips[0].seed == 1:
            raise NotFinite
        return guarded(generator, clips, *arguments, **options)

    monkeypatch.setattr(generating, "generate_guarded", broken)
    changed = Generation({**SHORT.changes, "audio_shift": 2.0})
    generated = generate_clips(items[:2], nano_folder, CHECKPOINT, out, changed)
    assert list(generated.failed) == ["clip-1"] and "not finite" in generated.failed["clip-1"]
    assert not [name for name in files(out) if name.startswith("clip-1")]
    with pytest.raises(MovaError, match="no clip of the suite"):
        generate_clips(items[1:2], nano_folder, CHECKPOINT, out, changed)


def test_a_prompt_that_is_too_long_costs_its_own_clip_alone(out, nano_folder, items):
    long = SuiteItem(Wanted("clip-1", "x" * 200), Asked())
    generated = generate_clips([items[0], long], nano_folder, CHECKPOINT, out, SHORT)
    assert (generated.clips, generated.kept, list(generated.failed)) == (2, 1, ["clip-1"])
    assert "201 tokens" in generated.failed["clip-1"]
    assert not [name for name in files(out) if name.startswith("clip-1")]


def test_what_is_wrong_is_told_before_anything_is_made(nano_folder, items, first_frame, tmp_path):
    def refused(sentence, *wanted, first=1, generation=SHORT):
        with pytest.raises(UsageError, match=sentence):
            more = [SuiteItem(each, Asked()) for each in wanted]
            generate_clips([*items[:first], *more], nano_folder, CHECKPOINT, tmp_path / "out", generation)

    refused("201 tokens", Wanted("long", "x" * 200), first=0)
    refused("clip both: .*image and video", Wanted("both", "x", given=Given(image=first_frame, video=Path("x.mp4"))))
    refused("none.png is missing", Wanted("frame", "x", given=Given(image=Path("none.png"))))
    refused("steps is 0", generation=Generation({"steps": 0}))
    assert not (tmp_path / "out").exists()


def test_workers_that_each_hold_the_model_make_the_same_bytes(made_once, nano_folder, items, tmp_path):
    """As on Ray, whose tasks are these."""
    workers = Workers(Engine(workers=2), Limits())
    Path("text.mp4").write_text("no video at all")
    more = SuiteItem(Wanted("given", "a red ball", given=Given(video=Path("text.mp4"))), Asked())
    generated = generate_clips([*items, more], nano_folder, CHECKPOINT, tmp_path / "out", SHORT, workers)
    assert files(tmp_path / "out") == files(made_once)
    assert (generated.clips, generated.kept, list(generated.failed)) == (5, 0, ["given"])
    assert "text.mp4 cannot be given as video" in generated.failed["given"]
    here = generate_clips([more, items[0]], nano_folder, CHECKPOINT, tmp_path / "out", SHORT)
    assert (here.kept, list(here.failed)) == (1, ["given"])
