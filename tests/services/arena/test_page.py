"""The page in a browser: real votes by keyboard, by mouse and by touch."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
import uvicorn

from mova_core.evaluation.arena.dimensions import DIMENSIONS
from mova_core.geometry import GEOMETRIES
from mova_core.ports import free_port
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import ArenaBallot
from mova_core.sampling.clip_file import write_clip
from services.arena.app import create_app

CHROMIUM = Path("/usr/bin/chromium")
NAMES = [one.name for one in DIMENSIONS]
GEOMETRY = GEOMETRIES["nano-48"]
AUDIBLE = "[...document.querySelectorAll('video')].map((video) => !video.muted)"
PLAYING = (
    "[...document.querySelectorAll('video')].every((video) => video.loop && !video.paused && video.currentTime > 0)"
)


def write(path: Path, number: int) -> None:
    """A clip of one shade and a tone."""
    frames = np.full((GEOMETRY.frames, 48, 48, 3), 60 * number, np.uint8)
    tone = 0.1 * np.sin(np.arange(GEOMETRY.audio_samples) * (200 + 100 * number) * 2 * np.pi / GEOMETRY.audio_rate_hz)
    write_clip(path, frames, tone.astype(np.float32), GEOMETRY)


@pytest.fixture
def url(engine: sa.Engine, root: Path, put_clips: Callable[..., None]) -> Iterator[str]:
    """A running arena of two pairs."""
    put_clips(write)
    port = free_port()
    app = create_app(engine, root, [f"127.0.0.1:{port}"], seed=1)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


@contextmanager
def browser_page(url: str, **context: Any) -> Iterator[Any]:
    """The page in Chromium, with what it complained of in `page.complaints`."""
    from playwright.sync_api import sync_playwright

    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not installed")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        page = browser.new_context(**context).new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.goto(url)
        page.wait_for_selector("#pair:not([hidden])")
        yield page
        browser.close()


def until(page: Any, expression: str, wanted: Any) -> None:
    """Wait until a script's value is as wanted; the page's policy allows no waiting within it."""
    for _ in range(200):
        if (found := page.evaluate(expression)) == wanted:
            return
        page.wait_for_timeout(25)
    pytest.fail(f"{expression} is {found}, expected {wanted}")


def votes(engine: sa.Engine) -> list[Any]:
    with reading(engine) as session:
        cast = sa.select(ArenaBallot.choices).where(ArenaBallot.voted_at.is_not(None)).order_by(ArenaBallot.voted_at)
        return list(session.scalars(cast))


def test_votes_by_keyboard_and_by_mouse(url: str, engine: sa.Engine) -> None:
    with browser_page(url, color_scheme="dark") as page:
        assert page.inner_text("#count") == "pair 1 of 2" and page.is_disabled("#vote")
        until(page, PLAYING, True)
        assert page.evaluate(AUDIBLE) == [False, False]  # no browser allows more before a key or a click
        for key in ("ArrowLeft", "ArrowDown", "ArrowRight", "ArrowLeft"):
            page.keyboard.press(key)
        assert page.evaluate(AUDIBLE) == [True, False]
        page.keyboard.press("Space")
        assert page.evaluate(AUDIBLE) == [False, True]
        page.keyboard.press("Enter")  # one question is open: nothing happens
        page.keyboard.press("2")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("5")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        until(page, "document.getElementById('count').textContent", "pair 2 of 2")
        assert votes(engine) == [dict(zip(NAMES, ["a", "b", "b", "a", "tie"], strict=True))]
        assert page.inner_text("#thanks") == "Thank you" and page.is_disabled("#vote")

        page.hover(".clip[data-side=b]")
        page.hover(".clip[data-side=a]")
        assert page.evaluate(AUDIBLE) == [True, False]
        for name in NAMES:
            page.click(f"[data-name={name}] [data-choice=b]")
        page.click("#vote")
        page.wait_for_selector("#done:not([hidden])")
        assert votes(engine)[1] == dict.fromkeys(NAMES, "b")
        assert page.complaints == []


def test_a_vote_by_touch_on_a_phone(url: str, engine: sa.Engine) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with browser_page(url, **phone) as page:
        page.tap(".clip[data-side=b]")
        assert page.evaluate(AUDIBLE) == [False, True]
        for name in NAMES:
            page.tap(f"[data-name={name}] [data-choice=tie]")
        page.tap("#vote")
        until(page, "document.getElementById('count').textContent", "pair 2 of 2")
        assert votes(engine) == [dict.fromkeys(NAMES, "tie")]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.complaints == []


def test_trouble_is_told_and_the_next_pair_is_one_button_away(url: str, engine: sa.Engine) -> None:
    with browser_page(url) as page:
        until(page, PLAYING, True)
        with engine.begin() as connection:
            connection.execute(sa.delete(ArenaBallot))
        for _ in NAMES:
            page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        page.wait_for_selector("#trouble:not([hidden])")
        assert "ask for the next one" in page.inner_text("#trouble-text")
        page.click("#again")
        page.wait_for_selector("#pair:not([hidden])")
        assert votes(engine) == []
