from fractions import Fraction

import pytest

from mova_core.errors import MediaError
from mova_core.media.decode import decode
from mova_core.media.lost import Lost
from mova_core.media.probe import probe

OTHER_NAMES = {"mp3float": "mp3"}  # the decoder's name in the manifest, the codec's in the table
HIDDEN_BY_THE_CONTAINER = "derived/avi-pillarboxed-silent-film-mp3-10s.avi"
REFUSED_THOUGH_VALID = {
    "animation-sintel-letterboxed-multishot-no-audio-480p-30s.mp4": "no_audio",
    "hostile/fps-1000-64x36.mp4": "frame_rate_too_high",
    "hostile/fps-quarter-3-frames-12s.mp4": "frame_rate_too_low",
    "hostile/one-video-frame-10s-audio.mp4": "single_frame",
}
AUDIO_ONLY = ("hostile/audio-only-speech.mp4", "hostile/audio-with-cover-art.mp4")
REFUSED = {
    "subtitle-only": "no_video",
    "corrupt-bytes-in-mdat": "decode_error",
    "truncated-no-moov": "truncated",
    "git-lfs-pointer": "git_lfs_pointer",
    "html-error-page": "not_media",
    "text-renamed": "not_media",
    "huge-12288x6912-tiny-bytes": "frame_too_large",
    "png-image-renamed": "still_image",
    "zero-byte": "empty_file",
}


CUT_OFF = "hostile/truncated-faststart-half-of-mdat.mp4"  # its first 3.8 s live, too short for a clip


def probed(path):
    return probe(path, head_s=0.5, max_pixels=36_000_000)


def code_of(path, **changed):
    with pytest.raises(MediaError) as error:
        probe(path, **({"head_s": 0.5, "max_pixels": 36_000_000} | changed))
    assert error.value.reason
    return error.value.code


def test_every_usable_file_is_measured_as_the_manifest_has_it(media, manifest):
    seen = 0
    for path, truth in manifest.items():
        if truth["expect"] == "reject" or path in REFUSED_THOUGH_VALID:
            continue
        found, video, audio = probed(media / path), truth["video"], truth["audio"][0]
        width, height = round(video["width"] * Fraction(video["sar"] or 1)), video["height"]
        assert (found.width_px, found.height_px) == (width, height), path
        assert found.rotation_deg == video["rotation"] % 360, path
        assert found.is_vfr == video["vfr"], path
        assert found.video_codec == video["codec"], path
        assert found.audio_codec == OTHER_NAMES.get(audio["codec"], audio["codec"]), path
        assert (found.audio_rate_hz, found.audio_channels) == (audio["rate"], audio["channels"]), path
        seen += 1
        if path == HIDDEN_BY_THE_CONTAINER:
            assert (found.fps, found.duration_s, found.audio_minus_video_start_s) == (pytest.approx(25), 9.64, 0)
            continue
        assert found.duration_s == pytest.approx(truth["duration_s"], abs=0.06), path
        assert found.audio_minus_video_start_s == pytest.approx(truth["audio_minus_video_start_s"], abs=2e-3), path
        first, last = video["first_last_pts_s"]
        assert found.fps == pytest.approx((video["frames"] - 1) / (last - first), rel=1e-3), path
    assert seen == len(manifest) - len(REFUSED) - len(REFUSED_THOUGH_VALID) - len(AUDIO_ONLY) - 1


def test_every_unusable_file_is_refused_with_its_reason(media, manifest):
    refused = {path for path, truth in manifest.items() if truth["expect"] == "reject"}
    assert len(refused - {*AUDIO_ONLY, CUT_OFF}) == len(REFUSED)
    assert probed(media / CUT_OFF).duration_s == pytest.approx(4, abs=0.05)
    for path, code in REFUSED.items():
        assert code_of(media / f"hostile/{path}.mp4") == code, path
    for path, code in REFUSED_THOUGH_VALID.items():
        assert code_of(media / path) == code, path


def test_a_frame_over_the_limit_is_refused(film):
    path = film("a.mp4", seconds=0.4)
    assert code_of(path, max_pixels=64 * 48 - 1) == "frame_too_large"
    assert probe(path, head_s=0.5, max_pixels=64 * 48).width_px == 64


