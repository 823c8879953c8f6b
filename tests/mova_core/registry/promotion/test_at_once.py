"""Many processes promote at once, on both databases: one wins, the history is one line, clocks do not matter."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mova_core.evaluation.promote import promote
from mova_core.registry.aliases import get_alias
from mova_core.registry.database.connection import reading
from mova_core.registry.database.tables import Promotion
from mova_core.registry.promotion.log import check_chain

PROCESSES = 32
SCRIPT = Path(__file__).with_name("promote_at_once.py")


def test_of_32_processes_one_wins_and_each_promotion_follows_the_one_before(
    engine: sa.Engine, registry_url: str, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    rivals = ["rival-a", "rival-b", "rival-c"]
    for seed, alias in enumerate(["production", *rivals]):
        project.candidate(seed)
        promote(engine, "models/phase1", alias)
    engine.dispose()
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    for expected in range(1, 3):  # the second time against the first winner
        command = [sys.executable, str(SCRIPT), registry_url, str(PROCESSES), *rivals]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=600)
        fared = json.loads(done.stdout)
        assert len(fared) == PROCESSES and fared.count("promoted") == 1
        lost = [said for said in fared if said not in ("promoted", "unchanged")]
        assert len(lost) >= PROCESSES // 2 and all("somebody moved it meanwhile" in said for said in lost)
        with reading(engine) as session:
            query = sa.select(Promotion).where(Promotion.alias == "production").order_by(Promotion.event_id)
            events = session.scalars(query).all()
            assert len(events) == 1 + expected
            assert [event.champion_id for event in events] == [None, *(event.checkpoint_id for event in events[:-1])]
            assert get_alias(session, "production") == events[-1].checkpoint_id
            check_chain(session)
