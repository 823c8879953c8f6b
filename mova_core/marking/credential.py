"""The key that signs clips, and its certificate chain: the operator's, or a development one made at first use.

C2PA wants ES256 (ECDSA on P-256 with SHA-256), a leaf whose keyUsage has digitalSignature and whose EKU names a purpose
such as emailProtection, and an issuer that is not the leaf itself. Source: C2PA specification 2.2, 14.5 (X.509).
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from mova_core.errors import UsageError

KEY_VARIABLE, CHAIN_VARIABLE = "MOVA_C2PA_KEY", "MOVA_C2PA_CHAIN"
COORDINATE_BYTES = 32  # of P-256


@dataclass(frozen=True, slots=True)
class Credential:
    """What signs.

    Args:
        key: of the leaf.
        chain: certificates as PEM, the leaf first.
    """

    key: ec.EllipticCurvePrivateKey
    chain: str

    def signature(self, data: bytes) -> bytes:
        """ES256 of some bytes as COSE has it: r and s, 32 bytes each."""
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(COORDINATE_BYTES) + s.to_bytes(COORDINATE_BYTES)

    def __repr__(self) -> str:
        return "Credential(key not shown)"


def operators_credential() -> Credential | None:
    """The one that MOVA_C2PA_KEY and MOVA_C2PA_CHAIN name, None where neither is set.

    Raises:
        UsageError: only one is set, or `read_credential` says why the two cannot sign.
    """
    key, chain = (os.environ.get(name) for name in (KEY_VARIABLE, CHAIN_VARIABLE))
    if not key and not chain:
        return None
    if not key or not chain:
        lacking, given = (KEY_VARIABLE, CHAIN_VARIABLE) if not key else (CHAIN_VARIABLE, KEY_VARIABLE)
        raise UsageError(f"{given} is set and {lacking} is not: set both to PEM files, or neither")
    return read_credential(Path(key), Path(chain))


def read_credential(key_path: Path, chain_path: Path) -> Credential:
    """A key and its chain from PEM files, checked.

    Raises:
        UsageError: they cannot be read, do not fit each other, or cannot sign a C2PA manifest now.
    """
    try:
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):  # its text could quote the file, so it is not told
        raise UsageError(f"{key_path} cannot be read as a private key: expected PEM without a passphrase") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise UsageError(f"{key_path} is no key for ES256: expected an elliptic curve key on P-256")
    try:
        certificates = x509.load_pem_x509_certificates(chain_path.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{chain_path} cannot be read as PEM certificates ({error}): expected the leaf first"
        ) from None
    leaf = certificates[0]
    if fault := _fault(leaf, certificates[1:]):
        raise UsageError(f"{chain_path}: the first certificate {fault}")
    if leaf.public_key() != key.public_key():
        raise UsageError(f"{key_path} is not the key of the first certificate in {chain_path}")
    pem = (certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)
    return Credential(key, b"".join(pem).decode("ascii"))


def _fault(leaf: x509.Certificate, issuers: list[x509.Certificate]) -> str | None:
    """Why a certificate cannot sign manifests, None if it can."""
    if leaf.issuer == leaf.subject:
        return "is self-signed, expected one that a certificate authority issued"
    now = datetime.now(UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return f"is valid from {leaf.not_valid_before_utc} to {leaf.not_valid_after_utc}, which is not now"
    try:
        may_sign = leaf.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
        leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound as error:
        return f"has no {error.oid._name}, expected keyUsage digitalSignature and an EKU such as emailProtection"
    if not may_sign:
        return "has a keyUsage without digitalSignature"
    try:
        if issuers:
            leaf.verify_directly_issued_by(issuers[0])
    except (ValueError, TypeError, InvalidSignature):
        return "was not issued by the second"
    return None
