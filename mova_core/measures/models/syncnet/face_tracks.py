"""Faces followed through a clip, and cut out as SyncNet was trained on them.

Detections in consecutive frames that overlap by more than half are one track, over gaps of up to 25 frames, which are
filled in linearly. Tracks of up to 100 detections, and of faces that are no larger than 100 px, are dropped. Tracks do
not cross shot boundaries. A crop is a square around the smoothed box with room at the sides and below.
Source: joonson/syncnet_python, `run_pipeline.py`, with its defaults.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FPS = 25.0
SIDE_PX = 224
LEAST_OVERLAP = 0.5  # intersection over union
LONGEST_GAP = 25  # frames
DETECTIONS_OVER = 100
FACE_OVER_PX = 100
ROOM = 0.40  # of half a box, on each side
SMOOTHING = 13  # frames of the median filter
GRAY = 110  # beyond the frame's edges
SHOT_WIDTH_PX = 256  # of the frames that shots are told by

Boxes = NDArray[np.floating]
Frames = Sequence[NDArray[np.uint8]]  # RGB [H, W, 3]


@dataclass(frozen=True, slots=True)
class FaceTrack:
    """One face in consecutive frames.

    Args:
        start: number of its first frame.
        boxes: left, top, right, bottom in pixels [F, 4], one a frame.
    """

    start: int
    boxes: Boxes

    @property
    def stop(self) -> int:
        """Number of the frame after its last one."""
        return self.start + len(self.boxes)


def face_tracks(detections: Sequence[Boxes], shots: Sequence[range]) -> list[FaceTrack]:
    """Tracks of all faces.

    Args:
        detections: boxes [N, 4] of each frame at 25 fps.
        shots: frame numbers of each shot.
    """
    return [track for shot in shots if len(shot) >= DETECTIONS_OVER for track in _in_shot(detections, shot)]


def _in_shot(detections: Sequence[Boxes], shot: range) -> list[FaceTrack]:
    left = {number: list(detections[number]) for number in shot}
    tracks = []
    while any(left.values()):
        numbers, boxes = _follow(left)
        if len(numbers) > DETECTIONS_OVER:
            track = _filled(numbers, boxes)
            if np.ptp(track.boxes.reshape(-1, 2, 2), axis=1).mean(axis=0).max() > FACE_OVER_PX:
                tracks.append(track)
    return tracks


def _follow(left: dict[int, list[Boxes]]) -> tuple[list[int], list[Boxes]]:
    """Take the first face that is left, and its course, out of `left`."""
    numbers: list[int] = []
    boxes: list[Boxes] = []
    for number, faces in left.items():
        if numbers and number - numbers[-1] > LONGEST_GAP:
            break
        for index, box in enumerate(faces):
            if not boxes or overlap(box, boxes[-1]) > LEAST_OVERLAP:
                numbers.append(number)
                boxes.append(faces.pop(index))
                break
    return numbers, boxes


def overlap(one: Boxes, other: Boxes) -> float:
    """Intersection over union of two boxes [4]."""
    corner, far = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = np.clip(far - corner, 0, None).prod()
    areas = sum((box[2:] - box[:2]).prod() for box in (one, other))
    return float(shared / (areas - shared))


def _filled(numbers: list[int], boxes: list[Boxes]) -> FaceTrack:
    every = np.arange(numbers[0], numbers[-1] + 1)
    sides = [np.interp(every, numbers, side) for side in np.array(boxes).T]
    return FaceTrack(numbers[0], np.stack(sides, axis=1))


def crops(frames: Frames, track: FaceTrack) -> NDArray[np.uint8]:
    """The face of a track in each of its frames, RGB [F, 224, 224, 3].

    Args:
        frames: of the whole clip at 25 fps.
        track: a track of it.
    """
    import cv2
    from scipy.signal import medfilt

    corner, far = track.boxes[:, :2], track.boxes[:, 2:]
    half = medfilt((far - corner).max(axis=1) / 2, SMOOTHING)
    center_x, center_y = (medfilt(each, SMOOTHING) for each in ((corner + far) / 2).T)
    cut = [
        _cut(frame, *place)
        for frame, *place in zip(frames[track.start : track.stop], center_x, center_y, half, strict=True)
    ]
    return np.stack([cv2.resize(face, (SIDE_PX, SIDE_PX)) for face in cut])


def _cut(frame: NDArray[np.uint8], center_x: float, center_y: float, half: float) -> NDArray[np.uint8]:
    border = int(half * (1 + 2 * ROOM))
    padded = np.pad(frame, ((border, border), (border, border), (0, 0)), constant_values=GRAY)
    x, y = center_x + border, center_y + border
    rows = slice(int(y - half), int(y + half * (1 + 2 * ROOM)))
    return padded[rows, int(x - half * (1 + ROOM)) : int(x + half * (1 + ROOM))]


def shots_of(frames: Frames) -> list[range]:
    """Frame numbers of each shot of frames at 25 fps, by PySceneDetect's content detector."""
    import cv2
    from scenedetect import FrameTimecode
    from scenedetect.detectors import ContentDetector

    detector = ContentDetector()
    scale = min(1.0, SHOT_WIDTH_PX / frames[0].shape[1])
    cuts: list[FrameTimecode] = []
    for number, frame in enumerate(frames):
        small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cuts += detector.process_frame(FrameTimecode(number, FPS), cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    starts = [0, *(cut.frame_num for cut in cuts)]
    return [range(start, stop) for start, stop in zip(starts, [*starts[1:], len(frames)], strict=True)]
