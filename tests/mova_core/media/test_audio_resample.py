from fractions import Fraction

import av
import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.audio_resample import PIECE_SAMPLES, RECOVERY_S, AudioResampler
from mova_core.media.lost import Lost
from mova_core.media.timeline.timeline import Timeline

TIMELINE = Timeline(Fraction(0), None, None)


def frame_of(samples, start, rate=8000, layout="mono", format="fltp"):
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(np.atleast_2d(samples)), format=format, layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    return frame


def resampled(frames, rate=8000, codec="aac"):
    resampler = AudioResampler(TIMELINE, rate, codec)
    pieces = [piece for frame in frames for piece in resampler.add(frame)] + list(resampler.end())
    pieces = [piece for piece in pieces if not isinstance(piece, Lost)]
    joined = np.concatenate([piece.samples for piece in pieces])
    starts = np.cumsum([0, *(len(piece.samples) for piece in pieces[:-1])]) / rate + pieces[0].time_s
    np.testing.assert_allclose([piece.time_s for piece in pieces], starts, atol=1e-9)  # gapless
    return pieces[0].time_s, joined


def losses(frames, timeline=TIMELINE):
    resampler = AudioResampler(timeline, 8000, "aac")
    pieces = [piece for frame in frames for piece in resampler.add(frame)] + list(resampler.end())
    return [piece for piece in pieces if isinstance(piece, Lost)]


def test_pieces_join_to_what_went_in():
    noise = np.random.default_rng(1).normal(0, 0.1, 3000).astype(np.float32)
    start_s, joined = resampled([frame_of(noise[:1000], 400), frame_of(noise[1000:], 1400)])
    assert start_s == 0.05
    np.testing.assert_array_equal(joined, noise)


def test_pieces_may_have_any_length():
    noise = np.random.default_rng(2).normal(0, 0.1, 3 * PIECE_SAMPLES + 17).astype(np.float32)
    for length in (100, PIECE_SAMPLES - 1, PIECE_SAMPLES, 2 * PIECE_SAMPLES + 5):
        _, joined = resampled([frame_of(noise[at : at + length], at) for at in range(0, len(noise), length)])
        np.testing.assert_array_equal(joined, noise)


def test_a_gap_becomes_silence_that_is_told_and_an_overlap_is_trimmed():
    ones = np.ones(1000, np.float32)
    frames = [frame_of(ones, 0), frame_of(ones, 1500)]
    _, gap = resampled(frames)
    np.testing.assert_array_equal(gap, np.r_[ones, np.zeros(500), ones])
    (lost,) = losses(frames)
    assert (lost.start_s, lost.end_s, lost.code) == (0.125, 0.125 + 0.0625 + RECOVERY_S, "gap")
    assert lost.reason == "the audio from 0.125 to 0.338 s is lost: nothing was recorded for 0.062 s"
    _, overlap = resampled([frame_of(ones, 0), frame_of(2 * ones, 600)])
    np.testing.assert_array_equal(overlap, np.r_[ones, 2 * ones[:600]])


def test_a_gap_that_a_packet_should_have_filled_is_damage():
    resampler, ones = AudioResampler(TIMELINE, 8000, "aac"), np.ones(1000, np.float32)
    list(resampler.add(frame_of(ones, 0)))
    resampler.note_empty_packet()
    assert not [one for one in resampler.add(frame_of(ones, 1000)) if isinstance(one, Lost)]  # there was none
    resampler.note_empty_packet()
    (lost,) = (one for one in resampler.add(frame_of(ones, 2100)) if isinstance(one, Lost))  # even one of 12 ms
    assert (lost.start_s, lost.code) == (0.25, "decode_error")


def test_a_damaged_packet_is_told_until_the_decoder_is_sound_again():
    resampler, ones = AudioResampler(TIMELINE, 8000, "aac"), np.ones(1000, np.float32)
    list(resampler.add(frame_of(ones, 0)))
    resampler.note_damage("damaged audio at 0.125 s: no header")
    (lost,) = (one for one in resampler.add(frame_of(ones, 1500)) if isinstance(one, Lost))
    assert lost.end_s == 0.125 + 0.0625 + RECOVERY_S and lost.reason.endswith("damaged audio at 0.125 s: no header")
    resampler.note_damage("damaged audio at 0.312 s: cut off")
    *_, last = resampler.end()
    assert isinstance(last, Lost) and last.start_s == 2500 / 8000


