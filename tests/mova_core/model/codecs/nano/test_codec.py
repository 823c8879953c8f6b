"""The nano codecs on clips they have not seen, and their folder.

Required: video 25.7 dB at 48 px, audio 20 dB, onsets within 3 ms, events still found (design of the nano preset).
The numbers measured are printed: `pytest -s`.
"""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mova_core.errors import MovaError, ShapeError, StaleError
from mova_core.evaluation.events import audio_onsets, video_events
from mova_core.geometry import GEOMETRIES, VIDEO_PIXELS_PER_LATENT
from mova_core.media.audio.onsets import match_times
from mova_core.model.codecs.nano.audio import NanoAudioCodec
from mova_core.model.codecs.nano.codec import NanoCodec
from mova_core.model.codecs.nano.video import NanoVideoCodec, _blocks, _frames
from mova_core.model.nano_folder import read_nano_codec, write_nano_parts
from mova_core.model.pixels import to_bytes, to_unit_range
from mova_core.synthetic.world import KINDS, draw_take, render_audio, render_frames

GEOMETRY = GEOMETRIES["nano-48"]
FITTED, HELD_OUT = 144, 24


def smaller(frames):
    return np.stack([cv2.resize(frame, (32, 32), interpolation=cv2.INTER_AREA) for frame in frames])


def video_of(frames):
    return to_unit_range(torch.from_numpy(frames))[None]


@pytest.fixture(scope="module", autouse=True)
def single_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # small matrices: a second thread only waits
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def clips():
    """(frames, the same without noise, audio) of clips of all classes."""
    made = []
    for number in range(FITTED + HELD_OUT):
        rng = np.random.default_rng([11, number])
        take = draw_take(rng, list(KINDS)[number % len(KINDS)], GEOMETRY.duration_s)
        clean = type(take)(**{name: getattr(take, name) for name in take.__slots__} | {"quality": 1.0})
        videos = [np.stack(list(render_frames(each, GEOMETRY.fps, GEOMETRY.frames, 48))) for each in (take, clean)]
        made.append((*videos, render_audio(take, GEOMETRY.audio_rate_hz, GEOMETRY.audio_samples)))
    return made


@pytest.fixture(scope="module")
def codec(clips):
    def videos():
        for frames, _, _ in clips[:FITTED]:
            yield video_of(frames)
            yield video_of(smaller(frames))

    def waveforms():
        return (torch.from_numpy(audio)[None] for _, _, audio in clips[:FITTED])

    return NanoCodec(NanoVideoCodec.fit(videos, 16), NanoAudioCodec.fit(waveforms, GEOMETRY.audio_hop, 16))


@pytest.fixture(scope="module")
def held_out(clips):
    return clips[FITTED:]


def decibels(signal, lost):
    return 10 * np.log10(float(signal) / float(lost.square().mean()))


@pytest.mark.parametrize(("side", "least_db"), [(48, 25.0), (32, 24.2)])
def test_frames_are_decoded_well(codec, held_out, side, least_db):
    values = []
    for noisy, clean, _ in held_out:
        seen, truth = (video_of(frames if side == 48 else smaller(frames)) for frames in (noisy, clean))
        values.append(decibels(4, codec.video.decode(codec.video.encode(seen)).clamp(-1, 1) - truth))
    print(f"video at {side} px: {np.mean(values):.2f} dB")
    assert np.mean(values) > least_db


def test_audio_is_decoded_well(codec, held_out):
    values = []
    for _, _, audio in held_out:
        wave = torch.from_numpy(audio)[None]
        values.append(decibels(wave.square().mean(), codec.audio.decode(codec.audio.encode(wave), audio.size) - wave))
    print(f"audio: {np.mean(values):.2f} dB")
    assert np.mean(values) > 18.5


def test_events_survive(codec, held_out):
    video_pairs, audio_pairs, moved_s = [], [], []
    for frames, _, audio in held_out:
        shown = to_bytes(codec.video.decode(codec.video.encode(video_of(frames))))[0].numpy()
        video_pairs.append((video_events(frames, GEOMETRY.fps), video_events(shown, GEOMETRY.fps)))
        played = codec.audio.decode(codec.audio.encode(torch.from_numpy(audio)[None]), audio.size)[0].numpy()
        before, after = (audio_onsets(each, GEOMETRY.audio_rate_hz) for each in (audio, played))
        audio_pairs.append((before, after))
        moved_s += [min((late - early for late in after), key=abs) for early in before]
    frame_s = 1 / GEOMETRY.fps
    video, audio = (
        2 * sum(len(match_times(*pair, frame_s)) for pair in pairs) / sum(len(one) + len(other) for one, other in pairs)
        for pairs in (video_pairs, audio_pairs)
    )
    print(f"events after a round trip: video {video:.3f}, audio {audio:.3f}, onsets moved {np.std(moved_s):.4f} s")
    assert video >= 0.985 and audio >= 0.985
    assert np.std(moved_s) < 0.006


