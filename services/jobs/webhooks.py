"""Whom a request wants to be told once its job is finished: a message after Standard Webhooks, kept until it arrived.

A message is written in the transaction that finishes the job, so none is lost and none tells what did not happen. The
secret that signs them is `$MOVA_WEBHOOK_SECRET`, `whsec_` and base64; without it no request may name an address.
Source: https://www.standardwebhooks.com, specification 1.0.
"""

import base64
import binascii
import datetime
import hashlib
import hmac
import ipaddress
import json
import os
import secrets
import socket
import time
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import UsageError
from mova_core.registry.database.tables import Job, WebhookMessage
from services.requests.errors import InvalidRequest

SECRET_VARIABLE = "MOVA_WEBHOOK_SECRET"
SECRET_FORM = "expected whsec_ and 24 to 64 bytes in base64"
PREFIX = "whsec_"


class Webhooks:
    """Who may be told, and how messages are signed.

    Args:
        secret: bytes of the key; None: nobody is told.
        allow_private: whether addresses of this machine and of private networks may be named.
    """

    def __init__(self, secret: bytes | None, allow_private: bool = False) -> None:
        self._secret, self.allow_private = secret, allow_private

    @classmethod
    def from_environment(cls, allow_private: bool) -> "Webhooks":
        """With the secret of this process's environment.

        Raises:
            UsageError: it is none. Its text is not repeated.
        """
        text = os.environ.get(SECRET_VARIABLE)
        if not text:
            return cls(None, allow_private)
        try:
            secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if not text.startswith(PREFIX) or not 24 <= len(secret) <= 64:
            raise UsageError(f"${SECRET_VARIABLE} is no secret of Standard Webhooks: {SECRET_FORM}")
        return cls(secret, allow_private)

    def check(self, url: str | None) -> None:
        """Refuse an address that is not told, before its job is queued. A name is looked up only when it is told.

        Raises:
            InvalidRequest: nobody is told here, or not at such an address.
        """
        if url is None:
            return
        if self._secret is None:
            raise InvalidRequest("webhook_url is given, and this service has no secret to sign with", "webhook_url")
        try:
            parts = urlsplit(url)
            fits = parts.hostname and (parts.port or 1) and not (parts.username or parts.password or parts.fragment)
        except ValueError:
            fits = None
        if not fits or parts.scheme not in (("http", "https") if self.allow_private else ("https",)):
            raise InvalidRequest("webhook_url is no https address without a user and a password", "webhook_url")
        try:
            address = ipaddress.ip_address(str(parts.hostname))
        except ValueError:
            return
        if not (address.is_global or self.allow_private):
            raise InvalidRequest("webhook_url names a private address, expected a public one", "webhook_url")

    def headers(self, message_id: str, payload: str, now: float) -> dict[str, str]:
        """The headers that a message is sent with."""
        assert self._secret is not None
        timestamp = str(int(now))
        signed = f"{message_id}.{timestamp}.{payload}".encode()
        signature = base64.b64encode(hmac.new(self._secret, signed, hashlib.sha256).digest()).decode()
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{signature}",
        }

    @property
    def tell(self) -> bool:
        """Whether anybody is told."""
        return self._secret is not None

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be told; those of private networks are left out."""
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        return sorted(text for text in found if self.allow_private or ipaddress.ip_address(text).is_global)


def announce(session: Session, job_id: str) -> None:
    """Write the message of a finished job, if its request wants one; in the transaction that finishes it."""
    request, status = session.execute(sa.select(Job.request, Job.status).where(Job.job_id == job_id)).one()
    url = request.get("webhook_url")
    if url is None:
        return
    now = time.time()
    happened = datetime.datetime.fromtimestamp(now, datetime.UTC).isoformat(timespec="milliseconds")
    payload = {"type": f"video.{status}", "timestamp": happened, "data": {"id": job_id}}
    text = json.dumps(payload, separators=(",", ":"))
    session.add(
        WebhookMessage(message_id=f"msg_{secrets.token_hex(16)}", url=url, payload=text, attempts=0, next_at=now)
    )
