"""DER: known answers for each kind of error, speakers by any name, overlap scored."""

import pytest

from mova_core.speech.diarization_error import DiarizationErrors, diarization_errors
from mova_core.speech.turns import Turn

REFERENCE = (Turn(0.0, 4.0, "A"), Turn(3.0, 6.0, "B"))  # 7 s of speech, 1 s of both


def test_names_do_not_matter():
    found = diarization_errors(REFERENCE, (Turn(0.0, 4.0, "2"), Turn(3.0, 6.0, "1")), 8.0)
    assert found.errors_s == 0 and found.reference_s == pytest.approx(7.0) and found.rate == 0.0


@pytest.mark.parametrize(
    ("hypothesis", "expected"),
    [
        ((), DiarizationErrors(0, 7, 0, 7)),
        ((Turn(0, 4, "x"), Turn(4, 6, "y")), DiarizationErrors(0, 1, 0, 7)),  # overlap is scored
        ((Turn(0, 4, "x"), Turn(3, 6, "y"), Turn(6, 7.5, "y")), DiarizationErrors(1.5, 0, 0, 7)),
        ((Turn(0, 6, "x"), Turn(3, 4, "y")), DiarizationErrors(0, 0, 2, 7)),
        ((Turn(0, 4, "x"), Turn(3, 9, "y")), DiarizationErrors(2, 0, 0, 7)),  # what is outside the clip is not
    ],
)
def test_each_kind_of_error(hypothesis, expected):
    found = diarization_errors(REFERENCE, hypothesis, 8.0)
    for name in ("false_alarm_s", "missed_s", "confusion_s", "reference_s"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name)), name


def test_a_collar_lies_on_each_side_of_a_boundary():
    reference, late = (Turn(1.0, 5.0, "A"),), (Turn(1.2, 5.0, "A"),)
    assert diarization_errors(reference, late, 8.0).missed_s == pytest.approx(0.2)
    within = diarization_errors(reference, late, 8.0, collar_s=0.25)
    assert within.errors_s == pytest.approx(0.0) and within.reference_s == pytest.approx(3.5)


def test_where_nobody_speaks_there_is_no_rate():
    found = diarization_errors((), (Turn(1.0, 2.0, "A"),), 8.0)
    assert found.rate is None and found.false_alarm_s == pytest.approx(1.0)
    assert (found + diarization_errors(REFERENCE, REFERENCE, 8.0)).rate == pytest.approx(1 / 7)