def test_audio_of_which_nothing_decodes_is_refused():
    resampler = AudioResampler(TIMELINE, 8000, "aac")
    resampler.note_damage("damaged audio at 0.000 s: no header")
    with pytest.raises(MediaError, match="no header"):
        list(resampler.end())


def test_a_gap_in_a_container_that_has_none_is_damage():
    frames = [frame_of(np.ones(1000, np.float32), start) for start in (0, 2000)]
    (lost,) = losses(frames, Timeline(Fraction(0), None, None, gapless=True))
    assert lost.code == "decode_error" and lost.reason.endswith("damaged audio at 0.125 s: 0.125 s do not decode")


def test_time_stamps_that_jitter_move_nothing():
    ones = np.ones(1000, np.float32)
    _, joined = resampled([frame_of(ones, 0), frame_of(ones, 1100), frame_of(ones, 1900)])
    assert len(joined) == 3000 and joined.all()
    _, vorbis = resampled([frame_of(ones, 0), frame_of(ones, 1300), frame_of(ones, 2000)], codec="vorbis")
    assert len(vorbis) == 3000 and vorbis.all()


@pytest.mark.parametrize(("source", "target"), [(44_100, 16_000), (48_000, 16_000), (8_000, 48_000), (48_000, 44_100)])
def test_resampling_keeps_the_moment_of_a_click_and_the_length(source, target):
    audio = np.zeros(source, np.float32)
    audio[source // 2] = 1
    frames = [frame_of(audio[at : at + 1000], at, source) for at in range(0, source, 1000)]
    _, joined = resampled(frames, target)
    assert abs(len(joined) - target) <= 2
    assert abs(int(np.argmax(np.abs(joined))) - target // 2) <= 1


def test_mono_is_the_mean_of_the_channels_in_every_format():
    left, right = np.full(64, 0.5, np.float32), np.full(64, -0.25, np.float32)
    planar = frame_of(np.stack([left, right]), 0, layout="stereo")
    packed = frame_of((np.stack([left, right], 1).ravel() * 32768).astype(np.int16), 0, layout="stereo", format="s16")
    eight = frame_of((np.stack([left, right], 1).ravel() * 128 + 128).astype(np.uint8), 0, layout="stereo", format="u8")
    for frame in (planar, packed, eight):
        np.testing.assert_allclose(resampled([frame])[1], 0.125, atol=1e-6)


def test_channels_that_come_or_go_are_mixed_as_they_are():
    one, two = np.full(500, 0.5, np.float32), np.stack([np.full(500, 0.5), np.full(500, -0.25)]).astype(np.float32)
    _, joined = resampled([frame_of(one, 0), frame_of(two, 500, layout="stereo"), frame_of(one, 1000)])
    np.testing.assert_array_equal(joined, np.r_[one, np.full(500, 0.125), one].astype(np.float32))


def test_the_half_block_that_ac3_begins_with_is_left_out():
    noise = np.random.default_rng(4).normal(0, 0.1, 3072).astype(np.float32)
    frames = [frame_of(noise[:1536], 4800, 48_000), frame_of(noise[1536:], 6336, 48_000)]
    start_s, joined = resampled(frames, 48_000, codec="ac3")
    assert start_s == (4800 + 256) / 48_000
    np.testing.assert_array_equal(joined, noise[256:])


@pytest.mark.parametrize(("first", "then", "target"), [(48_000, 44_100, 16_000), (44_100, 48_000, 48_000)])
def test_where_the_rate_changes_the_line_goes_on_without_a_seam(first, then, target):
    def tone(rate, start_s, seconds):
        return np.sin(2 * np.pi * 440 * (start_s + np.arange(round(seconds * rate)) / rate)).astype(np.float32)

    frames = [frame_of(tone(first, 0, 1), 0, first), frame_of(tone(then, 1, 1), then, then)]
    frames.append(frame_of(tone(first, 2, 1), 2 * first, first))
    _, joined = resampled(frames, target)
    assert abs(len(joined) - 3 * target) <= 1
    np.testing.assert_allclose(joined[50:-50], tone(target, 0, 3)[50 : len(joined) - 50], atol=0.1)


def test_values_that_are_no_numbers_are_lost():
    frames = [frame_of(np.full(1000, 0.5, np.float32), start) for start in (0, 1000, 2000)]
    frames[1] = frame_of(np.where(np.arange(1000) == 7, np.nan, np.float32(0.5)).astype(np.float32), 1000)
    (lost,) = losses(frames)
    assert (lost.start_s, lost.end_s) == (0.125, 0.125 + RECOVERY_S) and "not numbers" in lost.reason
    assert np.isfinite(resampled(frames)[1]).all()
