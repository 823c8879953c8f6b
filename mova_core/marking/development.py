"""A certificate authority for development, made once: it marks clips where no operator's key is named.

Its root issues one leaf and its key is then forgotten, so nothing else can ever be issued by it. Key, leaf and root lie
in one file that only its owner may read, so there is never one without the others, and of two processes that make it
at once both use the first.
"""

import os
import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mova_core.marking.credential import (
    CHAIN_VARIABLE,
    KEY_VARIABLE,
    Credential,
    operators_credential,
    read_credential,
)
from mova_core.places import C2PA_DEVELOPMENT
from mova_core.storage.atomic import fsync, make_folder

ORGANISATION = "mova development (trusted by nobody)"
VALID_DAYS = 3650
ALL_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def credential_of(root: Path) -> Credential:
    """The operator's credential, or the development one of a project, made and told on stderr where there is none.

    Args:
        root: the project's folder.

    Raises:
        UsageError: one that is there cannot be used, or none can be written.
    """
    operators = operators_credential()
    if operators is not None:
        return operators
    path = root / C2PA_DEVELOPMENT
    if not path.is_file() and _put(path, _new_pem()):
        print(
            f"neither {KEY_VARIABLE} nor {CHAIN_VARIABLE} is set: clips are marked with a development key that nobody "
            f"trusts, made in {C2PA_DEVELOPMENT}",
            file=sys.stderr,
        )
    return read_credential(path, path)


def _put(path: Path, data: bytes) -> bool:
    """Write a file that only its owner may read, unless another process was first; whether it was this one."""
    make_folder(path.parent)
    temporary = path.with_name(f".tmp-{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        fsync(temporary)
        os.link(temporary, path)  # unlike a rename it never replaces a file
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    fsync(path.parent)
    return True


def _new_pem() -> bytes:
    """A new key, its leaf and the root that issued it."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = (
        _builder("mova development root", root_key.public_key(), root_key)
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _builder("mova development signer", key.public_key(), root_key)
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(_usage("digital_signature"), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        .sign(root_key, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(pem, pkcs8, serialization.NoEncryption())
    return secret + leaf.public_bytes(pem) + root.public_bytes(pem)


def _builder(
    name: str, public_key: ec.EllipticCurvePublicKey, root_key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("mova development root"))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks of others may be behind
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
    )


def _name(name: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION)
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in allowed for usage in ALL_USAGES})
