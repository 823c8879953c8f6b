"""DeSync's windows and rates by known answers: a network that knows the truth must give the offset that was made."""

import numpy as np
import pytest
import torch

from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.models.synchformer.adapter import Desync
from mova_core.measures.models.synchformer.windows import (
    MEL_MEAN,
    MEL_STD,
    audio_segments,
    desync_s,
    judged_segments,
    offset_grid_s,
    video_segments,
)

EVENTS_S = np.array([0.52, 1.3, 1.64, 2.8, 3.12, 4.4, 4.84, 5.6, 6.32, 7.0, 7.64, 8.8, 9.04, 10.3, 10.96, 11.2])


def clip_of(lag_s, seconds=8.0, fps=25.0, rate_hz=16_000):
    """Flashes at `EVENTS_S` and clicks `lag_s(event)` later."""
    frames = np.zeros((round(seconds * fps), 36, 64, 3), np.uint8)
    audio = np.random.default_rng(0).normal(0, 1e-3, round(seconds * rate_hz)).astype(np.float32)
    for event_s in EVENTS_S[seconds > EVENTS_S]:
        frames[round(event_s * fps) : round(event_s * fps) + 2] = 255
        click = round((event_s + lag_s(event_s)) * rate_hz)
        if 0 <= click < len(audio):
            audio[click : click + rate_hz // 50] += 0.5
    return Clip(frames, audio, fps, rate_hz)


class Oracle:
    """Tells the offset by correlating brightness with level, from what the network itself would be given."""

    def video_features(self, segments):
        return segments.mean(dim=(2, 3, 4))  # [S, 16]: one brightness a frame

    def audio_features(self, segments):
        return segments.mean(dim=1)  # [S, 66]: one level a mel frame

    def offset_logits(self, video, audio):
        shifts = (offset_grid_s() * 25).round().astype(int)  # whole frames
        return torch.stack([self._correlated(*pair, shifts) for pair in zip(video, audio, strict=True)])

    def _correlated(self, video, audio, shifts):
        bright = torch.cat([*video[0:14:2], video[13, 8:]])  # every other segment follows the one before: 120 frames
        level = torch.cat([*audio[0:14:2, :64], audio[13, 32:64]]).unflatten(0, (120, 4)).amax(dim=1)
        bright, level = (bright > bright.mean()).float(), (level - level.mean()).clamp(min=0)
        ahead = [level[max(0, -s) : 120 - max(0, s)] * bright[max(0, s) : 120 + min(0, s)] for s in shifts]
        return torch.stack([each.sum() for each in ahead])


@pytest.mark.parametrize(
    ("lag_s", "fps", "rate_hz"),
    [(0, 25, 16_000), (0.4, 25, 16_000), (-2, 25, 16_000), (0.4, 24, 48_000), (-1.2, 30, 44_100)],
)
def test_audio_that_is_shifted_gives_its_shift(lag_s, fps, rate_hz):
    measured = Desync(Oracle())(clip_of(lambda _: lag_s, fps=fps, rate_hz=rate_hz))
    assert measured == {"desync_s": pytest.approx(abs(lag_s), abs=1e-9)}


def test_the_first_and_the_last_window_count_alike():
    measured = Desync(Oracle())(clip_of(lambda event_s: 0.6 if event_s < 5.5 else 0.0, seconds=12.0))
    assert measured == {"desync_s": pytest.approx(0.3)}


def test_only_the_segments_that_count_are_looked_at():
    assert judged_segments(frames=120, samples=120 * 640) == list(range(14))
    assert judged_segments(frames=119, samples=10**6) == judged_segments(frames=10**6, samples=120 * 640 - 1) == []
    assert judged_segments(frames=200, samples=128_000) == list(range(24))
    assert judged_segments(frames=25 * 60, samples=10**6) == [*range(14), *range(172, 186)]
    numbered = np.arange(250, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    taken = list(video_segments(numbered, range(250), [0, 1, 25, 29]))
    brightness = [((each[:, 0, 0, 0] + 1) / 2 * 255).round().int().tolist() for each in taken]
    assert brightness == [list(range(start, start + 16)) for start in (0, 8, 200, 232)]


def test_segments_are_those_of_the_published_settings():
    clip = clip_of(lambda _: 0.0, seconds=4.8)
    segments = judged_segments(len(clip.frames), len(clip.audio))
    video = torch.stack(list(video_segments(clip.frames, range(120), segments)))
    audio = audio_segments(clip.audio, segments)
    assert video.shape == (14, 16, 3, 224, 224) and audio.shape == (14, 128, 66)
    assert (video.min(), video.max()) == (-1, 1)
    torch.testing.assert_close(video[1, :8], video[0, 8:])
    torch.testing.assert_close(audio[..., 65], torch.full((14, 128), -MEL_MEAN / (2 * MEL_STD)))  # a frame of zeros
    assert offset_grid_s() == pytest.approx(np.arange(-10, 11) * 0.2)
    assert desync_s(torch.eye(21)[[8, 14]]) == pytest.approx(0.6)


def test_a_tone_lies_in_its_mel_band():
    time_s = np.arange(16_000) / 16_000
    tone = np.sin(2 * np.pi * 1000 * time_s).astype(np.float32)
    band = int(audio_segments(tone, [0])[0, :, 30].argmax())
    top_mel = 2595 * np.log10(1 + 8000 / 700)
    assert band == pytest.approx(2595 * np.log10(1 + 1000 / 700) / top_mel * 129 - 1, abs=1)  # HTK's scale


@pytest.mark.parametrize("seconds", [4.76, 0.52])
def test_a_clip_under_14_segments_is_unavailable(seconds):
    given = Desync(Oracle())(clip_of(lambda _: 0.0, seconds=seconds))["desync_s"]
    assert given == Unavailable(f"it lasts {seconds:.3g} s, and the model needs 4.8 s")
    assert Desync(Oracle())(clip_of(lambda _: 0.0, seconds=4.8)) == {"desync_s": 0.0}
