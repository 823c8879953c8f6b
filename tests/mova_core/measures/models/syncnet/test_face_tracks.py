"""Faces are followed by overlap within shots, and cut out with the published room around them."""

import numpy as np
import pytest

from mova_core.measures.models.syncnet.face_tracks import FaceTrack, crops, face_tracks, overlap, shots_of

FRAMES = 180


def course(start_x, speed, side=120.0, top=40.0):
    """Boxes [FRAMES, 4] of a face that moves sideways."""
    left = start_x + speed * np.arange(FRAMES)
    return np.stack([left, np.full(FRAMES, top), left + side, np.full(FRAMES, top + side)], axis=1)


def detected(*courses, missing=()):
    """Boxes of each frame, the faces in an order that changes."""
    found = [np.stack([boxes[number] for boxes in courses])[:: (-1) ** number] for number in range(FRAMES)]
    return [found[number] if number not in missing else np.empty((0, 4)) for number in range(FRAMES)]


def test_each_face_is_one_track_in_whatever_order_it_is_found():
    courses = course(0, 2), course(900, -2)
    tracks = face_tracks(detected(*courses), [range(FRAMES)])
    assert [(track.start, track.stop) for track in tracks] == [(0, FRAMES)] * 2
    for track, boxes in zip(tracks, courses, strict=True):
        np.testing.assert_allclose(track.boxes, boxes)


@pytest.mark.parametrize(("missing", "found"), [(range(60, 84), 1), (range(60, 86), 1), (range(80, 106), 0)])
def test_gaps_of_up_to_25_frames_are_filled_in(missing, found):
    """After a longer gap a new track begins: frames 86 to 179 are too few for one, as are 0 to 79."""
    tracks = face_tracks(detected(course(0, 1), missing=missing), [range(FRAMES)])
    if len(missing) < 25:
        assert (tracks[0].start, tracks[0].stop) == (0, FRAMES)
        np.testing.assert_allclose(tracks[0].boxes, course(0, 1))
    else:
        assert not tracks


def test_small_faces_short_tracks_and_cuts():
    assert not face_tracks(detected(course(0, 1, side=100)), [range(FRAMES)])
    assert face_tracks(detected(course(0, 1, side=101)), [range(FRAMES)])
    assert not face_tracks(detected(course(0, 1)), [range(90), range(90, FRAMES)])
    assert not face_tracks(detected(course(0, 1)), [range(80), range(80, FRAMES)])  # 100 detections
    [track] = face_tracks(detected(course(0, 1)), [range(79), range(79, FRAMES)])
    assert (track.start, track.stop) == (79, FRAMES)
    assert not face_tracks(detected(course(0, 80)), [range(FRAMES)])  # too far from one frame to the next


def test_overlap_is_intersection_over_union():
    box = np.array([0.0, 0, 10, 10])
    assert overlap(box, box) == 1
    assert overlap(box, box + np.array([5, 0, 5, 0])) == pytest.approx(50 / 150)
    assert overlap(box, box + 20) == 0


def test_a_crop_has_room_at_the_sides_and_below():
    """2.8 halves of the box wide and high: 1 above the center and 1.8 below, 1.4 to either side."""
    box = np.array([100.0, 60, 200, 160])
    frames = np.zeros((20, 300, 400, 3), np.uint8)
    frames[:, 60:160, 100:200] = 255
    faces = crops(frames, FaceTrack(0, np.tile(box, (20, 1))))
    assert faces.shape == (20, 224, 224, 3)
    middle = faces[10, :, :, 0]
    assert middle[1:158, 34:190].min() == 255 and middle[163:].max() == 0
    assert middle[:, :30].max() == 0 and middle[:, 194:].max() == 0


def test_beyond_the_edges_a_crop_is_gray():
    corner = np.array([-20.0, -20, 100, 100])
    face = crops(np.zeros((20, 200, 200, 3), np.uint8), FaceTrack(0, np.tile(corner, (20, 1))))[10]
    assert (face[:20] == 110).all() and face[60:, 100:].max() == 0


def test_a_jump_of_one_detection_is_smoothed_away():
    boxes = np.tile(np.array([100.0, 60, 200, 160]), (30, 1))
    jump = boxes.copy()
    jump[15] += 30
    frames = np.random.default_rng(0).integers(0, 255, (30, 300, 400, 3)).astype(np.uint8)
    np.testing.assert_array_equal(crops(frames, FaceTrack(0, jump)), crops(frames, FaceTrack(0, boxes)))


def test_shots_begin_where_the_content_changes():
    colors = np.repeat(np.array([[220, 220, 200], [20, 10, 60]], np.uint8), [40, 60], axis=0)
    frames = colors[:, None, None].repeat(36, axis=1).repeat(64, axis=2)
    assert shots_of(frames) == [range(40), range(40, 100)]
    assert shots_of(frames[:40]) == [range(40)]
