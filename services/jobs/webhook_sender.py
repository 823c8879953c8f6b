"""Sends the messages of `webhooks`, again and again with longer pauses until they arrive or are given up."""

import logging
import time
from urllib.parse import urlsplit

import httpx
import sqlalchemy as sa

from mova_core.registry.database.connection import writing
from mova_core.registry.database.tables import WebhookMessage
from services.jobs.webhooks import Webhooks
from services.work_loop import WorkLoop

# Seconds before each further attempt, as the specification proposes: given up after about 3 days.
PAUSES_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
ANSWER_WITHIN_S = 15.0
HELD_S = 60.0  # a message in a sender's hands; past it another may send it
LOOK_EVERY_S = 1.0

log = logging.getLogger("mova.webhooks")


class WebhookSender:
    """One thread that sends until it is stopped.

    Args:
        engine: the registry.
        webhooks: how messages are signed.
    """

    def __init__(self, engine: sa.Engine, webhooks: Webhooks) -> None:
        self.engine, self.webhooks = engine, webhooks
        self._loop = WorkLoop("webhooks", self.send_next, LOOK_EVERY_S, log)

    def start(self) -> None:
        """Begin to send, if anybody is told at all."""
        if self.webhooks.tell:
            self._loop.start()

    def stop(self) -> None:
        """Stop after the present message."""
        self._loop.stop()

    def send_next(self) -> bool:
        """Send the message that is due longest, if there is one; returns whether there was."""
        message = self._take()
        if message is None:
            return False
        try:
            arrived = self._send(message)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:  # the last: of names that cannot be
            log.warning("message %s was not sent: %s", message.message_id, type(error).__name__)
            arrived = False
        with writing(self.engine) as session:
            its = WebhookMessage.message_id == message.message_id
            if arrived or message.attempts > len(PAUSES_S):
                session.execute(sa.delete(WebhookMessage).where(its))
            else:
                next_at = time.time() + PAUSES_S[message.attempts - 1]
                session.execute(sa.update(WebhookMessage).where(its).values(next_at=next_at))
        return True

    def _take(self) -> WebhookMessage | None:
        now = time.time()
        due = sa.select(WebhookMessage).where(WebhookMessage.next_at <= now).order_by(WebhookMessage.next_at).limit(1)
        with writing(self.engine) as session:
            message = session.scalar(due.with_for_update(skip_locked=True))
            if message is not None:
                message.attempts, message.next_at = message.attempts + 1, now + HELD_S
                session.flush()
                session.expunge(message)
        return message

    def _send(self, message: WebhookMessage) -> bool:
        """Whether it was taken. It goes to an address that was looked at, so that a name cannot change behind it."""
        parts = urlsplit(message.url)
        host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
        addresses = self.webhooks.addresses(host, port)
        if not addresses:
            log.warning("message %s was not sent: its host has private addresses alone", message.message_id)
            return False
        url = httpx.URL(message.url).copy_with(host=addresses[0])
        headers = self.webhooks.headers(message.message_id, message.payload, time.time()) | {"host": parts.netloc}
        with httpx.Client(timeout=ANSWER_WITHIN_S, follow_redirects=False, trust_env=False) as client:
            body, name = message.payload.encode(), {"sni_hostname": host}
            with client.stream("POST", url, content=body, headers=headers, extensions=name) as answer:
                return answer.is_success
