"""A file is known by its first bytes, each container that is listed opens, and all else is refused by its cause."""

import av
import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.container.formats import MOV_BOXES, sniff
from mova_core.media.container.packet_sync import JUNK_BYTES
from mova_core.media.decode import Frame, decode
from mova_core.media.probe import probe
from tests.mova_core.media.moving_film import Coded, everything, write


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\0\0\0\x20ftypisom", "mp4"),
        (b"\0\0\0\x14ftypqt  ", "mov"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
        (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x86\x81\x01\x42\x82\x84webm", "webm"),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska", "matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"\x47" + bytes(187) + b"\x47" + bytes(187) + b"\x47", "mpegts"),
        (bytes(4) + b"\x47" + bytes(191) + b"\x47" + bytes(191) + b"\x47", "mpegts"),
        (b"\0\0\x01\xba\x44", "mpeg"),
        (b"OggS\0", "ogg"),
        (b"FLV\x01\x05", "flv"),
        (b"fLaC\0", "flac"),
        (b"ID3\x04\0\0\0\0\0\x02??\xff\xfb", "mp3"),
        (b"ID3\x04\0\0\0\0\0\x02??\xff\xf1", "aac"),
        (b"ID3\x04\0\0\0\0\0\x02??fLaC", "flac"),
    ],
)
def test_a_container_is_known_by_its_first_bytes(head, name):
    assert sniff(head).name == name


