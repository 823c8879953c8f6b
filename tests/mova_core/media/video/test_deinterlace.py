"""Interlaced frames lose their combs and keep their moment; all others keep every pixel."""

import av
import numpy as np
import pytest

from mova_core.media.decode import Frame, decode
from mova_core.media.encode import write_media
from mova_core.media.video.deinterlace import Deinterlacer

HEIGHT, WIDTH, IMAGES, FPS = 64, 128, 20, 25
INTERLACED = {
    "h264": {"video_options": {"x264-params": "mbtree=0:interlaced=1"}, "crf": 4},
    "mpeg2": {
        "container": "mpegts",
        "video_codec": "mpeg2video",
        "audio_codec": "mp2",
        "crf": None,
        "video_options": {"flags": "+ilme+ildct", "qmin": "1", "qmax": "2"},
    },
}
"""Both write the lower field first."""


def moment(field: int) -> np.ndarray:
    """A bright bar over stripes, 2 px further in each field."""
    image = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    image[:, 8 + 2 * field : 24 + 2 * field] = 220
    return image


def woven(number: int) -> np.ndarray:
    image = moment(2 * number + 1)  # its upper lines are the later ones
    image[1::2] = moment(2 * number)[1::2]
    return image


def written(path, images, **made):
    write_media(path, images, FPS, np.zeros(len(images) * 48_000 // FPS, np.float32), 48_000, **made)
    return [piece for piece in decode(path, audio_rate_hz=None) if isinstance(piece, Frame)]


def green(frame: Frame) -> np.ndarray:
    return frame.rgb()[..., 1].astype(int)


@pytest.mark.parametrize("made", INTERLACED.values(), ids=INTERLACED)
def test_of_two_moments_the_first_stays_without_a_comb(tmp_path, made):
    frames = written(tmp_path / "a.bin", [woven(number) for number in range(IMAGES)], **made)
    times_s = np.array([frame.time_s for frame in frames])
    assert len(frames) == IMAGES
    np.testing.assert_allclose(times_s - times_s[0], np.arange(IMAGES) / FPS, atol=1e-6)
    assert np.abs(np.diff(woven(3)[..., 1].astype(int), axis=0)).mean() > 5
    for number, frame in enumerate(frames[1:], start=1):  # the first has no frame before it to look back at
        assert np.abs(np.diff(green(frame), axis=0)).mean() < 0.1, number
        assert np.abs(green(frame) - moment(2 * number)[..., 1]).mean() < 2, number
        assert not frame.image.interlaced_frame


def test_a_wrong_flag_costs_what_stands_still_nothing(tmp_path):
    stripes = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
    stripes[::4] = 200
    made = {"video_options": {"x264-params": "mbtree=0:fake-interlaced=1"}, "crf": 4}
    for frame in written(tmp_path / "a.mp4", [stripes] * IMAGES, **made)[1:-1]:
        assert np.abs(green(frame) - stripes[..., 1]).mean() < 2


def test_frames_without_the_flag_are_not_touched(tmp_path):
    path = tmp_path / "a.mp4"
    write_media(path, [woven(number) for number in range(5)], FPS, None, 48_000)
    with av.open(str(path)) as container:
        images = list(container.decode(video=0))
    deinterlacer = Deinterlacer()
    for time_s, image in enumerate(images):
        [(same_time_s, same)] = deinterlacer.push(time_s, image)
        assert same_time_s == time_s and same is image
    assert list(deinterlacer.end()) == []
