"""Reading stored clips: only what keeps every sample is one."""

import numpy as np
import pytest

from mova_core.errors import MediaError
from mova_core.media.encode import write_media
from mova_core.media.read_clip import read_clip


def test_sound_that_is_not_exact_is_refused_rather_than_read_as_silence(tmp_path):
    path = tmp_path / "clip.mp4"
    frames = np.zeros((3, 16, 16, 3), np.uint8)
    tone = np.sin(np.arange(3000, dtype=np.float32))
    write_media(path, frames, 16, tone, 16000, audio_codec="aac")
    with pytest.raises(MediaError, match="holds sound as fltp, expected FLAC"):
        read_clip(path)
