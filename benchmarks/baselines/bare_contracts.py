"""The rules of the contracts `clips` and `verdicts` in bare pandas, as a script would have them.

What a contract costs is measured against this. It counts the rows that break each rule and no more: no names of rows,
no places, no reasons, no pages. Counts go by the contracts' own sentences, so that a test can hold the two together.
`python -m benchmarks.baselines.bare_contracts TABLE DATA`
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from mova_core.curation.tables import MEASURES, TABLES, measures_of
from mova_core.params import PHASE_NAMES, Params
from mova_core.places import DataFolder

Counts = Iterator[tuple[str, int]]


def clips(data: DataFolder, params: Params) -> Counts:
    """Rows that break each rule of `clips`."""
    clips, windows = pd.read_parquet(data.table("clips")), pd.read_parquet(data.table("windows"))
    rejects, geometry = pd.read_parquet(data.rejects("cut")), params.clip_geometry
    described = clips.drop(columns="member")
    yield "every clip is fully described", _any(described.isna() | _blank(described))
    yield from _hex_ids(clips["clip_id"], "clip", 16)
    beside = clips.merge(windows[["window_id", "source_id"]], on="window_id", how="left", suffixes=("", "_window"))
    differs = beside["source_id"] != beside["source_id_window"]
    yield "every clip comes from a window, and from that window's file", differs.sum()
    outside = ~clips["path"].str.match(r"(?s)\A(?!/)(?!(?:.*/)?\.\./).+\Z")
    yield "path stays inside the clips folder for every clip", outside.sum()
    gone = [path for path in clips["path"].unique() if not (data.clips / path).is_file()]
    yield "every clip's file is there", clips["path"].isin(gone).sum()
    yield "no two clips share a place", (clips["path"] + " " + clips["member"].fillna("")).duplicated(keep=False).sum()
    yield "sha256 is 64 hexadecimal digits for every clip", (~clips["sha256"].str.match(r"\A[0-9a-f]{64}\Z")).sum()
    yield "bytes at least 1 for every clip", (clips["bytes"] < 1).sum()
    exact = ("frames", geometry.frames), ("fps", geometry.fps), ("audio_samples", geometry.audio_samples)
    for column, value in (*exact, ("audio_rate_hz", geometry.audio_rate_hz)):
        yield f"{column} = {value}", (clips[column] != value).sum()
    canvas = clips["width_px"].astype(str) + "x" + clips["height_px"].astype(str)
    turned = canvas.map({f"{one.width_px}x{one.height_px}": one.orientation for one in geometry.canvases})
    yield "canvas", turned.isna().sum()
    yield "orientation is that of the canvas for every clip", (turned.notna() & (turned != clips["orientation"])).sum()
    yield "split is train or validation for every clip", (~clips["split"].isin(["train", "validation"])).sum()
    yield "there is at least one clip to train on", not (clips["split"] == "train").any()
    yield "some clips are kept for validation", not (clips["split"] == "validation").any()
    became = windows["window_id"].map(clips["window_id"].value_counts()).fillna(0)
    rejected = windows["window_id"].map(rejects["id"].value_counts()).fillna(0)
    yield "every window became one clip or one reject", (became + rejected != 1).sum()
    yield "at least half of the windows became clips", (became > 0).mean() < 0.5
    yield "all clips of a file are in one split", (clips.groupby("source_id")["split"].nunique(dropna=False) != 1).sum()
    yield from _rejects(rejects, "windows", "cut", windows["window_id"])


def verdicts(data: DataFolder, params: Params) -> Counts:
    """Rows that break each rule of `verdicts`, but for the seconds of the balance."""
    clips, verdicts = pd.read_parquet(data.table("clips")), pd.read_parquet(data.table("verdicts"))
    windows, rejects = pd.read_parquet(data.table("windows")), pd.read_parquet(data.rejects("assess"))
    limits = params.assess
    stated = verdicts[list(TABLES["verdicts"].stated("always"))]
    yield "every verdict is fully described", _any(stated.isna() | _blank(stated))
    yield from _hex_ids(verdicts["clip_id"], "verdict", 16)
    yield "every verdict is about a clip that exists", (~verdicts["clip_id"].isin(clips["clip_id"])).sum()
    accepted, turned_away = verdicts["verdict"] == "accepted", verdicts["verdict"] == "rejected"
    yield "verdict is accepted or rejected for every clip", (~(accepted | turned_away)).sum()
    yield "there is at least one accepted clip", not accepted.any()
    reasons = verdicts["rejections"].map(_length)
    rejected = verdicts["clip_id"].isin(rejects["id"])
    odd = accepted & ((reasons > 0) | rejected) | turned_away & ~((reasons > 0) & rejected)
    yield "every rejected clip has a reason and is among the rejects, no accepted one is", odd.sum()
    known = set(PHASE_NAMES)
    phases = verdicts["phases"].map(lambda names: known.issuperset(() if names is None else names))
    count = verdicts["phases"].map(_length)
    odd = ~phases | turned_away & (count > 0) | accepted & (count == 0)
    yield "every accepted clip is in a training phase that exists, no rejected one is in any", odd.sum()
    share, said = verdicts["subtitle_share"], verdicts["has_subtitles"]
    odd = (share.isna() != said.isna()) | share.notna() & ((share > 0) != (said == True))  # noqa: E712, column-wise
    yield "every verdict says of subtitles what was measured", odd.sum()
    nyquist_hz = dict.fromkeys(("bandwidth_hz", "clipping_runs_hz"), params.clip_geometry.audio_rate_hz / 2)
    for measure in MEASURES:
        values, high = verdicts[measure.name], nyquist_hz.get(measure.name, measure.high)
        yield f"{measure.name} can be", (values.notna() & ~values.between(measure.low, high)).sum()
    among = verdicts[accepted]
    for name, limit in limits:
        measure, _, comparison = name.rpartition("_")
        if comparison in ("below", "above"):
            beyond = among[measure] >= limit if comparison == "below" else among[measure] <= limit
            yield name, beyond.sum()
    measured = among["imagebind"].notna() | among["desync_s"].notna()
    in_step = (among["imagebind"] >= limits.imagebind_at_least) | (among["desync_s"] <= limits.desync_s_at_most)
    yield "imagebind or desync", (measured & ~in_step).sum()
    for measure in measures_of("always"):
        yield f"{measure} is known", among[measure].isna().sum()
    yield "at least half of the clips are accepted", accepted.mean() < 0.5
    judged = clips["clip_id"].map(verdicts["clip_id"].value_counts()).fillna(0)
    yield "every clip has one verdict", (judged != 1).sum()
    yield from _balance(data, windows, clips, verdicts)
    yield from _rejects(rejects, "clips", "assess", clips["clip_id"])


TABLES_IN_PANDAS: dict[str, Callable[[DataFolder, Params], Counts]] = {"clips": clips, "verdicts": verdicts}


def _balance(data: DataFolder, windows: pd.DataFrame, clips: pd.DataFrame, verdicts: pd.DataFrame) -> Counts:
    """Rows and seconds in = kept + rejected, for the stages of so many rows; and the footage that is covered."""
    sources = pd.read_parquet(data.table("sources"))
    sources = sources[sources["verdict"] == "accepted"]
    segments = pd.read_parquet(data.table("segments"))
    speech = segments[["source_id", "speech_s"]].explode("speech_s").dropna()
    spoken = pd.DataFrame(speech["speech_s"].tolist(), columns=["start_s", "end_s"]).assign(
        source_id=speech["source_id"].to_numpy()
    )
    lost = windows[windows["window_id"].isin(pd.read_parquet(data.rejects("cut"))["id"])]
    judged = verdicts[["clip_id", "verdict"]].merge(clips, on="clip_id")
    kept, away = judged[judged["verdict"] == "accepted"], judged[judged["verdict"] == "rejected"]
    lengths_s = (windows["end_s"] - windows["start_s"]).sum() - (lost["end_s"] - lost["start_s"]).sum()
    video_s, audio_s = clips["frames"] / clips["fps"], clips["audio_samples"] / clips["audio_rate_hz"]
    wrong = [
        len(windows) != len(clips) + len(lost),
        abs(lengths_s - video_s.sum()) > 2e-6 * len(windows),
        abs(lengths_s - audio_s.sum()) > 2e-6 * len(windows),
        len(clips) != len(kept) + len(away),
    ]
    yield "rows and seconds in = kept + rejected at every stage", sum(wrong)
    covers_s = [
        _cover_s(pieces)
        for pieces in (
            windows[windows["window_id"].isin(kept["window_id"])],
            windows[windows["window_id"].isin(clips["window_id"])],
            windows,
            spoken,
        )
    ]
    most_s = sources["duration_s"].sum() + 0.1 * len(sources)
    grows = covers_s[0] > covers_s[1] + 1e-5 or covers_s[1] > covers_s[2] + 1e-5 or max(covers_s[2:]) > most_s
    yield "no stage keeps more of the footage than the one before it", grows


def _cover_s(pieces: pd.DataFrame) -> float:
    pieces = pieces.sort_values(["source_id", "start_s"])
    reached_s = pieces.groupby("source_id")["end_s"].cummax().groupby(pieces["source_id"]).shift()
    begun_s = pieces["start_s"].where(reached_s.isna() | (pieces["start_s"] > reached_s), reached_s)
    return float((pieces["end_s"] - begun_s).clip(lower=0).sum())


def _rejects(rejects: pd.DataFrame, table: str, stage: str, known: pd.Series) -> Counts:
    yield f"table = {table} for every reject of {stage}", (rejects["table"] != table).sum()
    yield "no two rejects share an id", rejects["id"].duplicated(keep=False).sum()
    yield f"every reject of {stage} is a row of {table}", (~rejects["id"].isin(known)).sum()
    told = rejects[["id", "reason_code", "reason"]]
    yield f"every reject of {stage} says why, in a word and in a sentence", _any(told.isna() | _blank(told))
    codes = rejects["reason_code"]
    yield "reason code is one lower-case word", (codes.notna() & ~codes.str.match(r"\A[a-z][a-z0-9_]*\Z")).sum()
    yield "crashes", codes.isin(["unexpected_error", "worker_died"]).sum()


def _hex_ids(ids: pd.Series, noun: str, digits: int) -> Counts:
    yield f"there is at least one {noun}", not len(ids)
    yield f"no two {noun}s share a clip id", ids.duplicated(keep=False).sum()
    odd = ids.notna() & ~ids.str.match(rf"\A[0-9a-f]{{{digits}}}\Z")
    yield f"clip id is {digits} hexadecimal digits for every {noun}", odd.sum()


def _blank(frame: pd.DataFrame) -> pd.DataFrame:
    texts = frame.select_dtypes("str")
    return texts.apply(lambda column: column.str.strip() == "").reindex(columns=frame.columns, fill_value=False)


def _any(mask: pd.DataFrame) -> int:
    return int(mask.any(axis=1).sum())


def _length(things: object) -> int:
    return 0 if things is None else len(things)  # type: ignore[arg-type]


if __name__ == "__main__":
    table, root = sys.argv[1:]
    broken = {rule: int(count) for rule, count in TABLES_IN_PANDAS[table](DataFolder(Path(root)), Params()) if count}
    print(f"{table}: {len(broken)} rules are broken {broken or ''}")
