"""What a run leaves for TensorBoard: the same after a stop, and no weight knows of it."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mova_core.errors import UsageError
from mova_core.flow_matching import BOUNDARY_RATIO
from mova_core.media.provenance import Provenance, write_provenance
from mova_core.model.model_folder import new_components
from mova_core.model.pretrained.frozen_parts import FrozenParts
from mova_core.model.single_thread import single_thread
from mova_core.model.towers.dual_tower import DualTower
from mova_core.params import Params
from mova_core.params.model import TrainingSamplesParams
from mova_core.sampling.clip_file import write_clip
from mova_core.sampling.pipeline import MovaPipeline
from mova_core.training import loop
from mova_core.training.checkpoints.checkpoint import finished
from mova_core.training.checkpoints.weights import write_components
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
    watched = section(steps=STEPS, save_every=4, monitor={"log_every": 2})
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

    project.train("phase1", section(steps=STEPS, save_every=4), out=Path("unwatched"))
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
    (main,) = {event["tid"] for event in trace if event["name"].startswith("ProfilerStep#")}
    assert len(computing - {main}) == 2  # the threads of both micro-batches
    assert "aten::" in summary["profile"]["operators"] and summary["profile"]["operators"] in summary["text"]
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


def test_a_joint_phase_makes_clips_of_its_averaged_weights_and_learns_the_same(project, section):
    asked = {"log_every": 0, "samples": {"every": 2, "prompts": ["A red ball bounces.", "A green box bounces."]}}
    params = Params(train=section(steps=3, monitor=asked), generate={"steps": 2})
    train(PHASES["phase1"], params, project.places, Path("sampled"))
    (folder,) = Path("sampled/samples").iterdir()
    told = json.loads((folder / "clips.json").read_text())
    assert (folder.name, told["step"]) == ("step-000002", 2)
    assert [(clip["prompt"], clip["seed"]) for clip in told["clips"]] == list(
        zip(asked["samples"]["prompts"], (params.seed, params.seed + 1), strict=True)
    )

    # As the pipeline makes them from the checkpoint of that step.
    checkpoint = finished(Path("sampled/checkpoints"))[0]
    assert checkpoint.step == 2
    write_components(checkpoint, "ema", Path("exported"))
    parts, geometry = FrozenParts.open(Path("models/codec")), PHASES["phase1"].geometry(params)
    towers = DualTower.from_pretrained(Path("exported"))
    with single_thread():
        pipeline = MovaPipeline(new_components(towers, parts, geometry, params.generate, BOUNDARY_RATIO))
        output = pipeline(asked["samples"]["prompts"], seed=params.seed)
    for index, clip in enumerate(told["clips"]):
        path = folder / clip["path"]
        expected = Path("expected.mp4")
        write_clip(expected, output.videos[index], output.audios[index], geometry, pipeline.defaults.enlarge)
        write_provenance(expected, Provenance(f"{told['run_id']}/step-000002"))
        assert path.read_bytes() == expected.read_bytes()

    project.train("phase1", section(steps=3), out=Path("plain"))
    assert checkpoint_bytes(Path("plain")) == checkpoint_bytes(Path("sampled"))


def test_clips_without_a_prompt_are_refused():
    with pytest.raises(ValidationError, match="every is 100 and prompts is empty, expected a prompt at least"):
        TrainingSamplesParams(every=100)
