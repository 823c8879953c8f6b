"""Each expectation of `sources` can fail, and fails alone or with those that follow from it."""

import pytest

WHY = "every rejected file has a reason"
DESCRIBED = "every accepted file is fully described"
FATE = "every file is either accepted or among the rejects, not both"
HALF = "at least half of the files are accepted"

TABLE = "sources"
SPOILED = [
    ({"path": "../b.mp4"}, {"path stays inside the footage folder for every file"}),
    ({"path": "x/../../b.mp4"}, {"path stays inside the footage folder for every file"}),
    ({"path": "/etc/b.mp4"}, {"path stays inside the footage folder for every file"}),
    ({"path": "short.mp4"}, {"no two files share a path"}),
    ({"source_id": "XYZ"}, {"source id is 64 hexadecimal digits for every file"}),
    ({"verdict": "maybe"}, {"verdict is accepted or rejected for every file"}),
    ({"verdict": "rejected"}, {FATE, WHY}),
    ({"reason_code": "odd"}, {"reason code is empty for every accepted file"}),
    ({"fps": None}, {DESCRIBED}),
    ({"container": " "}, {DESCRIBED}),
    ({"kind": "text"}, {"kind is video or audio for every file"}),
    ({"bytes": 0}, {"bytes > 0 among accepted files"}),
    ({"bytes": -1}, {"bytes > 0 among accepted files", "bytes at least 0 for every file"}),
    ({"duration_s": float("inf")}, {"duration (s) from 0.001 to 604800 for every file"}),
    ({"width_px": 0}, {"width (px) from 1 to 65535 for every file"}),
    ({"height_px": -2}, {"height (px) from 1 to 65535 for every file"}),
    ({"display_aspect": 1000.0}, {"display aspect from 0.05 to 20 for every file"}),
    ({"rotation_deg": 45}, {"rotation (degrees) is 0, 90, 180 or 270 for every file"}),
    ({"fps": 90_000.0}, {"fps from 0.5 to 1000 for every file"}),
    ({"audio_rate_hz": 44}, {"audio rate (Hz) from 1000 to 768000 for every file"}),
    ({"audio_channels": 0}, {"audio channels from 1 to 128 for every file"}),
    ({"audio_track": 500}, {"audio track from 0 to 127 for every file"}),
    ({"audio_minus_video_start_s": 1e9}, {"audio minus video start (s) from -604800 to 604800 for every file"}),
    ({"rights": None}, {"rights is known for every accepted file"}),
]
COPY = {"no two accepted files share a source id"}
NONE_ACCEPTED = {"there is at least one accepted file", HALF, FATE, WHY}
EMPTY = {"there is at least one file", "there is at least one accepted file", HALF}


def test_a_good_table_holds(failing):
    assert failing("sources") == set()


def test_every_expectation_can_fail(sentences):
    assert sentences("sources") <= set.union(*(told for _, told in SPOILED), COPY, NONE_ACCEPTED, EMPTY)


@pytest.mark.parametrize(("case", "spoiled"), list(enumerate(SPOILED)))
def test_a_spoiled_row_is_told(told, case, spoiled):
    assert told[case] == spoiled[1]


def test_a_copy_must_be_rejected(world, failing):
    world.rows["sources"][1]["source_id"] = world.rows["sources"][0]["source_id"]
    assert failing("sources") == COPY


def test_one_file_must_be_accepted(world, failing):
    for row in world.rows["sources"]:
        row["verdict"] = "rejected"
    assert failing("sources") == NONE_ACCEPTED


def test_an_empty_table_is_broken(world, failing):
    world.rows["sources"], world.rejects["ingest"] = [], []
    assert failing("sources") == EMPTY


def test_an_accepted_file_among_the_rejects_is_told(world, failing):
    world.rejects["ingest"].append(world.rejects["ingest"][0] | {"id": "00.mp4"})
    assert failing("sources") == {FATE}


def test_audio_alone_needs_no_columns_of_a_video(world, failing):
    of_video = ("width_px", "height_px", "display_aspect", "rotation_deg", "hflip", "fps", "is_vfr", "video_codec")
    row = world.rows["sources"][0]
    row |= {"kind": "audio", **dict.fromkeys((*of_video, "audio_minus_video_start_s"))}
    assert failing("sources") == set()
    row["audio_rate_hz"] = None
    assert failing("sources") == {DESCRIBED}
