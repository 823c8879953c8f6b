"""Tokens: what a client proves with who it is.

A token is 256 random bits, so nobody guesses one, and nobody who reads the registry finds one by trying: its sha256 is
enough. Slow hashes (argon2, bcrypt) are for passwords, which people choose and machines can try; here one would only
slow every request down. A token is looked up by its sha256, so how long that takes tells nothing of other tokens.
"""

import hashlib
import re
import secrets

PREFIX = "mova_"  # what scanners for leaked secrets can look for
FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
RANDOM_BYTES = 32


def new_token() -> str:
    """A token that was never there before."""
    return PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def token_sha256(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
