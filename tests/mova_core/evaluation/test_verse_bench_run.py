"""Twelve prompts of Verse-Bench from text to numbers at nano, with an endpoint that transcribes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mova_core.cli.main import build_app
from mova_core.model.single_thread import single_thread
from mova_core.prompting.quotations import quotations
from tests.conftest import SHARED
from tests.mova_core.endpoints.model_server import Answer, ModelServer, caption

VERSE_BENCH = SHARED / "verse_bench_prompts.json"
SHORT = ("--steps", "1", "--frames", "17", "--retries", "0")
METRICS = ("audible_share", "loudness_lufs", "true_peak_dbtp", "av_align", "cer", "wer", "cpcer", "dnsmos_p808")


def _answer(body: dict[str, Any]) -> Answer:
    """A transcript of a recording, or a prompt in the few words that a nano model reads."""
    if "file" in body:
        return Answer(json.dumps({"text": "Attention is all you need."}).encode())
    asked = json.loads(body["messages"][-1]["content"])["prompt"]
    return caption("A man.", *quotations(asked))


@pytest.mark.skipif(not VERSE_BENCH.is_file(), reason=f"{VERSE_BENCH} is not there")
def test_twelve_prompts_from_text_to_numbers(
    nano_folder: Path, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for kind in ("ASR", "LLM"):
        monkeypatch.setenv(f"MOVA_{kind}_URL", server.url)
        monkeypatch.setenv(f"MOVA_{kind}_MODEL", f"some-{kind.lower()}")
    server.answers = [_answer]
    Path("params.yaml").write_text(f"evaluate: {{metrics: [{', '.join(METRICS)}], bootstrap_samples: 20}}\n")
    options = ("--suite", "verse-bench", "--prompts", str(VERSE_BENCH), "--limit", "4", "--rewrite-prompt")
    with single_thread():
        run = CliRunner().invoke(
            build_app(), ["evaluate", "--checkpoint", str(nano_folder), *options, *SHORT, "--out", "out", "--json"]
        )
    assert run.exit_code == 0, run.output
    found = json.loads(Path("out/metrics.json").read_text())
    failed = found["suite"]["failed"]  # what their people say is longer than what a nano model reads
    suite = found["suite"]
    assert (suite["name"], suite["clips"], suite["missing"]) == ("verse-bench", 12, len(failed))
    assert 0 < len(failed) < 6 and all("tokens" in reason for reason in failed.values())
    lines = [json.loads(line) for line in Path("out/clips.jsonl").read_text().splitlines()]
    assert [line["asked"]["set"] for line in lines] == ["set1"] * 4 + ["set2"] * 4 + ["set3"] * 4
    metrics = found["metrics"]
    assert (metrics["loudness_lufs"]["of"], metrics["dnsmos_p808"]["of"]) == (12, 4)  # speech quality is of set3
    for name in ("cer", "loudness_lufs"):
        assert metrics[name]["of"] == 12 and sum(metrics[name]["missing"].values()) == 12 - metrics[name]["clips"]
    assert metrics["loudness_lufs"]["clips"] == 12 - len(failed)
    assert metrics["cer"]["value"] >= 0.9  # an untrained model says none of it
    assert metrics["dnsmos_p808"]["value"] is None and "speaks" in metrics["dnsmos_p808"]["unavailable"]
    assert "evaluate.metrics" in metrics["ib_score"]["unavailable"]
    spoken = {line["asked"]["speech"]["language"] for line in lines if "speech" in line["asked"]}
    assert spoken == {"zh", "en"}
