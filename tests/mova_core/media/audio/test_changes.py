"""Audio whose layout or rate changes midway, in real files: one tone goes through it without a seam."""

from fractions import Fraction

import av
import numpy as np
import pytest

from mova_core.media.decode import decode
from mova_core.media.probe import probe

OUT_HZ, TONE_HZ, PIECE_S = 48_000, 440, 2


def packets_of(codec, rate, layout, start_s):
    """Two seconds of the tone, of which a 5.1 layout has it in the centre alone."""
    coder = av.CodecContext.create(codec, "w")
    coder.sample_rate, coder.layout, coder.format = rate, layout, coder.codec.audio_formats[0]
    coder.time_base = Fraction(1, rate)
    coder.open()
    channels, size = coder.layout.nb_channels, coder.frame_size
    time_s = start_s + np.arange(PIECE_S * rate // size * size) / rate
    tone = (0.3 * np.sin(2 * np.pi * TONE_HZ * time_s)).astype(np.float32)
    samples = np.tile(tone, (channels, 1)) if channels < 6 else np.stack([tone * (k == 2) for k in range(channels)])
    convert = av.AudioResampler(format=coder.format, layout=layout, rate=rate)
    for first in range(0, samples.shape[1], size):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[:, first : first + size]), format="fltp", layout=layout
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, first, coder.time_base
        for converted in convert.resample(frame):
            yield from coder.encode(converted)
    yield from coder.encode(None)


def write_changing(path, codec, pieces):
    """Transport stream whose one audio stream consists of pieces of (rate, layout)."""
    with av.open(str(path), "w", format="mpegts") as out:
        stream = out.add_stream(codec, rate=pieces[0][0], layout=pieces[0][1])
        for number, (rate, layout) in enumerate(pieces):
            for packet in packets_of(codec, rate, layout, number * PIECE_S):
                packet.pts = packet.dts = packet.pts + round(number * PIECE_S * rate)
                packet.time_base = Fraction(1, rate)
                packet.stream = stream
                out.mux(packet)
    return path


@pytest.mark.parametrize(
    ("codec", "pieces"),
    [
        ("ac3", [(48_000, "5.1(side)"), (48_000, "stereo")]),
        ("ac3", [(44_100, "stereo"), (48_000, "mono")]),
        ("mp2", [(44_100, "mono"), (48_000, "stereo"), (44_100, "mono")]),
    ],
)
def test_a_tone_goes_on_where_the_audio_changes(tmp_path, codec, pieces):
    path = write_changing(tmp_path / "a.ts", codec, pieces)
    assert probe(path, head_s=0.5, max_pixels=1).audio_rate_hz in {rate for rate, _ in pieces}
    audio = np.concatenate([piece.samples for piece in decode(path, audio_rate_hz=OUT_HZ, video=False)])
    assert len(audio) / OUT_HZ == pytest.approx(len(pieces) * PIECE_S, abs=0.1)
    inner = audio[4800:-9600]
    loudness = np.sqrt(np.square(inner[: len(inner) // 2400 * 2400]).reshape(-1, 2400).mean(axis=1))
    np.testing.assert_allclose(loudness, 0.3 / 2**0.5, rtol=0.25)  # neither silence nor a change of level
