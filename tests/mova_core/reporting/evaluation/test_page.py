"""The page of an evaluation says what its files say, whatever stands in them, and asks for nothing from outside."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mova_core.errors import StaleError
from mova_core.evaluation.catalogue import CATALOGUE
from mova_core.media.encode import write_media
from mova_core.reporting.evaluation import clip_cards as clip_cards_module
from mova_core.reporting.evaluation.page import Section, write_page
from mova_core.storage.hashing import sha256_file
from tests.mova_core.reporting.html_page import Page

RATE_HZ, FPS, FRAMES = 8000, 8, 4
LARGEST_PAGE = 12_000_000  # twelve clips of the largest size that lies in a page, and all else
NOT_CHOSEN = "it is not among params evaluate.metrics"


def metric(value: float | None, name: str, **more: Any) -> dict[str, Any]:
    """As metrics.json holds it."""
    ends = {"low": None, "high": None} if value is None else {"low": value - 0.1, "high": value + 0.1}
    why = NOT_CHOSEN if value is None else None
    return {"value": value, "better": CATALOGUE[name].better, "unavailable": why} | ends | more


def line(name: str, values: dict[str, float], *, unavailable: dict[str, str] | None = None, **asked: str) -> dict:
    """A line of clips.jsonl, of a clip without a file."""
    ratios = {metric: [value, 1.0] for metric, value in values.items()}
    found = {"name": name, "file": f"{name}.mp4", "sha256": "0" * 64, "asked": asked, "metrics": ratios}
    return found | {"unavailable": unavailable or {}}


@pytest.fixture
def evaluated(tmp_path: Path) -> Callable[..., tuple[Page, str]]:
    """Writes the files of an evaluation and its page."""

    def make(
        metrics: dict[str, Any],
        clips: Sequence[dict],
        *,
        against: dict[str, Any] | None = None,
        reference: Sequence[dict] = (),
        sections: Sequence[Section] = (),
        **suite: Any,
    ) -> tuple[Page, str]:
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        counted = {"clips": len(clips), "missing": 0} | suite
        scores = {"folder": "clips", "suite": counted, "metrics": metrics, "against": against}
        (out / "metrics.json").write_text(json.dumps(scores))
        for name, lines in (("clips", clips), ("against", reference)):
            (out / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
        html = write_page(out, tmp_path / "clips", sections).read_text(encoding="utf-8")
        return Page(html), html

    return make


def clip_file(folder: Path, name: str, *, audio: bool = True) -> str:
    """A tiny clip; returns the sha256 of its file."""
    folder.mkdir(exist_ok=True)
    frames = np.random.default_rng(0).integers(0, 255, (FRAMES, 32, 48, 3), np.uint8)
    tone = np.sin(np.arange(FRAMES * RATE_HZ // FPS) / 4).astype(np.float32) / 2
    write_media(folder / name, frames, FPS, tone if audio else None, RATE_HZ)
    return sha256_file(folder / name)


def test_headline_table_and_charts_say_what_the_files_say(evaluated: Any) -> None:
    metrics = {
        "av_align": metric(0.4, "av_align", version=2, clips=3, of=4, missing={"the audio is silent": 1}, data=0.6),
        "onset_lag_s": metric(0.02, "onset_lag_s", clips=4, of=4, data=0.05),
        "loudness_lufs": metric(-21.25, "loudness_lufs", clips=4, of=4),
        "fvd": metric(None, "fvd"),
    }
    values = [{"av_align": 0.1 * index, "onset_lag_s": 0.01 * index, "loudness_lufs": -20.0} for index in range(4)]
    values[3].pop("av_align")
    clips = [line(f"c{index}", each) for index, each in enumerate(values)]
    clips[3]["unavailable"] = {"av_align": "the audio is silent"}
    differences = {
        "av_align": {"value": -0.2, "low": -0.3, "high": -0.1, "pairs": 3, "better": False},
        "onset_lag_s": {"value": -0.03, "low": -0.04, "high": -0.02, "pairs": 4, "better": True},
        "loudness_lufs": {"value": 6.0, "low": 5.0, "high": 7.0, "pairs": 4, "better": None},
    }
    against = {"folder": "reference", "differences": differences}
    page, html = evaluated(metrics, clips, against=against, reference=clips)
    assert (
        "clips: 3 of 4 metrics measured of 4 clips; better than reference by 1 of 2 metrics, worse by 1 (4 pairs)."
        in page.text
    )
    row = page.text[page.text.index("AV-Align ↑ higher is better · version 2") :]
    assert re.match(r".*? 0\.400 0\.300 to 0\.500 3 of 4 1 × the audio is silent 0\.600 −0\.200 ✘ worse", row)
    assert "−0.030 ✔ better −0.040 to −0.020 · 4 pairs" in page.text
    assert "loudness (LUFS) −20.0" in page.text  # no chart: the same in every clip
    assert f"{NOT_CHOSEN} FVD" in page.text
    assert html.count('class="chart"') == 2 and "c0: 0 (reference)" in html
    order = [html.index(f'id="{name}"') for name in ("clips", "metrics", "distributions", "all-clips", "unavailable")]
    assert order == sorted(order)


def test_clips_carry_player_spectrogram_and_why_they_are_shown(evaluated: Any, tmp_path: Path) -> None:
    clips = [line(name, {"av_align": value}) for name, value in (("good", 0.9), ("fair", 0.5), ("bad", 0.1))]
    clips.append(line("mute", {"motion": 0.5}))
    for clip in clips:
        clip["sha256"] = clip_file(tmp_path / "clips", clip["file"], audio=clip["name"] != "mute")
    page, html = evaluated({name: metric(0.5, name) for name in ("av_align", "motion")}, clips)
    assert html.count("data:video/mp4;base64,") == 4 and html.count('class="spectrogram"') == 3
    assert "best AV-Align good.mp4" in page.text and "worst AV-Align bad.mp4" in page.text
    assert "no audio mute.mp4 AV-Align unavailable" in page.text and "cannot be shown" not in page.text


def test_a_large_clip_is_played_from_its_own_file(
    evaluated: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_cards_module, "INLINE_BYTES", 10)
    name = "a b?#%"
    clip = line(name, {"av_align": 0.5})
    clip["sha256"] = clip_file(tmp_path / "clips", f"{name}.mp4")
    page, html = evaluated({"av_align": metric(0.5, "av_align")}, [clip])
    assert "data:video" not in html and "../clips/a%20b%3F%23%25.mp4" in page.links
    assert "too large to lie in the page" in page.text


def test_a_clip_that_is_gone_or_changed_is_told(evaluated: Any, tmp_path: Path) -> None:
    clip_file(tmp_path / "clips", "changed.mp4")
    clips = [line(name, {"av_align": 0.5}) for name in ("changed", "gone")]
    page, _ = evaluated({"av_align": metric(0.5, "av_align")}, clips)
    assert "the file is another than was measured" in page.text and "No such file" in page.text


def test_known_events_are_drawn(evaluated: Any, tmp_path: Path) -> None:
    clip = line("one", {"event_f1": 0.5}, label="red-ball")
    clip["sha256"] = clip_file(tmp_path / "clips", "one.mp4")
    _, html = evaluated({"event_f1": metric(0.5, "event_f1")}, [clip])
    assert "events of video and audio" in html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)<script>",
        '"><img src=x onerror=alert(1)>',
        "a\u202eb\x1b[2J\x01",
        "\udcff$x_1^{",
        "]]>&amp;",
    ],
)
def test_names_and_prompts_are_data(evaluated: Any, hostile: str) -> None:
    clips = [
        line(f"{hostile}{index}", {"av_align": index / 3}, unavailable={"fvd": hostile}, prompt=hostile, set=hostile)
        for index in range(2)
    ] + [line("plain", {"av_align": 0.5}, set="set1")]
    against = {"folder": hostile, "differences": {}}
    metrics = {
        "av_align": metric(0.5, "av_align", missing={hostile: 1}, clips=3, of=4),
        "fvd": metric(None, "fvd", unavailable=hostile),
    }
    page, html = evaluated(metrics, clips, against=against, reference=clips, name=hostile)
    assert html.count("<script") == 1 and "<img src=x" not in html
    assert not re.search("[\x01\x1b\u202e]", html)
    assert not any("alert" in link for link in page.links)


def test_nothing_is_asked_from_outside(evaluated: Any) -> None:
    page, html = evaluated({"av_align": metric(0.5, "av_align")}, [line("one", {"av_align": 0.5})])
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', "", html)
    assert not re.search(r"https?:|@import|url\((?!#)", without_namespaces)
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} - page.ids == set()


def test_no_metric_at_all(evaluated: Any) -> None:
    clips = [line(name, {}, unavailable={"av_align": "text, not a video"}) for name in ("a", "b")]
    page, _ = evaluated({"av_align": metric(None, "av_align", unavailable="text, not a video")}, clips, missing=1)
    assert "none of 1 metrics measured of 2 clips (1 of them missing)." in page.text
    assert "No metric could be measured" in page.text and "text, not a video AV-Align" in page.text


def test_files_that_no_metric_measures_are_told_once(evaluated: Any) -> None:
    why = {"av_align": "text, not a video", "motion": "text, not a video"}
    clips = [line("good", {"av_align": 0.5, "motion": 0.1}), line("bad", {}, unavailable=why)]
    missing = {"text, not a video": 1}
    metrics = {name: metric(0.5, name, clips=1, of=2, missing=missing) for name in ("av_align", "motion")}
    page, _ = evaluated(metrics, clips)
    assert "Measured by no metric: 1 clip: text, not a video." in page.text
    assert "1 × text" not in page.text and "0.400 to 0.600" not in page.text  # one clip has no interval


def test_600_clips_of_three_sets_stay_one_light_page(evaluated: Any) -> None:
    rng = np.random.default_rng(0)
    names = [name for name, spec in CATALOGUE.items() if spec.ratio is not None]
    clips = [
        line(f"{index:03d}", {name: float(rng.random()) for name in names}, set=f"set{index % 3 + 1}")
        for index in range(600)
    ]
    metrics = {name: metric(0.5, name, clips=600, of=600) for name in names}
    page, html = evaluated(
        metrics, clips, reference=clips, against={"folder": "r", "differences": {}}, name="verse-bench"
    )
    assert len(html.encode()) < 2_000_000  # that leaves ten for the clips
    assert page.text.count("best ") + page.text.count("worst ") <= 12 + 5
    assert "set1" in page.text and "of 200 clips" in page.text and "% of the reference" in html
    assert page.text.index("Beside the MOVA report") < page.text.index("0.475")
    assert "600 by name" in page.text


def test_another_suite_is_marked_beside_the_report(evaluated: Any) -> None:
    page, _ = evaluated({"cpcer": metric(0.5, "cpcer")}, [line("one", {"cpcer": 0.5})])
    assert page.text.index("of another suite") < page.text.index("MOVA-360p, dual CFG")
    assert re.search(r"these clips (– ){6}0\.500", page.text)


def test_further_sections_and_a_damaged_file(evaluated: Any, tmp_path: Path) -> None:
    clips, metrics = [line("one", {"av_align": 0.5})], {"av_align": metric(0.5, "av_align")}
    page, html = evaluated(metrics, clips, sections=[Section("sweep", "A sweep", "<p>of s_B</p>")])
    assert "#sweep" in page.links and "<p>of s_B</p>" in html
    for damaged in ("{}", "{", json.dumps(clips[0] | {"file": "../one.mp4"})):
        (tmp_path / "out/clips.jsonl").write_text(f"{damaged}\n")
        with pytest.raises(StaleError, match=r"clips\.jsonl is no list of clips .*evaluate again"):
            write_page(tmp_path / "out", tmp_path / "clips")
