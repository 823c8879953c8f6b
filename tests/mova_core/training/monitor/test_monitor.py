"""What a run leaves for TensorBoard: the same after a stop, and no weight knows of it."""

import json
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mova_core.errors import UsageError
from mova_core.params import Params
from mova_core.training import loop
from mova_core.training.curves import read_curves
from mova_core.training.loop import train
from mova_core.training.monitor.plots import write_plots
from mova_core.training.recipe import PHASES

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


def test_profiled_steps_leave_a_trace_of_all_threads_and_a_table(project, section):
    steps = section(steps=5, save_every=5)
    project.train("audio", steps, out=Path("plain"))
    with pytest.raises(
        UsageError, match=r"--profile asks for 3 steps after 3 to warm up, trial has 5 left: .* 2 at most"
    ):
        train(PHASES["audio"], Params(train=steps), project.places, Path("trial"), profile=3)
    summary = train(PHASES["audio"], Params(train=steps), project.places, Path("trial"), profile=2)
    trace = json.loads(Path(summary["profile"]["trace"]).read_text())["traceEvents"]
    computing = {event["tid"] for event in trace if event["name"] == "aten::addmm"}
    assert len(computing) == 2  # the threads of both micro-batches
    assert sum(event["name"].startswith("ProfilerStep#") and event.get("ph") == "X" for event in trace) >= 2
    assert "aten::addmm" in summary["text"] and summary["profile"]["operators"] in summary["text"]
    assert checkpoint_bytes(Path("trial")) == checkpoint_bytes(Path("plain"))
    with pytest.raises(UsageError, match="trial has 0 left"):
        train(PHASES["audio"], Params(train=steps), project.places, Path("trial"), profile=1)


def test_dvc_draws_the_steps_that_moved_the_weights(tmp_path):
    losses = {"loss": 1.5, "video": 1.25, "audio": 1.25}
    validated = losses | {"step": 1, "lr": 0.1, "grad_norm": 2.0, "validation": losses}
    records = [validated | {"step": 0, "skipped": "loss is nan", "loss": None, "validation": None}, validated]
    (tmp_path / "curves.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    write_plots(tmp_path)
    assert (
        tmp_path / "plots/training.csv"
    ).read_text() == "step,loss,video,audio,grad_norm,lr\n1,1.5,1.25,1.25,2.0,0.1\n"
    assert (tmp_path / "plots/validation.csv").read_text() == "step,loss,video,audio\n1,1.5,1.25,1.25\n"
