"""LSE by known answers: audio that is ahead by k frames gives offset k; MFCC are those of the published pipeline."""

import numpy as np
import pytest
import torch

from mova_core.measures.clip import Clip, Unavailable
from mova_core.measures.models.syncnet.adapter import NO_TRACK, LipSyncMeasure
from mova_core.measures.models.syncnet.mfcc import mfcc
from mova_core.measures.models.syncnet.windows import audio_windows, lip_sync, window_count

DARK, BRIGHT = 100, 118  # near enough that no shot boundary is found between them
FRAMES = 125


class Oracle:
    """Embeds whether each of the five frames of a window is bright, and whether its time is loud."""

    def video_features(self, frames):
        bright = frames.mean(dim=(1, 2, 3)) > (DARK + BRIGHT) / 2
        return bright.float().unfold(0, 5, 1)

    def audio_features(self, windows):
        loud = windows[:, 0, 0].unflatten(1, (5, 4)).mean(dim=2)  # log energy, four vectors a frame
        return (loud > loud.mean()).float()


class OneFace:
    def __init__(self, side=120.0):
        self.side = side

    def detect(self, frame):
        return np.array([[20.0, 20.0, 20.0 + self.side, 20.0 + self.side]])


def clip_of(ahead_frames=0, rate_hz=16_000, frames=FRAMES):
    """Frames that are bright at random, and audio that is loud `ahead_frames` before."""
    pattern = np.random.default_rng(3).integers(0, 2, frames + 40)
    video = np.where(pattern[20 : 20 + frames], BRIGHT, DARK).astype(np.uint8)
    level = np.repeat(pattern[20 + ahead_frames : 20 + ahead_frames + frames], rate_hz // 25)
    noise = np.random.default_rng(0).normal(0, 0.1, len(level))
    audio = (noise * np.where(level, 1, 0.01)).astype(np.float32)
    return Clip(video[:, None, None, None].repeat(160, 1).repeat(200, 2).repeat(3, 3), audio, 25.0, rate_hz)


@pytest.mark.parametrize(("ahead", "rate_hz"), [(0, 16_000), (3, 16_000), (-12, 16_000), (5, 48_000)])
def test_audio_that_is_ahead_by_k_frames_gives_offset_k(ahead, rate_hz):
    [found] = LipSyncMeasure(Oracle(), OneFace()).tracks(clip_of(ahead, rate_hz))
    assert found.offset_frames == ahead
    assert found.distance < 0.5 < found.confidence


def test_a_clip_tells_the_mean_over_its_faces():
    class TwoFaces:
        def detect(self, frame):
            return np.array([[0.0, 0, 110, 110], [120.0, 0, 230, 110]])

    measure = LipSyncMeasure(Oracle(), TwoFaces())
    frames = clip_of().frames
    wide = np.concatenate([frames, np.full_like(frames, DARK)], axis=2)  # one face never moves
    clip = Clip(wide, clip_of().audio, 25.0, 16_000)
    each = measure.tracks(clip)
    assert len(each) == 2
    assert measure(clip) == {
        "lse_d": pytest.approx(np.mean([track.distance for track in each])),
        "lse_c": pytest.approx(np.mean([track.confidence for track in each])),
    }


def test_without_a_face_track_it_is_unavailable():
    small = LipSyncMeasure(Oracle(), OneFace(side=90.0))(clip_of())
    short = LipSyncMeasure(Oracle(), OneFace())(clip_of(frames=100))
    assert small == short == {"lse_d": Unavailable(NO_TRACK), "lse_c": Unavailable(NO_TRACK)}
    silent = Clip(clip_of().frames, clip_of().audio * 0, 25.0, 16_000)
    assert LipSyncMeasure(Oracle(), OneFace())(silent)["lse_d"] == Unavailable("its audio is silent")


def test_lse_by_hand():
    """Only the audio feature itself is near: distance 0, all other shifts sqrt(2) on average but for zeros beyond."""
    features = torch.eye(200)
    found = lip_sync(features, features)
    assert (found.offset_frames, round(found.distance, 4)) == (0, 0.0)
    away = [(np.sqrt(2) * (200 - abs(shift)) + abs(shift)) / 200 for shift in range(-15, 16) if shift]
    assert found.confidence == pytest.approx(sorted([0, *away])[15], abs=1e-4)


def test_windows_are_one_fewer_than_fit():
    assert window_count(101, 101 * 640) == 96
    assert window_count(101, 60 * 640 + 639) == 55
    assert window_count(4, 640 * 4) == window_count(101, 0) == 0
    audio = clip_of().audio
    windows = audio_windows(audio, window_count(FRAMES, len(audio)))
    assert windows.shape == (120, 1, 13, 20)
    torch.testing.assert_close(windows[7, 0], torch.from_numpy(mfcc(audio, 16_000)[:, 28:48]).float())


def test_mfcc_are_those_of_python_speech_features():
    """Golden: python_speech_features 0.6, `mfcc(int16 samples, 16000)`, of this chirp."""
    time_s = np.arange(8_000) / 16_000
    chirp = (0.3 * np.sin(2 * np.pi * (200 * time_s + 3000 * time_s**2))).astype(np.float32)
    golden = [
        [18.6, 28.329, 17.918, 7.626, -3.658],
        [21.846, 8.017, -34.736, -16.456, 27.407],
        [23.028, -18.772, -16.94, 32.841, -24.375],
    ]
    assert mfcc(chirp, 16_000).shape == (13, 49)
    np.testing.assert_allclose(mfcc(chirp, 16_000)[:5, [0, 20, 48]].T, golden, atol=2e-3)
    assert np.isfinite(mfcc(np.zeros(100, np.float32), 16_000)).all()
