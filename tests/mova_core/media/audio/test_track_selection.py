"""The first audible track is selected, and of its channels those that are audible, at their own level."""

from fractions import Fraction

import av
import numpy as np
import pytest

from mova_core.media.audio.downmix import standard_weights
from mova_core.media.audio.track_selection import AudioSelection, AudioTrackSelector
from mova_core.media.container.demux import open_media
from mova_core.media.decode import AudioChunk, decode
from mova_core.media.probe import probe
from mova_core.media.timeline.timeline import read_timeline

RATE_HZ, SECONDS = 48_000, 3
CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6}
CENTRE, EFFECTS = 2, 3
NOISE = np.random.default_rng(2).normal(0, 0.1, RATE_HZ * SECONDS)


@pytest.fixture
def audio(tmp_path):
    """Write a file of audio: for each track its layout and what its channels hold, by number; the rest is silent."""

    def write(*tracks):
        path = tmp_path / "a.mkv"
        with av.open(str(path), "w", format="matroska") as output:
            streams = [output.add_stream("flac", rate=RATE_HZ, layout=layout) for layout, _ in tracks]
            pcm = [np.zeros((CHANNELS[layout], len(NOISE)), np.int16) for layout, _ in tracks]
            for samples, (_, held) in zip(pcm, tracks, strict=True):
                for channel, audio in held.items():
                    samples[channel] = np.round(np.clip(audio, -1, 1) * 32767)
            for start in range(0, len(NOISE), 4800):
                for stream, samples, (layout, _) in zip(streams, pcm, tracks, strict=True):
                    packed = np.ascontiguousarray(samples[:, start : start + 4800].T.reshape(1, -1))
                    piece = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
                    piece.sample_rate, piece.pts, piece.time_base = RATE_HZ, start, Fraction(1, RATE_HZ)
                    output.mux(stream.encode(piece))
            for stream in streams:
                output.mux(stream.encode(None))
        return path

    return write


def selected(path):
    with open_media(path) as (container, kind):
        return read_timeline(container, kind).selection


def samples_of(path):
    pieces = decode(path, audio_rate_hz=RATE_HZ, video=False)
    return np.concatenate([piece.samples for piece in pieces if isinstance(piece, AudioChunk)])


LATE = np.where(np.arange(len(NOISE)) < 2.5 * RATE_HZ, 0, NOISE)


SURROUND = dict.fromkeys((0, 1, CENTRE, 4, 5), NOISE)


@pytest.mark.parametrize(
    ("layout", "held", "mixed", "weights"),
    [
        ("stereo", {0: NOISE}, NOISE, (1, 0)),
        ("stereo", {1: NOISE}, NOISE, (0, 1)),
        ("stereo", {1: NOISE, 0: NOISE * 1e-3}, NOISE, (0, 1)),  # the hiss of an open input
        ("stereo", {0: NOISE, 1: NOISE}, NOISE, (0.5, 0.5)),
        ("stereo", {0: NOISE, 1: LATE}, (NOISE + LATE) / 2, (0.5, 0.5)),
        ("stereo", {0: NOISE, 1: -NOISE}, NOISE, (0.5, -0.5)),
        ("5.1", {CENTRE: NOISE}, NOISE, (0, 0, 1, 0, 0, 0)),
        ("5.1", {CENTRE: NOISE, EFFECTS: NOISE}, NOISE, (0, 0, 1, 0, 0, 0)),
        ("5.1", {0: NOISE, 1: LATE, EFFECTS: NOISE}, (NOISE + LATE) / 2, (0.5, 0.5, 0, 0, 0, 0)),
        ("5.1", {EFFECTS: NOISE}, NOISE, (0, 0, 0, 1, 0, 0)),
        ("5.1", SURROUND | {EFFECTS: NOISE}, NOISE, standard_weights(("FL", "FR", "FC", "LFE", "BL", "BR"))),
    ],
)
def test_a_silent_channel_does_not_make_the_others_quieter(audio, layout, held, mixed, weights):
    path = audio((layout, held))
    assert selected(path).mixes == ((layout, weights),)
    np.testing.assert_allclose(samples_of(path), mixed, atol=1e-4)


def test_a_mono_track_has_no_mix_of_its_own(audio):
    path = audio(("mono", {0: NOISE}))
    assert selected(path) == AudioSelection()
    np.testing.assert_allclose(samples_of(path), NOISE, atol=1e-4)


@pytest.mark.parametrize(
    ("tracks", "number"),
    [
        ([("mono", {}), ("mono", {0: NOISE})], 1),
        ([("stereo", {}), ("5.1", {}), ("stereo", {1: NOISE}), ("mono", {0: LATE})], 2),
        ([("mono", {0: LATE}), ("mono", {0: NOISE})], 0),
    ],
)
def test_the_first_track_that_is_audible_is_selected_and_stated(audio, tracks, number):
    path = audio(*tracks)
    layout, held = tracks[number]
    found = probe(path, head_s=0.5, max_pixels=1)
    assert (found.audio_track, found.audio_channels) == (number, CHANNELS[layout])
    np.testing.assert_allclose(samples_of(path), *held.values(), atol=1e-4)


def test_where_nothing_is_audible_the_first_track_is_selected_whole(audio):
    path = audio(("stereo", {}), ("mono", {0: NOISE * 1e-3}))
    assert selected(path) == AudioSelection()
    assert not samples_of(path).any()


def test_a_damaged_track_does_not_hide_the_others(audio):
    path = audio(("mono", {0: NOISE}), ("mono", {0: NOISE / 2}))
    assert selected(path).track == 0
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    data = path.read_bytes()
    for packet in packets:
        data = data.replace(packet, bytes(len(packet)), 1)
    path.write_bytes(data)
    assert selected(path).track == 1


def test_one_track_of_one_channel_is_not_decoded_to_select_it(audio):
    with open_media(audio(("mono", {0: NOISE}))) as (container, _):
        selector, track = AudioTrackSelector(container.streams.audio), container.streams.audio[0]
        for packet in container.demux(track):
            selector.add(packet)
        assert not track.codec_context.is_open
        assert selector.selection() == AudioSelection()
