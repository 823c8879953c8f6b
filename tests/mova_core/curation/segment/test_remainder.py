"""Windows and the intervals outside them fill a source from start to end, whatever is in it."""

from hypothesis import given
from hypothesis import strategies as st

from mova_core.curation.segment.intervals import occupied
from mova_core.curation.segment.remainder import remainder
from mova_core.curation.segment.stage import windows_of
from mova_core.curation.segment.windows import MICRO, TOLERANCE_US
from mova_core.errors import MediaError
from mova_core.geometry import GEOMETRIES

SOURCE = "0123456789abcdef" * 4
GEOMETRY = GEOMETRIES["nano-48"]
seconds = st.integers(0, 30 * MICRO).map(lambda time: time / MICRO)


@st.composite
def findings(draw: st.DrawFn) -> dict:
    """Streams that begin and end anywhere, with shot boundaries and speech anywhere."""
    video, audio = (sorted((draw(seconds), draw(seconds))) for _ in range(2))
    edges = sorted(draw(st.lists(seconds, max_size=12, unique=True)))
    speech = [list(interval) for interval in zip(edges[::2], edges[1::2], strict=False)]
    cuts = sorted(draw(st.lists(seconds, max_size=6, unique=True)))
    return {"video_s": video, "audio_s": audio, "segment": {"cuts_s": cuts, "speech_s": speech}, "lost": []}


@st.composite
def losses(draw: st.DrawFn) -> list[dict]:
    """Stretches of either stream that were lost."""
    lost = []
    for _ in range(draw(st.integers(1, 4))):
        start_s, end_s = sorted((draw(seconds), draw(seconds)))
        stream, code = draw(st.sampled_from(("video", "audio"))), draw(st.sampled_from(("gap", "decode_error")))
        lost.append({"start_s": start_s, "end_s": end_s, "stream": stream, "code": code, "reason": f"{code} of it"})
    return lost


@given(findings(), seconds)
def test_windows_and_intervals_fill_a_source_and_do_not_overlap(found, longer_s):
    duration_s = max(*found["video_s"], *found["audio_s"]) + longer_s
    try:
        windows = windows_of(found, GEOMETRY, 0, SOURCE)
    except MediaError:
        windows = []
    assert windows or not has_room(found)
    rest = list(remainder(found, windows, GEOMETRY, duration_s))
    assert rest == list(remainder(found, windows, GEOMETRY, duration_s))
    intervals = [(round(row["start_s"] * MICRO), round(row["end_s"] * MICRO)) for row in rest]
    taken = occupied((round(row["start_s"] * MICRO) for row in windows), GEOMETRY.duration * MICRO)
    starts, ends = zip(*sorted([*intervals, *taken]), strict=True) if duration_s else ((), (0,))
    assert starts == (0, *ends[:-1])[: len(starts)], "each begins where the one before ends"
    assert 0 <= ends[-1] - round(duration_s * MICRO) <= TOLERANCE_US


@given(findings())
def test_every_interval_says_why_and_only_where_one_stream_is_missing_is_it_long(found):
    try:
        windows = windows_of(found, GEOMETRY, 0, SOURCE)
    except MediaError:
        return
    for row in remainder(found, windows, GEOMETRY, 40.0):
        middle_s = (row["start_s"] + row["end_s"]) / 2
        has_video, has_audio = (found[name][0] <= middle_s <= found[name][1] for name in ("video_s", "audio_s"))
        expected = {
            (True, True): "shorter_than_window",
            (True, False): "video_alone",
            (False, True): "audio_alone",
            (False, False): "neither_stream",
        }
        assert row["reason_code"] == expected[has_video, has_audio] and row["reason"]
        assert row["end_s"] - row["start_s"] < GEOMETRY.duration_s or not (has_video and has_audio)


def has_room(found: dict) -> bool:
    start_s, end_s = (pick(found["video_s"][i], found["audio_s"][i]) for i, pick in enumerate((max, min)))
    return end_s - start_s >= GEOMETRY.duration_s


@given(findings(), losses())
def test_no_window_touches_a_loss_and_what_is_lost_says_so(found, lost):
    found = {**found, "lost": lost}
    try:
        windows = windows_of(found, GEOMETRY, 0, SOURCE)
    except MediaError as error:
        undamaged = {**found, "lost": []}
        assert error.code in {"gap", "decode_error"} or not has_room(undamaged)
        return
    for row in windows:
        assert all(row["end_s"] <= one["start_s"] or one["end_s"] <= row["start_s"] for one in lost)
    duration_s = max(*found["video_s"], *found["audio_s"], *(one["end_s"] for one in lost))
    rest = list(remainder(found, windows, GEOMETRY, duration_s))
    for row in rest:
        middle_s = (row["start_s"] + row["end_s"]) / 2
        causes = {one["code"] for one in lost if one["start_s"] < middle_s < one["end_s"]}
        assert (row["reason_code"] in causes) if causes else (row["reason_code"] not in {"gap", "decode_error"})
    covered = sum(row["end_s"] - row["start_s"] for row in rest)
    taken = occupied((round(row["start_s"] * MICRO) for row in windows), GEOMETRY.duration * MICRO)
    assert abs(covered + sum(end - start for start, end in taken) / MICRO - duration_s) < 2e-3
