"""Ed25519 keys in PEM files, as `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout` write them."""

from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from mova_core.errors import StaleError, UsageError

SIGNATURE_BYTES = 64
PEM_BYTES = 1 << 16  # far more than any key takes


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """The key that signs.

    Raises:
        UsageError: there is no such file, or it holds no Ed25519 private key without a passphrase.
    """
    try:
        key = load_pem_private_key(_pem(path), password=None)
    except TypeError:
        raise UsageError(
            f"{path} needs a passphrase, expected a key without one: `openssl pkey -in {path} -out FILE` writes it"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key(path, "private", "openssl genpkey -algorithm ed25519 -out FILE") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "private", "openssl genpkey -algorithm ed25519 -out FILE")
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The key that is trusted.

    Raises:
        UsageError: there is no such file, or it holds no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(_pem(path))
    except (ValueError, UnsupportedAlgorithm):
        raise _no_key(path, "public", "openssl pkey -in KEY.pem -pubout -out FILE") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _no_key(path, "public", "openssl pkey -in KEY.pem -pubout -out FILE")
    return key


def check_signature(key: Ed25519PublicKey, signature: bytes, signed: bytes, what: str) -> None:
    """Refuse bytes that were not signed by a key.

    Args:
        key: the trusted one.
        signature: 64 bytes.
        signed: what it is said to be of.
        what: how that is called in messages.

    Raises:
        StaleError: other bytes were signed, or another key signed them.
    """
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        raise StaleError(
            f"{what} is not signed by the trusted key: it was altered, or another key signed it; take nothing from it, "
            "and ask who sent it for the file and for their public key"
        ) from None


def _pem(path: Path) -> bytes:
    if not path.is_file():
        raise UsageError(f"{path} is not there, expected a key in a PEM file")
    with path.open("rb") as file:
        return file.read(PEM_BYTES)


def _no_key(path: Path, kind: str, made_by: str) -> UsageError:
    return UsageError(f"{path} holds no Ed25519 {kind} key in PEM: `{made_by}` writes one")
