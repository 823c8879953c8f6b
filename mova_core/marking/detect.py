"""Says of any file what made it, from what: by its C2PA manifest, and by the provenance that this project writes.

The manifest is signed, the provenance is not: anyone can write one. Both are removed by whoever codes or muxes the file
again, so a file without them may still be generated. The file is read in a worker process under limits.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mova_core.curation.engine.base import Engine
from mova_core.curation.engine.run import run
from mova_core.errors import MediaError, MovaError, UsageError
from mova_core.params import Limits
from mova_core.printable import printable
from mova_core.storage.hashing import sha256_file

LIMITS = Limits(seconds_per_file=120.0, seconds_per_minute=0.0, memory_mb=4096)
GENERATED = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")
STATES = {
    "trusted": "whole, and its signer is issued by a root that is trusted here",
    "valid": "whole, but signed by someone whom no root given here vouches for (--trust names roots)",
    "altered": "ALTERED: the file or its manifest was changed after it was signed",
    "invalid": "INVALID",
}


@dataclass(frozen=True, slots=True)
class _Task:
    path: Path
    trusted_roots: str | None


def detect(path: Path, trusted_roots: Path | None = None) -> dict[str, Any]:
    """What a file says of what made it.

    Args:
        path: any file.
        trusted_roots: PEM certificates whose holders may vouch for signers.

    Returns:
        `marked` (it carries a manifest or a provenance), `generated` (one of them says that a model made it), `c2pa`
        and `provenance` (None: there is none), `notes` (what could not be read) and `text`.

    Raises:
        UsageError: a file that is not there, or roots that are no PEM.
        MovaError: it cannot be read within the limits.
    """
    if not path.is_file():
        raise UsageError(f"{path} is no file")
    (result,) = run(examine, [_Task(path, _roots(trusted_roots))], engine=Engine(), limits=LIMITS)
    if result.failed:
        raise MovaError(f"{path} could not be examined: {result.reason}")
    found: dict[str, Any] = result.value
    return {"file": str(path), "sha256": sha256_file(path), **found, "text": "\n".join(_told(path, found))}


def examine(task: _Task) -> dict[str, Any]:
    """The work of the worker."""
    from mova_core.marking.manifest import read_manifest
    from mova_core.media.provenance import read_provenance

    found: dict[str, Any] = {}
    notes = []
    for name, read in {
        "c2pa": lambda: read_manifest(task.path, task.trusted_roots),
        "provenance": lambda: read_provenance(task.path),
    }.items():
        try:
            value = read()
        except MediaError as error:
            value = None
            notes.append(str(error))
        found[name] = None if value is None else asdict(value)
    manifest, provenance = found["c2pa"], found["provenance"]
    says_so = manifest is not None and bool(set(GENERATED) & set(manifest["source_types"]))
    marked = manifest is not None or provenance is not None
    return {"marked": marked, "generated": says_so or provenance is not None, **found, "notes": notes}


def _roots(path: Path | None) -> str | None:
    if path is None:
        return None
    from cryptography import x509

    try:
        data = path.read_bytes()
        x509.load_pem_x509_certificates(data)
        return data.decode("ascii")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read as certificates ({error}): expected PEM") from None


def _told(path: Path, found: dict[str, Any]) -> list[str]:
    lines = [*_manifest_lines(found["c2pa"]), *_provenance_lines(found["provenance"])]
    if not lines:
        lines.append(f"{path} carries no marking; one may have been removed")
    return [printable(line) for line in (*lines, *(f"note: {note}" for note in found["notes"]))]


def _manifest_lines(manifest: dict[str, Any] | None) -> Iterator[str]:
    if manifest is None:
        return
    faults = f" ({', '.join(manifest['faults'])})" if manifest["faults"] else ""
    yield f"C2PA manifest: {STATES[manifest['state']]}{faults}"
    yield f"  signed by {manifest['signer']}, {manifest['signed_at'] or 'at a time that nobody vouches for'}"
    types = ", ".join(manifest["source_types"]) or "nothing that it names"
    yield f"  made by {manifest['generator'] or 'it does not say what'}, as {types}"
    for name, value in (manifest["generation"] or {}).items():
        yield f"  {name}: {value}"
    for each in manifest["ingredients"]:
        yield f"  from {each['title']}: made by {each['generator'] or 'it does not say what'}, {each['state']}"


def _provenance_lines(provenance: dict[str, Any] | None) -> Iterator[str]:
    if provenance is None:
        return
    yield f"provenance (not signed): made by checkpoint {provenance['checkpoint_id']}"
    recipe = provenance["recipe"]
    if recipe is not None:
        yield f"  prompt {recipe['prompt']!r}, seed {recipe['seed']}"
        for name, sha256 in recipe["inputs"].items():
            yield f"  from {name}: sha256 {sha256}"
