"""The page in a browser: offline, it complains of nothing, plays its clips and fits a phone."""

import json
from pathlib import Path

import numpy as np
import pytest

from mova_core.media.encode import write_media
from mova_core.reporting.evaluation.page import write_page
from mova_core.storage.hashing import sha256_file

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    """A page of one clip, with a reference and long names."""
    (tmp_path / "clips").mkdir()
    name = "a-name-that-is-too-long-for-a-phone-" * 3
    file = tmp_path / "clips" / f"{name}.mp4"
    frames = np.random.default_rng(0).integers(0, 255, (8, 48, 64, 3), np.uint8)
    write_media(file, frames, 8, np.sin(np.arange(8000) / 4).astype(np.float32), 8000)
    line = {"name": name, "file": file.name, "sha256": sha256_file(file), "metrics": {"av_align": [0.5, 1.0]}}
    metric = {"value": 0.5, "low": 0.4, "high": 0.6, "data": 0.5, "better": "higher", "clips": 1, "of": 1}
    pair = {"value": 0.1, "low": 0.05, "high": 0.2, "pairs": 1, "better": True}
    against = {"folder": name, "differences": {"av_align": pair}}
    scores = {"folder": "clips", "suite": {"clips": 1}, "metrics": {"av_align": metric}, "against": against}
    (tmp_path / "metrics.json").write_text(json.dumps(scores))
    for lines in ("clips.jsonl", "against.jsonl"):
        (tmp_path / lines).write_text(json.dumps(line) + "\n")
    return write_page(tmp_path, tmp_path / "clips")


def test_the_page_in_chromium(page_file: Path) -> None:
    from playwright.sync_api import sync_playwright

    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        context = browser.new_context(viewport={"width": 360, "height": 700}, color_scheme="dark", offline=True)
        page = context.new_page()
        complaints: list[str] = []
        requests: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(page_file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"
        played = "v => new Promise(r => { v.onloadedmetadata = () => r([v.videoWidth, v.duration]); v.load(); })"
        width, seconds = page.locator("video").evaluate(f"v => {{ v.preload = 'metadata'; return ({played})(v); }}")
        assert width == 64 and seconds == pytest.approx(1, abs=0.2)
        assert not complaints and not [url for url in requests if not url.startswith(("data:", "file:"))]
        browser.close()
