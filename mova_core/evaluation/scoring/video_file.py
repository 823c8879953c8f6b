"""A video file as the clip that metrics see: frames upright at their own size, audio from the first frame on."""

from pathlib import Path

import numpy as np

from mova_core.errors import MediaError
from mova_core.measures.clip import Asked, Clip
from mova_core.media.film import read_film

LONGEST_S = 60.0
MOST_BYTES = 2 * 2**30  # of decoded frames
SHOWN_RATE_HZ = 16_000  # of a clip without audio, which has no rate of its own


def read_video(path: Path, asked: Asked) -> Clip:
    """Decode a file whole.

    Args:
        path: any container with a video; a file without audio is a clip of no samples.
        asked: what it was asked to be.

    Raises:
        MediaError: it cannot be decoded, or is longer or larger than what is measured as one clip (`too_long`,
            `too_large`).
    """
    from mova_core.media.audio_resample import AudioChunk
    from mova_core.media.decode import decode_whole

    film = read_film(path)
    if film.lasts_s > LONGEST_S:
        raise MediaError("too_long", f"it lasts {film.lasts_s:.0f} s, a clip to measure {LONGEST_S:g} s at most")
    frames, chunks, held = [], list[AudioChunk](), 0
    for piece in decode_whole(path, audio_rate_hz=film.audio_rate_hz):
        if isinstance(piece, AudioChunk):
            chunks.append(piece)
            continue
        frames.append(film.upright(piece))
        held += frames[-1].nbytes
        if held > MOST_BYTES:
            raise MediaError("too_large", f"its frames have over {MOST_BYTES >> 30} GiB, more than a clip to measure")
    rate_hz = film.audio_rate_hz or SHOWN_RATE_HZ
    audio = np.concatenate([np.zeros(0, np.float32), *(chunk.samples for chunk in chunks)])
    late = round((chunks[0].time_s - film.start_s) * rate_hz) if chunks else 0
    audio = np.pad(audio, (late, 0)) if late > 0 else audio[-late:]
    return Clip(np.stack(frames), audio, film.fps, rate_hz, asked=asked)
