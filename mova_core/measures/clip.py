"""One clip as measures and metrics see it: decoded once, what several of them need computed once.

Frames are RGB uint8 [F, H, W, 3], audio mono float32 [S] in -1..1, times seconds from the clip's start.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mova_core.measures import video
from mova_core.media.clip_file import read_clip
from mova_core.speech.transcript import Transcript

Feature = TypeVar("Feature")


@dataclass(frozen=True, slots=True)
class Unavailable:
    """In place of a measure of one clip: why there is none. It becomes null, and the reason stands beside it.

    Args:
        reason: one sentence.
        passing: whether it may be gone at the next try, such as an endpoint that does not answer: not worth keeping.
    """

    reason: str
    passing: bool = False


Measures = Mapping[str, "float | Unavailable | None"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a generated clip was asked to be; what is not known is None.

    Args:
        prompt: the text it was generated from.
        label: its class, a key of `synthetic.world.KINDS`.
        audio_label: the class of its audio, where that is another than `label`.
        set: of the suite, such as `set1` of verse-bench.
        speech: what should be said, by whom and in which language, and when where that is known.
        on_screen_text: texts that its video should show; () where the suite names none, whatever a prompt quotes.
    """

    prompt: str | None = None
    label: str | None = None
    audio_label: str | None = None
    set: str | None = None
    speech: Transcript | None = None
    on_screen_text: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Clip:
    """One clip.

    Args:
        frames: RGB, bars and all.
        audio: mono.
        fps: frames per second.
        rate_hz: samples per second.
        speech_share: share of the clip that lies in speech; None = not known.
        asked: what it was asked to be.
        transcript: who says what in it, where somebody has written that down; None: a model is asked.
    """

    frames: NDArray[np.uint8]
    audio: NDArray[np.float32]
    fps: float
    rate_hz: int
    speech_share: float | None = None
    asked: Asked = Asked()
    transcript: Transcript | None = None
    _features: dict[Callable[["Clip"], Any], Any] = field(init=False, default_factory=dict, repr=False)

    @classmethod
    def read(cls, encoded: bytes, clip: Mapping[str, Any]) -> "Clip":
        """Decode a stored clip.

        Args:
            encoded: its mp4.
            clip: its row of table `clips`, with its `speech_share`.

        Raises:
            MediaError: it cannot be decoded.
        """
        frames, audio = read_clip(encoded)
        return cls(frames, audio, clip["fps"], clip["audio_rate_hz"], clip.get("speech_share"))

    def get(self, feature: Callable[["Clip"], Feature]) -> Feature:
        """What `feature` finds in this clip; it is called once a clip."""
        if feature not in self._features:
            self._features[feature] = feature(self)
        found: Feature = self._features[feature]
        return found

    @cached_property
    def gray(self) -> NDArray[np.uint8]:
        """Brightness [F, H, W] without the clip's black bars."""
        return video.without_bars(video.luma(self.frames))

    @cached_property
    def flow(self) -> Any:
        """`optical_flow.Flow` of the clip, for all who go by movement."""
        from mova_core.measures.optical_flow import optical_flow

        return optical_flow(self.gray, self.fps)
