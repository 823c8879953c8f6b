"""What a run leaves for TensorBoard: the same after a stop, and no weight knows of it."""

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mova_core.training import loop
from mova_core.training.curves import read_curves

STEPS = 7


def scalars(run: Path) -> dict[str, dict[int, float]]:
    """Value by step of each tag; a step that is there twice fails."""
    read = EventAccumulator(str(run / "tensorboard")).Reload()
    found = {}
    for tag in read.Tags()["scalars"]:
        events = read.Scalars(tag)
        found[tag] = {event.step: event.value for event in events}
        assert len(found[tag]) == len(events), tag
    return found


def checkpoint_bytes(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.glob("checkpoints/*/*") if path.is_file()}


def test_event_files_hold_the_curves_and_the_speed_and_go_on_after_a_stop(project, section, monkeypatch):
    watched = section(steps=STEPS, monitor={"log_every": 2})
    project.train("phase1", watched, out=Path("straight"))
    straight, records = scalars(Path("straight")), read_curves(Path("straight/curves.jsonl"))

    assert set(straight["loss/loss"]) == {2, 4, 6, 7}
    for tag, name in (("loss/loss", "loss"), ("loss/video", "video"), ("loss/audio", "audio"), ("step/grad_norm",) * 2):
        name = name.removeprefix("step/")
        pairs = [[records[step][name] for step in steps] for steps in ((0, 1), (2, 3), (4, 5), (6,))]
        assert list(straight[tag].values()) == pytest.approx([sum(pair) / len(pair) for pair in pairs], rel=1e-5)
    assert {step: value for step, value in straight["validation/loss"].items()} == pytest.approx(
        {step + 1: records[step]["validation"]["loss"] for step in (3, 6)}
    )
    by_sigma = [tag for tag in straight if tag.startswith("loss_of_video_by_sigma/0.")]
    assert by_sigma and all(value > 0 for tag in by_sigma for value in straight[tag].values())
    for tag in ("video_tokens_per_s", "audio_tokens_per_s", "mfu", "step_s"):
        assert all(value > 0 for value in straight[f"speed/{tag}"].values())
    assert straight["memory/bytes"][2] > 50e6 and set(straight["speed/data_wait"]) == {2, 4, 6, 7}

    # Stopped after the figures of step 6, it goes on from the checkpoint of step 4, and the last file lost its end.
    write = loop.Curves.write

    def interrupting(self, record):
        if record["step"] == 6:
            raise KeyboardInterrupt
        write(self, record)

    monkeypatch.setattr(loop.Curves, "write", interrupting)
    with pytest.raises(KeyboardInterrupt):
        project.train("phase1", watched, out=Path("stopped"))
    monkeypatch.undo()
    monkeypatch.chdir(project.root)
    assert set(scalars(Path("stopped"))["loss/loss"]) == {2, 4, 6}
    (events,) = Path("stopped/tensorboard").iterdir()
    events.write_bytes(events.read_bytes()[:-3])
    project.train("phase1", watched, out=Path("stopped"))
    resumed = scalars(Path("stopped"))
    for tag in straight:
        if not tag.startswith(("speed/", "memory/")):
            assert resumed[tag] == straight[tag], tag

    project.train("phase1", section(steps=STEPS), out=Path("unwatched"))
    assert not Path("unwatched/tensorboard").exists()
    assert (
        checkpoint_bytes(Path("unwatched")) == checkpoint_bytes(Path("straight")) == checkpoint_bytes(Path("stopped"))
    )