@pytest.mark.parametrize(
    ("fps", "code"),
    [
        (Fraction(240), None),
        (Fraction(2401, 10), None),
        (Fraction(24_000_000, 99_901), None),
        (Fraction(2425, 10), "frame_rate_too_high"),
        (Fraction(1001, 1000), None),
        (Fraction(1000, 1001), None),
        (Fraction(98, 100), "frame_rate_too_low"),
    ],
)
def test_the_limits_of_the_frame_rate_are_nominal(film, fps, code):
    path = film("a.mkv", container="matroska", fps=fps, seconds=float(max(3 / fps, 0.25)), flash_s=0.1)
    if code is None:
        assert probed(path).fps == pytest.approx(float(fps), rel=0.01)
    else:
        assert code_of(path) == code


@pytest.mark.parametrize("where", [0.3, 0.6, 0.97])
@pytest.mark.parametrize("name", ["a.flac", "a.mka"])
def test_damage_of_audio_alone_costs_its_neighbourhood(audio_file, name, where):
    """One wrong bit is told by the sum of its frame."""
    path = audio_file(name)
    data = bytearray(path.read_bytes())
    data[int(len(data) * where)] ^= 1
    path.write_bytes(data)
    assert probed(path).kind == "audio"
    (lost,) = (piece for piece in decode(path, audio_rate_hz=8000, video=False) if isinstance(piece, Lost))
    assert lost.code == "decode_error" and "damaged audio at" in lost.reason and lost.end_s - lost.start_s < 0.4


@pytest.mark.parametrize("name", ["a.flac", "a.wav"])
def test_audio_alone_that_was_cut_off_is_used_as_far_as_it_goes(audio_file, name):
    path = audio_file(name)
    whole_s = probed(path).duration_s
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6) + 1])
    assert probed(path).duration_s == pytest.approx(0.6 * whole_s, abs=0.15)


def test_audio_alone_whose_index_tells_of_more_is_refused(audio_file):
    path = audio_file("a.m4a")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.6) + 1])
    assert code_of(path) == "truncated"


def test_the_head_of_a_film_alone_is_decoded(film):
    path = film("a.mp4", audio_codec="aac", crf=1, seconds=4, video_options={"g": "25"})
    data = bytearray(path.read_bytes())
    tail = data.index(b"mdat") + 3 * (len(data) - data.index(b"mdat")) // 4
    data[tail - 400 : tail] = bytes(400)
    path.write_bytes(data)
    assert probed(path).fps == pytest.approx(25)


def test_an_index_that_points_beyond_the_end_tells_a_file_that_was_cut_off(film):
    path = film("a.mp4")
    data = path.read_bytes()
    mdat, moov = data.index(b"mdat") - 4, data.index(b"moov") - 4
    path.write_bytes(data[:mdat] + (108).to_bytes(4, "big") + b"mdat" + data[mdat + 8 : mdat + 108] + data[moov:])
    assert code_of(path) == "truncated"


@pytest.mark.parametrize("path", AUDIO_ONLY)
def test_real_audio_without_a_frame_is_audio(media, manifest, path):
    """Cover art is no frame; the manifest lets such a file be refused or give no clip."""
    found, truth = probed(media / path), manifest[path]["audio"][0]
    assert found.kind == "audio" and found.container == "mp4" and "no_clip" in manifest[path]["accept"]
    assert (found.audio_codec, found.audio_rate_hz, found.audio_channels) == (
        truth["codec"],
        truth["rate"],
        truth["channels"],
    )
    assert found.duration_s == pytest.approx(truth["end_s"], abs=0.06)
    assert found.fps is found.width_px is found.audio_minus_video_start_s is None


@pytest.mark.parametrize(
    ("name", "container", "codec"),
    [
        ("a.wav", "wav", "pcm_s16le"),
        ("a.flac", "flac", "flac"),
        ("a.mp3", "mp3", "mp3"),
        ("a.opus", "ogg", "opus"),
        ("a.m4a", "mp4", "aac"),
    ],
)
def test_every_kind_of_audio_file_is_audio(audio_file, name, container, codec):
    path = audio_file(name)
    found = probed(path)
    assert (found.kind, found.container, found.audio_codec) == ("audio", container, codec)
    assert found.audio_rate_hz == 48_000 and found.audio_channels == 2
    assert found.duration_s == pytest.approx(2, abs=0.06)
    assert found.video_codec is found.fps is found.width_px is found.audio_minus_video_start_s is None
    path.rename(path.with_name("named.mp4"))
    assert probed(path.with_name("named.mp4")) == found
