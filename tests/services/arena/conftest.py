"""An arena of two contenders and two prompts, with clips on disk."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from mova_core.registry.arena.clips import NewClip, record_clips
from mova_core.registry.database.connection import open_database, writing

PROMPTS = ("a red ball bounces", "a blue cube falls")
CONTENDERS = ("our checkpoint", "another model")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The project's folder."""
    return tmp_path


@pytest.fixture
def engine(empty_registry: Callable[[str], str]) -> Iterator[sa.Engine]:
    """A registry with its tables and no rows."""
    engine = open_database(empty_registry("sqlite"))
    yield engine
    engine.dispose()


@pytest.fixture
def put_clips(engine: sa.Engine, root: Path) -> Callable[[Callable[[Path, int], None]], None]:
    """Function that fills the arena with clips; what writes one is given its path and its number."""

    def put(write: Callable[[Path, int], None]) -> None:
        for place, contender in enumerate(CONTENDERS):
            clips = []
            for number, prompt in enumerate(PROMPTS):
                path = root / f"{place}{number}.mp4"
                write(path, 2 * place + number)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                clips.append(NewClip(prompt, path.name, digest, digest))
            with writing(engine) as session:
                record_clips(session, contender, clips)

    return put