def test_latents_have_the_geometrys_shape_and_unit_variance(codec, held_out):
    video = torch.cat([video_of(frames) for frames, _, _ in held_out])
    waveforms = torch.stack([torch.from_numpy(audio) for _, _, audio in held_out])
    latents, audio = codec.video.encode(video), codec.audio.encode(waveforms)
    canvas = GEOMETRY.canvases[0]
    sides = canvas.latent_height, canvas.latent_width
    assert latents.shape == (HELD_OUT, 16, GEOMETRY.latent_frames, *sides) and latents.dtype == torch.float32
    assert audio.shape == (HELD_OUT, 16, GEOMETRY.audio_latents) and audio.dtype == torch.float32
    assert latents.var() == pytest.approx(1, abs=0.15) and audio.var() == pytest.approx(1, abs=0.2)


def test_a_batch_is_its_clips(codec, held_out):
    videos = [video_of(frames) for frames, _, _ in held_out[:3]]
    together = codec.video.encode(torch.cat(videos))
    torch.testing.assert_close(together, torch.cat([codec.video.encode(video) for video in videos]), rtol=0, atol=1e-5)


def test_one_codec_serves_any_canvas_and_length(codec):
    video = torch.zeros(1, 3, 5, 16, 40)
    latents = codec.video.encode(video)
    assert latents.shape == (1, 16, 2, 16 // VIDEO_PIXELS_PER_LATENT, 40 // VIDEO_PIXELS_PER_LATENT)
    assert codec.video.decode(latents).shape == video.shape


@pytest.mark.parametrize("frames", [1, 4])
def test_blocks_are_put_back_where_they_were(frames):
    video = torch.randn(2, 3, 2 * frames, 16, 24)
    assert torch.equal(_frames(_blocks(video, frames), frames), video)


@pytest.mark.parametrize("shape", [(1, 3, 4, 16, 16), (1, 1, 5, 16, 16), (1, 3, 5, 12, 16), (3, 5, 16, 16)])
def test_frames_of_another_shape_are_refused(codec, shape):
    with pytest.raises(ShapeError, match="4k"):
        codec.video.encode(torch.zeros(shape))


def test_latents_of_another_shape_are_refused(codec):
    with pytest.raises(ShapeError, match="16"):
        codec.video.decode(torch.zeros(1, 8, 2, 2, 2))
    with pytest.raises(ShapeError, match="16"):
        codec.audio.decode(torch.zeros(1, 8, 2), 640)


def test_black_clips_cannot_be_fitted():
    with pytest.raises(MovaError, match="nothing to fit"):
        NanoVideoCodec.fit(lambda: [torch.zeros(1, 3, 5, 16, 16)], 4)


def test_bytes_survive_the_range_of_the_codec():
    frames = torch.arange(256, dtype=torch.uint8).reshape(1, 4, 8, 8, 1).expand(1, 4, 8, 8, 3)
    assert torch.equal(to_bytes(to_unit_range(frames)), frames)


def test_a_written_codec_is_the_same_and_its_bytes_too(codec, tmp_path, held_out):
    for name in ("once", "again"):
        write_nano_parts(tmp_path / name, codec, {"clips": FITTED, "seed": 0})
    for path in filter(Path.is_file, (tmp_path / "once").rglob("*")):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(tmp_path / "once")).read_bytes()
    loaded = read_nano_codec(tmp_path / "once")
    video, wave = video_of(held_out[0][0]), torch.from_numpy(held_out[0][2])[None]
    latents, audio = codec.video.encode(video), codec.audio.encode(wave)
    assert loaded.fingerprint == codec.fingerprint
    assert torch.equal(loaded.video.decode(latents), codec.video.decode(latents))
    assert torch.equal(loaded.audio.decode(audio, wave.shape[1]), codec.audio.decode(audio, wave.shape[1]))


def test_a_codec_that_is_not_whole_is_refused(codec, tmp_path):
    write_nano_parts(tmp_path, codec)
    path = tmp_path / "audio_vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(StaleError, match="not a readable safetensors file"):
        read_nano_codec(tmp_path)
