"""A part of a file is followed through copies of copies, and no further."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from mova_core.registry.database.connection import reading, writing
from mova_core.registry.database.footage_tables import NearDuplicate, Source
from mova_core.registry.footage.shared_footage import shared_footage

FILE, COPY, COPY_OF_COPY, COMPILATION, STRANGER = range(1, 6)
ID = "{:064d}".format


@pytest.fixture
def shared(engine: sa.Engine) -> Callable[[int], dict[str, float]]:
    """Function that gives what a file shares, of files that hold parts of each other."""
    intervals = [  # (source, kept, start_s, kept_start_s, end_s)
        (COPY, FILE, 10.0, 0.0, 20.0),
        (COPY_OF_COPY, COPY, 0.0, 10.0, 5.0),  # of the file's 0 to 5 s
        (COPY_OF_COPY, COPY, 7.0, 3.0, 9.0),  # of what the copy has before the file begins
        (COMPILATION, FILE, 0.0, 2.0, 4.0),
        (COMPILATION, STRANGER, 4.0, 0.0, 9.0),
    ]
    with writing(engine) as session:
        session.add_all(Source(source_key=key, source_id=ID(key)) for key in range(1, 6))
        session.flush()
        for source, kept, start_s, kept_start_s, end_s in intervals:
            times = {"start_s": start_s, "kept_start_s": kept_start_s, "end_s": end_s}
            session.add(NearDuplicate(source_key=source, kept_key=kept, is_copy=True, **times))

    def seconds(key: int) -> dict[str, float]:
        with reading(engine) as session:
            return {str(int(one)): value for one, value in shared_footage(session, ID(key)).items()}

    return seconds


def test_copies_of_copies_hold_it_and_what_lies_beside_it_in_a_compilation_does_not(
    shared: Callable[[int], dict[str, float]],
) -> None:
    assert shared(FILE) == {"2": 10.0, "3": 5.0, "4": 4.0}


def test_whatever_file_is_asked_for(shared: Callable[[int], dict[str, float]]) -> None:
    assert shared(STRANGER) == {"4": 5.0}
    assert shared(COMPILATION) == {"5": 5.0, "1": 4.0, "2": 4.0, "3": 3.0}  # 2 to 5 s of the file, of 2 to 6
    assert shared(99) == {}
