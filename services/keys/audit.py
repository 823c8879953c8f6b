"""The append-only log: what happened to keys, and which requests were refused."""

import logging
import threading
import time

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.registry.database.connection import writing
from mova_core.registry.database.key_tables import KeyEvent

PER_MINUTE = 60

log = logging.getLogger("mova.keys")


def record(session: Session, event: str, key_id: str | None, detail: str) -> None:
    """Write one event, in the transaction of what it tells.

    Args:
        session: that writes.
        event: created, rotated, revoked or refused.
        key_id: of which key; None: of no known one.
        detail: one line for people, without a token.
    """
    session.add(KeyEvent(event=event, key_id=key_id, detail=detail, recorded_at=time.time()))


class RefusalLog:
    """Records refused requests, at most PER_MINUTE in a minute and process, so that nobody fills the registry by being
    refused; those beyond are counted, and the next row says how many they were.

    Args:
        engine: the registry.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine, self._lock = engine, threading.Lock()
        self._minute, self._written, self._left_out = -1, 0, 0

    def refused(self, key_id: str | None, detail: str) -> None:
        """Record a request; `detail` as of `record`."""
        log.warning("refused: %s (key %s)", detail, key_id or "none")
        with self._lock:
            minute = int(time.monotonic() // 60)
            if minute != self._minute:
                self._minute, self._written = minute, 0
            if self._written >= PER_MINUTE:
                self._left_out += 1
                return
            self._written += 1
            left_out, self._left_out = self._left_out, 0
        more = f"; {left_out} more were refused before it" if left_out else ""
        with writing(self._engine) as session:
            record(session, "refused", key_id, detail + more)