@pytest.mark.parametrize(
    ("head", "code", "word"),
    [
        (b"", "empty_file", "0 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git_lfs_pointer", "git lfs pull"),
        (b"\x89PNG\r\n\x1a\n", "still_image", "PNG"),
        (b"\0\0\0\x20ftypavif", "still_image", "image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "still_image", "image"),
        (b"\n<!DOCTYPE html><html>", "not_media", "web page"),
        (b"ffconcat version 1.0\nfile 'a.mp4'\n", "not_media", "playlist"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\n", "not_media", "playlist"),
        (b"\xff\xfeh\0i\0", "not_media", "first bytes"),
        (b"hello", "not_media", "text"),
        (bytes(64), "not_media", "first bytes"),
        (b"\0\0\0\x0cJXL \r\n", "still_image", "JPEG XL"),
        (b"8BPS\0\x01", "still_image", "Photoshop"),
        (b"II*\0\x08\0\0\0", "still_image", "TIFF"),
        (b"<svg xmlns='x'>", "still_image", "SVG"),
        (b"PK\x03\x04\x14\0", "not_media", "ZIP file"),
        (b"\0\0\0\x01\x67\x64\0\x1f", "no_audio", "H.264 video without audio"),
    ],
)
def test_anything_else_is_refused_with_what_it_looks_like(head, code, word):
    with pytest.raises(MediaError, match=word) as error:
        sniff(head)
    assert error.value.code == code


def flash_s(path):
    """When the film turns white, after its first frame."""
    frames = [
        (piece.time_s, piece.luma().mean()) for piece in decode(path, audio_rate_hz=None) if isinstance(piece, Frame)
    ]
    return next(time_s for time_s, level in frames if level > 128) - frames[0][0]


def probed(path):
    return probe(path, head_s=0.5, max_pixels=1 << 22)


FILMS = {
    "mxf": {"video_codec": "mpeg2video", "audio_codec": "pcm_s16le"},
    "nut": {"audio_codec": "pcm_s16le"},
    "mpegts": {"audio_codec": "aac"},
    "vob": {"video_codec": "mpeg2video", "audio_codec": "mp2"},
    "mpeg": {"video_codec": "mpeg1video", "audio_codec": "mp2"},
    "flv": {"audio_codec": "aac"},
    "asf": {"video_codec": "wmv2", "audio_codec": "mp3"},
    "matroska": {},
    "avi": {"audio_codec": "mp3"},
}
QUALITY = {"mpeg2video": {"qscale": "3"}, "mpeg1video": {"qscale": "3"}, "wmv2": {"b": "1M"}}


def written(film, name, container, **options):
    """A film of one second, white from 0.6 s on."""
    how = (
        {"crf": None, "video_options": QUALITY[how_codec]} if (how_codec := FILMS[container].get("video_codec")) else {}
    )
    return film(name, container=container, seconds=1.0, flash_s=0.6, **FILMS[container], **how, **options)


@pytest.mark.parametrize("container", FILMS)
def test_a_film_of_every_container_is_read(film, container):
    path = written(film, "a.bin", container)
    found = probed(path)
    assert (found.kind, found.container) == ("video", {"vob": "mpeg"}.get(container, container))
    assert found.fps == pytest.approx(25, rel=0.01) and flash_s(path) == pytest.approx(0.6, abs=0.02)


def test_dv_is_read(tmp_path):
    path = tmp_path / "a.bin"
    with av.open(str(path), "w", format="dv") as output:
        video = output.add_stream("dvvideo", rate=25, width=720, height=576, pix_fmt="yuv420p")
        audio = output.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        for number in range(10):
            image = av.VideoFrame.from_ndarray(np.full((576, 720, 3), 230 if number >= 6 else 20, np.uint8), "rgb24")
            image.pts = number
            output.mux(video.encode(image.reformat(format="yuv420p")))
            piece = av.AudioFrame.from_ndarray(np.full((1, 2 * 1920), 3000, np.int16), "s16", "stereo")
            piece.sample_rate, piece.pts = 48_000, 1920 * number
            output.mux(audio.encode(piece))
        output.mux(video.encode(None))
    found = probed(path)
    assert (found.kind, found.container, found.audio_rate_hz) == ("video", "dv", 48_000)
    assert flash_s(path) == pytest.approx(0.24, abs=0.001)


@pytest.mark.parametrize("step", [188, 192, 204])
@pytest.mark.parametrize("junk", [0, 1, 100, 187, 188, 9000, JUNK_BYTES])
def test_a_transport_stream_may_begin_in_mid_packet(film, step, junk):
    path = written(film, "a.ts", "mpegts")
    plain, data = flash_s(path), path.read_bytes()
    packets = [data[first : first + 188] for first in range(0, len(data), 188)]
    around = {188: (b"", b""), 192: (bytes(4), b""), 204: (b"", bytes(16))}[step]
    noise = np.random.default_rng(junk).bytes(junk)
    path.write_bytes(noise + b"".join(around[0] + packet + around[1] for packet in packets))
    found = probed(path)
    assert (found.container, found.video_codec, found.audio_codec) == ("mpegts", "h264", "aac")
    assert flash_s(path) == pytest.approx(plain, abs=1e-6)


PROGRAM_STREAMS = [
    Coded("vob", "mpeg2video", "mp2", "g=10,qscale=3"),
    Coded("svcd", "mpeg2video", "mp2", "g=10,qscale=3"),
    Coded("dvd", "mpeg2video", "ac3", "g=10,bf=2,qscale=3"),
    Coded("mpeg", "mpeg1video", "mp2", "g=10,qscale=3"),  # a pack every two seconds, packets between
    Coded("vcd", "mpeg1video", "mp2", "g=10,qscale=3"),
]


@pytest.mark.parametrize("coded", PROGRAM_STREAMS, ids=str)
def test_a_program_stream_cut_anywhere_is_read_from_its_next_packet(tmp_path, coded):
    path = write(tmp_path / "a.bin", coded, seconds=2.0)
    data, (whole, _) = path.read_bytes(), everything(path)
    whole = list(whole.values())
    for cut in (1, 15, 700, 2049, 4100):
        path.write_bytes(data[cut:])
        assert probed(path).container == "mpeg"
        left = list(everything(path)[0].values())
        assert len(left) >= 10  # from the next key frame on
        np.testing.assert_array_equal(left, whole[-len(left) :])


@pytest.mark.parametrize("begins", [b"\0\0\x01\xb3", b"\0\0\0\x01\x67", b"\xff\xfb", b"\x0b\x77", b"\xff\xf1"])
@pytest.mark.parametrize("container", ["vob", "mpegts"])
def test_what_a_cut_packet_begins_with_does_not_decide(film, container, begins):
    path = written(film, "a.bin", container)
    path.write_bytes(begins + bytes(range(1, 99)) + path.read_bytes())
    assert probed(path).kind == "video"


def test_a_scrambled_transport_stream_is_encrypted(film):
    path = written(film, "a.ts", "mpegts")
    data = bytearray(path.read_bytes())
    for first in range(0, len(data), 188):
        pid = int.from_bytes(data[first + 1 : first + 3], "big") & 0x1FFF
        if 0x100 <= pid < 0x1FFF:  # the muxer's first stream; tables stay in the clear
            data[first + 3] |= 0x80
    path.write_bytes(data)
    with pytest.raises(MediaError, match="scrambled") as error:
        probed(path)
    assert error.value.code == "encrypted"


def test_more_in_front_of_a_transport_stream_than_is_stated_is_not_read(film):
    path = written(film, "a.ts", "mpegts")
    path.write_bytes(bytes(JUNK_BYTES + 188) + path.read_bytes())
    with pytest.raises(MediaError) as error:
        probed(path)
    assert error.value.code == "not_media"


@pytest.mark.parametrize(
    "box", [box for box in MOV_BOXES if box not in (b"ftyp", b"moov", b"moof", b"meta", b"udta", b"mfra")]
)
def test_an_mp4_may_begin_with_any_box_that_may_stand_there(film, box):
    path = film(
        "a.mp4",
        audio_codec="aac",
        seconds=1.0,
        flash_s=0.6,
        container_options={"movflags": "frag_keyframe+empty_moov+default_base_moof"},
    )  # fragments: nothing in it counts from the file's start
    path.write_bytes((36).to_bytes(4, "big") + box + bytes(28) + path.read_bytes())
    assert probed(path).kind == "video" and flash_s(path) == pytest.approx(0.6, abs=0.001)


@pytest.mark.parametrize(
    ("container", "codec", "name"),
    [
        ("adts", "aac", "aac"),
        ("ac3", "ac3", "ac3"),
        ("eac3", "eac3", "eac3"),
        ("aiff", "pcm_s16be", "aiff"),
        ("caf", "pcm_s16le", "caf"),
        ("w64", "pcm_s16le", "w64"),
        ("mp3", "mp3", "mp3"),
    ],
)
def test_audio_of_every_container_is_read(tmp_path, container, codec, name):
    path = tmp_path / "a.bin"
    with av.open(str(path), "w", format=container) as output:
        audio = output.add_stream(codec, rate=48_000, layout="mono")
        samples = np.random.default_rng(0).normal(0, 0.1, 48_000).clip(-1, 1)
        piece = av.AudioFrame.from_ndarray((samples * 32_767).astype(np.int16)[None], "s16", "mono")
        piece.sample_rate, piece.pts = 48_000, 0
        for part in av.AudioResampler(format=audio.codec_context.format, layout="mono", rate=48_000).resample(piece):
            output.mux(audio.encode(part))
        output.mux(audio.encode(None))
    found = probed(path)
    assert (found.kind, found.container) == ("audio", name)
    assert found.duration_s == pytest.approx(1, abs=0.06)
