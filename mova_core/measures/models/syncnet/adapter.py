"""LSE-D and LSE-C of a clip by SyncNet, with weights that the user brings.

The package syncnet-python of the registry needs files that are unpickled and a tracker of its own, and downloads its
weights: the network is this project's, with the names and shapes of the published weights.
Weights, one safetensors file: the state_dict of `syncnet_v2.model`, and that of `sfd_face.pth`, the face detector of
the same project, with `s3fd.` before its names (joonson/syncnet_python, `download_model.sh`).
Several faces: the mean over their tracks, as Wav2Lip's scripts average. Crops are not compressed in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from mova_core.measures.clip import Clip, Measures, Unavailable
from mova_core.measures.models.inputs import frame_numbers, why_unusable
from mova_core.measures.models.syncnet.face_tracks import (
    DETECTIONS_OVER,
    FACE_OVER_PX,
    FaceTrack,
    Frames,
    crops,
    face_tracks,
    shots_of,
)
from mova_core.measures.models.syncnet.windows import (
    FPS,
    RATE_HZ,
    SAMPLES_PER_FRAME,
    WINDOW_FRAMES,
    LipSync,
    audio_windows,
    lip_sync,
    window_count,
)
from mova_core.measures.models.weights_file import Published, check_weights, load_network
from mova_core.media.audio.resample import resample

if TYPE_CHECKING:
    from torch import Tensor

    from mova_core.measures.models.syncnet.network import SyncNet

PUBLISHED = Published(
    "syncnet", "the state_dict of joonson/syncnet_python's syncnet_v2.model, and that of its sfd_face.pth under s3fd."
)
NO_TRACK = f"no face track: no face over {FACE_OVER_PX} px in over {DETECTIONS_OVER} frames at {FPS:g} fps"


class LipNetwork(Protocol):
    """What embeds lips and speech."""

    def video_features(self, frames: "Tensor") -> "Tensor":
        """Embeddings [F - 4, D] of frames BGR, 0..255, float32 [F, 3, 224, 224]."""

    def audio_features(self, windows: "Tensor") -> "Tensor":
        """Embeddings [N, D] of MFCC windows [N, 1, 13, 20]."""


class Detector(Protocol):
    """What finds faces."""

    def detect(self, frame: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Boxes [N, 4] of the faces of one frame, RGB [H, W, 3]."""


@dataclass(frozen=True, slots=True)
class LipSyncMeasure:
    """The adapter: `lse_d` and `lse_c` of a clip."""

    network: LipNetwork
    detector: Detector

    def __call__(self, clip: Clip) -> Measures:
        """LSE-D and LSE-C, unavailable for silence and where no face is followed for over 4 s."""
        if reason := why_unusable(clip):
            return _unavailable(reason)
        tracks = self.tracks(clip)
        if not tracks:
            return _unavailable(NO_TRACK)
        found = [each for each in tracks if each is not None]
        if not found:
            return _unavailable("its audio ends before a face track has a window")
        return {
            "lse_d": float(np.mean([each.distance for each in found])),
            "lse_c": float(np.mean([each.confidence for each in found])),
        }

    def tracks(self, clip: Clip) -> Sequence[LipSync | None]:
        """How each face that is followed goes with the audio; None where there is no audio for it."""
        import torch

        from mova_core.model.single_thread import single_thread

        shown = frame_numbers(len(clip.frames), clip.fps, FPS)
        if len(shown) <= DETECTIONS_OVER:
            return []
        frames = [clip.frames[number] for number in shown]
        audio = resample(clip.audio, clip.rate_hz, RATE_HZ)
        with single_thread(), torch.inference_mode():
            faces = {number: self.detector.detect(clip.frames[number]) for number in dict.fromkeys(shown)}
            detections = [faces[number] for number in shown]
            return [self._track(frames, audio, each) for each in face_tracks(detections, shots_of(frames))]

    def _track(self, frames: Frames, audio: NDArray[np.float32], track: FaceTrack) -> LipSync | None:
        import torch

        speech = audio[track.start * SAMPLES_PER_FRAME : track.stop * SAMPLES_PER_FRAME]
        count = window_count(track.stop - track.start, len(speech))
        if not count:
            return None
        faces = crops(frames, track)[: count + WINDOW_FRAMES - 1, :, :, ::-1]  # BGR
        video = torch.from_numpy(np.ascontiguousarray(faces)).permute(0, 3, 1, 2).float()
        return lip_sync(self.network.video_features(video), self.network.audio_features(audio_windows(speech, count)))


def check(path: Path) -> None:
    """Whether a file holds weights of SyncNet and of its face detector, by its header alone.

    Raises:
        UsageError: it does not.
    """
    check_weights(path, _network, PUBLISHED)


def load(path: Path) -> LipSyncMeasure:
    """The adapter with weights that were checked."""
    network = load_network(path, _network)
    return LipSyncMeasure(network, network.s3fd)


def _network() -> "SyncNet":
    from mova_core.measures.models.syncnet.network import SyncNet

    return SyncNet()


def _unavailable(reason: str) -> Measures:
    return {"lse_d": Unavailable(reason), "lse_c": Unavailable(reason)}
