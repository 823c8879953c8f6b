"""The synthetic world obeys its own rules: flight, flash and note share their moments."""

from dataclasses import replace

import numpy as np
import pytest

from mova_core.errors import ShapeError
from mova_core.geometry import GEOMETRIES
from mova_core.synthetic.world import (
    FLOOR,
    INTERVAL_S,
    KINDS,
    PHASE_PERIOD,
    Take,
    draw_take,
    render_audio,
    render_frames,
)

RATE_HZ = 16_000


def take_of(kind: str, seed: int = 0, length_s: float = 6.0) -> Take:
    return draw_take(np.random.default_rng(seed), kind, length_s)


def test_same_draw_same_frames_and_audio() -> None:
    one, two = take_of("red-ball"), take_of("red-ball")
    assert one == two
    assert np.array_equal(list(render_frames(one, 16, 40, 96)), list(render_frames(two, 16, 40, 96)))


def test_impacts_cover_the_take_at_the_stated_intervals() -> None:
    for seed in range(20):
        take = take_of("green-box", seed)
        gaps = np.diff(take.impacts_s)
        assert take.impacts_s[0] <= 0 and take.impacts_s[-1] > take.length_s
        assert gaps.min() >= INTERVAL_S[0] and gaps.max() <= INTERVAL_S[1]
        assert take.events_s == [time for time in take.impacts_s if 0 <= time < take.length_s]


@pytest.mark.parametrize("kind", KINDS)
def test_the_note_starts_exactly_at_the_impact(kind: str) -> None:
    take = replace(take_of(kind), impacts_s=(-0.5, 0.4, 0.85, 1.6), length_s=1.2)
    quiet = replace(take, impacts_s=(-0.5, 0.85, 1.6))
    added = render_audio(take, RATE_HZ, 12_000) - render_audio(quiet, RATE_HZ, 12_000)
    first = int(0.4 * RATE_HZ)
    assert np.abs(added[:first]).max() < 1e-6
    assert np.abs(added[first : first + 20]).max() > 0.05
    assert np.abs(render_audio(take_of(kind), RATE_HZ, 6 * RATE_HZ)).max() < 0.8  # room for a pan


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_every_window_has_the_same_phase(rate_hz: int) -> None:
    window = GEOMETRIES["nano-48"].duration
    assert window % PHASE_PERIOD == 0
    for kind in KINDS.values():
        assert all(hertz * PHASE_PERIOD % 1 == 0 and hertz < 8000 for hertz, _ in kind.partials)
    take = replace(take_of("blue-diamond"), impacts_s=(-0.1, 5.0), length_s=3.0)
    audio = render_audio(take, rate_hz, 2 * rate_hz)
    turn = rate_hz // 50
    decay = np.exp(-0.02 / KINDS["blue-diamond"].decay_s)
    np.testing.assert_allclose(audio[turn : 2 * turn], audio[:turn] * decay, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_shape_stays_in_the_frame_and_stands_on_the_floor(kind: str) -> None:
    take = replace(take_of(kind), impacts_s=(0.0, INTERVAL_S[1], 2.0), length_s=1.0, quality=1.0)
    frames = np.stack(list(render_frames(take, 100, 90, 96))).astype(int)
    apart = np.abs(frames - frames[0, 0, 0]).sum(-1) > 60
    floor = round(FLOOR * 96)
    assert not apart[:, 0].any() and not apart[:, :floor, 0].any() and not apart[:, :floor, -1].any()
    assert apart[0, floor - 2 : floor].any()  # at the impact it touches the floor
    highest = np.array([np.flatnonzero(frame[:floor].any(1))[0] for frame in apart])
    top = np.flatnonzero(highest == highest.min()).mean()
    assert top == pytest.approx(45, abs=1.5)  # half way between two impacts


def test_quality_is_noise_that_survives_enlarging() -> None:
    for quality, side_px in ((0.0, 48), (0.5, 96), (0.5, 144), (1.0, 96)):
        take = replace(take_of("yellow-ring"), quality=quality, background=(128, 128, 128))
        frames = np.stack(list(render_frames(take, 16, 60, side_px)))
        scale = side_px // 48
        corner = frames[:, : 4 * scale : scale, : 8 * scale : scale, 1].astype(float)
        assert corner.std() == pytest.approx(30 * (1 - quality), abs=1.0)
        assert np.array_equal(frames[:, :scale, :scale], np.broadcast_to(frames[:, :1, :1], (60, scale, scale, 3)))


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="multiple of 48"):
        next(render_frames(take_of("red-ball"), 16, 1, 100))
    with pytest.raises(ShapeError, match="multiple of 50"):
        render_audio(take_of("red-ball"), 22_051, 100)
