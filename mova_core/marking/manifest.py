"""What the C2PA manifest of a file says, whoever wrote it, and whether the file is still the one that was signed.

Nothing is fetched from the network for what a file says. Source: C2PA specification 2.2, 15 (validation).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import c2pa

from mova_core.errors import MediaError

GENERATION = "mova.generation"  # label of our own assertion
SOURCE_TYPE = "digitalSourceType"  # of an action
ANY_FORMAT = ""  # the library looks at the bytes
OFFLINE = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}


@dataclass(frozen=True, slots=True)
class Ingredient:
    """A marked file that a clip was made from.

    Args:
        title: what it was given as, such as `video`.
        state: of its manifest when the clip was signed, as of `Manifest`.
        generator: what made it.
    """

    title: str
    state: str
    generator: str | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file's C2PA manifest says.

    Args:
        state: `trusted` (its signer is issued by a root that was given), `valid` (whole, its signer unknown), `altered`
            (file or manifest changed after it was signed) or `invalid` (another fault).
        faults: C2PA's codes of what is wrong.
        signer: organisation in the certificate.
        signed_at: as a time stamp authority stated it; None without one.
        generator: what made it.
        source_types: IPTC's digital source types, the last parts of their URIs.
        generation: what our own assertion says, None where another program wrote the manifest.
        ingredients: marked files that it was made from.
    """

    state: str
    faults: tuple[str, ...]
    signer: str | None
    signed_at: str | None
    generator: str | None
    source_types: tuple[str, ...]
    generation: dict[str, Any] | None
    ingredients: tuple[Ingredient, ...]


def read_manifest(path: Path, trusted_roots: str | None = None) -> Manifest | None:
    """The manifest of a file of any kind that C2PA knows, None where it carries none.

    Args:
        path: the file, which may be anybody's.
        trusted_roots: PEM certificates.

    Raises:
        MediaError: no file that can carry one, or a manifest that cannot be read (`unreadable_manifest`).
    """
    trust = {} if trusted_roots is None else {"trust": {"trust_anchors": trusted_roots}}
    try:
        with c2pa.Context.from_dict({**OFFLINE, **trust}) as context, path.open("rb") as stream:
            reader = c2pa.Reader.try_create(ANY_FORMAT, stream, context=context)
            if reader is None:
                return None
            with reader:
                return _parsed(json.loads(reader.json()))
    except c2pa.C2paError as error:
        raise MediaError("unreadable_manifest", f"{path} cannot be read for a C2PA manifest: {error}") from None


def _parsed(report: dict[str, Any]) -> Manifest:
    manifests, label = report["manifests"], report["active_manifest"]
    active = manifests[label]
    assertions = [(each["label"], each["data"]) for each in active.get("assertions", ())]
    actions = [action for name, data in assertions if name.startswith("c2pa.actions") for action in data["actions"]]
    results = report.get("validation_results", {}).get("activeManifest", {})
    state, faults = _state(report.get("validation_state"), results)
    signature = active.get("signature_info", {})
    return Manifest(
        state,
        faults,
        signature.get("issuer"),
        signature.get("time"),
        _generator(active),
        tuple(sorted({str(each[SOURCE_TYPE]).rpartition("/")[2] for each in actions if SOURCE_TYPE in each})),
        next((data for name, data in assertions if name == GENERATION), None),
        tuple(_ingredients(active.get("ingredients", ()), manifests)),
    )


def _ingredients(ingredients: Iterable[dict[str, Any]], manifests: dict[str, Any]) -> Iterable[Ingredient]:
    for each in ingredients:
        state, _ = _state(None, each.get("validation_results", {}).get("activeManifest", {}))
        yield Ingredient(str(each.get("title")), state, _generator(manifests.get(str(each.get("active_manifest")), {})))


def _generator(manifest: dict[str, Any]) -> str | None:
    info = next(iter(manifest.get("claim_generator_info", ())), None)
    if info is None:
        return manifest.get("claim_generator")
    return " ".join(filter(None, map(info.get, ("name", "version"))))


def _state(said: str | None, results: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    """State of a manifest, and the codes of its faults."""
    codes = tuple(sorted({failure["code"] for failure in results.get("failure", ())}))
    faults = tuple(code for code in codes if code != "signingCredential.untrusted")
    if any(code.endswith("mismatch") for code in faults):
        return "altered", faults
    if faults or said == "Invalid":
        return "invalid", faults
    return ("trusted" if said == "Trusted" else "valid"), faults
