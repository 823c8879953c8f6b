"""What is known of a file's video before it is decoded, and its frames as they are shown."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mova_core.errors import MediaError

if TYPE_CHECKING:
    from mova_core.media.decode import Frame


@dataclass(frozen=True, slots=True)
class Film:
    """The video of a file.

    Args:
        start_s: of its first frame.
        lasts_s: up to the end of the last one.
        fps: on average.
        sample_aspect: width / height of a coded pixel.
        audio_rate_hz: of the audio beside it; None where there is none.
    """

    start_s: float
    lasts_s: float
    fps: float
    sample_aspect: Fraction
    audio_rate_hz: int | None

    def upright(self, frame: "Frame") -> NDArray[np.uint8]:
        """A frame as it is shown, with square pixels: uint8 [H, W, 3]."""
        from PIL import Image

        from mova_core.media.probe import shown_size
        from mova_core.media.video.orientation import orientation_of

        orientation = orientation_of(frame.image)
        shown_size(frame, self.sample_aspect, orientation)
        pixels = frame.rgb()
        if self.sample_aspect != 1:
            size = (round(pixels.shape[1] * self.sample_aspect), pixels.shape[0])
            pixels = np.asarray(Image.fromarray(pixels).resize(size))
        if orientation.hflip:
            pixels = pixels[:, ::-1]
        return np.ascontiguousarray(np.rot90(pixels, orientation.quarter_turns))


def read_film(path: Path) -> Film:
    """Read all packets of a file, but decode none.

    Raises:
        MediaError: it cannot be opened, has no video (`no_video`) or too large frames, or no decoder is there.
    """
    from mova_core.media.container.demux import open_media
    from mova_core.media.decode import check_decoder
    from mova_core.media.image import MAX_PIXELS
    from mova_core.media.probe import check_size, frame_rate
    from mova_core.media.timeline.timeline import read_timeline

    with open_media(path, MAX_PIXELS) as (container, kind):
        timeline = read_timeline(container, kind)
        video, audio = timeline.video_stream(container), timeline.audio_stream(container)
        if video is None or timeline.video is None:
            raise MediaError("no_video", "no video stream with frames in it")
        check_decoder(video)
        check_size(video, MAX_PIXELS)
        fps, _ = frame_rate(timeline)
        track = timeline.video
        return Film(
            track.start_s,
            track.end_s - track.start_s,
            fps,
            Fraction(video.sample_aspect_ratio or 1),
            audio.codec_context.sample_rate if audio is not None and timeline.audio is not None else None,
        )
