"""Our stages against the usual separate tools, in seconds of processor, on the same files and windows in one run.

What bounds them is decoding each frame once: docs/curation.md, "What it costs", has the profile.
"""

import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.baselines import separate_tools
from benchmarks.baselines.separate_tools import WindowToCut
from benchmarks.curation import footage_project
from benchmarks.curation.footage_project import Project
from benchmarks.measure import Row, row
from benchmarks.spent import Spent
from mova_core.curation.tables import read_table

REPEATS = 3
LOOKING_TARGET, WHOLE_TARGET = 3.0, 1.4
OUR_STEPS = {
    "probe": "ingest",
    "cut": "cut",
}  # one stage, `segment`, finds letterbox, shot boundaries and speech at once
CHAIN = "ffprobe, ffmpeg cropdetect, PySceneDetect in one process, Silero on audio extracted by ffmpeg"

Steps = dict[str, Spent]


def rows() -> list[Row]:
    """Measure both chains in turn; no row where the tools or the footage are not here."""
    if reason := footage_project.why_not() or separate_tools.why_not():
        print(reason)
        return []
    with tempfile.TemporaryDirectory() as folder:
        project = Project.with_media(Path(folder) / "project")
        pairs = [measured(project, Path(folder) / f"tools-{number}") for number in range(REPEATS)]
        files, clips = len(usable_files(project)), len(windows_to_cut(project))
    _print_steps(pairs)
    looking = [_cpu_s(theirs, but="cut") / _cpu_s(ours, but="cut") for ours, theirs in pairs]
    whole = [_cpu_s(theirs) / _cpu_s(ours) for ours, theirs in pairs]
    scene = f"{CHAIN}; {files} files, CPU seconds, one thread each"
    cuts = f"the same and ffmpeg for each of {clips} windows with our codec, preset and crf"
    return [
        row("curation.looking_over_tools", looking, against=scene, better="higher", target=LOOKING_TARGET),
        row("curation.whole_over_tools", whole, against=cuts, better="higher", target=WHOLE_TARGET),
    ]


def measured(project: Project, folder: Path) -> tuple[Steps, Steps]:
    """What each of our stages and each of their steps costs, once, from nothing; theirs write into `folder`."""
    project.forget()
    ours = {stage: project.run(stage) for stage in ("ingest", "segment", "cut")}
    for name in ("looked", "clips"):
        (folder / name).mkdir(parents=True)
    params = project.params
    theirs = separate_tools.spent_looking(usable_files(project), folder / "looked")
    theirs["cut"] = separate_tools.spent_cutting(
        windows_to_cut(project), params.clip_geometry, params.cut.crf, folder / "clips"
    )
    return ours, theirs


def usable_files(project: Project) -> list[Path]:
    """The files with video and audio: those that `segment` looked into."""
    segmented = {each["source_id"] for each in read_table(project.data.table("segments"), "segments")}
    sources = read_table(project.data.table("sources"), "sources")
    return [project.footage / each["path"] for each in sources if each["source_id"] in segmented]


def windows_to_cut(project: Project) -> list[WindowToCut]:
    """One for each clip that `cut` made, of the same place and size."""
    data = project.data
    sources = {each["source_id"]: each for each in read_table(data.table("sources"), "sources")}
    segments = {each["source_id"]: each for each in read_table(data.table("segments"), "segments")}
    windows = {each["window_id"]: each for each in read_table(data.table("windows"), "windows")}
    return [
        WindowToCut(
            path=project.footage / sources[clip["source_id"]]["path"],
            start_s=windows[clip["window_id"]]["start_s"],
            width_px=clip["width_px"],
            height_px=clip["height_px"],
            crop=_crop(segments[clip["source_id"]]),
        )
        for clip in read_table(data.table("clips"), "clips")
    ]


def _crop(segment: dict[str, int]) -> str:
    top, bottom, left, right = (segment[f"crop_{side}_px"] for side in ("top", "bottom", "left", "right"))
    return f"iw-{left + right}:ih-{top + bottom}:{left}:{top}"


def _cpu_s(steps: Steps, but: str | None = None) -> float:
    return sum(spent.cpu_s for step, spent in steps.items() if step != but)


def _print_steps(pairs: list[tuple[Steps, Steps]]) -> None:
    """Mean seconds of processor of every step, ours and theirs."""
    table = Table("step", "tools (CPU s)", "ours (CPU s)", title="curation step by step, one worker, one thread")
    means = [
        {step: sum(pair[side][step].cpu_s for pair in pairs) / len(pairs) for step in pairs[0][side]} for side in (0, 1)
    ]
    ours, theirs = means
    for step in theirs:
        ours_s = ours.get(OUR_STEPS.get(step, ""))
        table.add_row(step, f"{theirs[step]:.1f}", "in segment" if ours_s is None else f"{ours_s:.1f}")
    table.add_row("segment: letterbox, shots, speech in one pass", "-", f"{ours['segment']:.1f}")
    table.add_row("all", f"{sum(theirs.values()):.1f}", f"{sum(ours.values()):.1f}")
    Console().print(table)
