"""A thread that does one piece of work after the other until it is stopped, whether or not the registry answers."""

import logging
import threading
from collections.abc import Callable

import sqlalchemy as sa

from mova_core.registry.database.outage import DatabaseGone

NO_ANSWER = (sa.exc.DBAPIError, DatabaseGone)  # of the registry; what was asked of it may be asked again
NO_ANSWER_PAUSE_S = 2.0  # before it is


class WorkLoop:
    """One thread of a service's process.

    Args:
        name: of the thread.
        work: does the next piece of work, if there is one; returns whether there was.
        pause_s: until it is asked again where there was none, seconds.
        log: of what the thread does.
    """

    def __init__(self, name: str, work: Callable[[], bool], pause_s: float, log: logging.Logger) -> None:
        self._work, self._pause_s, self._log = work, pause_s, log
        self.stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the present piece of work."""
        self.stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether it works."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                if not self._work():
                    self.stopping.wait(self._pause_s)
            except NO_ANSWER:
                self._log.exception("the registry does not answer, asking again")
                self.stopping.wait(NO_ANSWER_PAUSE_S)
