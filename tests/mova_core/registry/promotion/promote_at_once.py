"""Promotes from many processes at once: `python promote_at_once.py URL PROCESSES CANDIDATE…`, in a project's folder.

All judge their candidate against the same champion, with clocks up to an hour apart, wait for each other, and then
carry out what they decided. Prints how each fared, as JSON.
"""

import json
import multiprocessing
import sys
import time
from pathlib import Path
from typing import Any

from mova_core.evaluation.promotion.judge import Contest, judge
from mova_core.params import load_params
from mova_core.registry.database.connection import opened_database, reading
from mova_core.registry.promotion.promotion import carry_out

ALIAS = "production"
WAIT_S = 300.0
CLOCKS_S = (-3600.0, 0.0, 3600.0)


def run(url: str, candidate: str, clock_s: float, judged: Any, fared: Any) -> None:
    """One process."""
    now = time.time
    time.time = lambda: now() + clock_s
    try:
        with opened_database(url) as engine:
            with reading(engine) as session:
                decision = judge(session, Contest(candidate, ALIAS, load_params(Path("params.yaml"))))
            judged.wait(timeout=WAIT_S)  # else one that failed before would hold up all others
            carry_out(engine, decision)
        fared.put(decision.outcome)
    except Exception as error:
        fared.put(f"{type(error).__name__}: {error}")


def main(url: str, processes: int, candidates: list[str]) -> None:
    """All of them."""
    context = multiprocessing.get_context("fork")  # what is imported is imported once
    judged, fared = context.Barrier(processes), context.Queue()
    chosen = [(candidates[n % len(candidates)], CLOCKS_S[n % len(CLOCKS_S)]) for n in range(processes)]
    running = [context.Process(target=run, args=(url, *each, judged, fared)) for each in chosen]
    for process in running:
        process.start()
    print(json.dumps([fared.get() for _ in running]))
    for process in running:
        process.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
