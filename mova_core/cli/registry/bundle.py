"""`mova registry export` and `mova registry import`: a checkpoint as one signed file, for another installation."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mova_core.options import ParamsFile
from mova_core.places import PARAMS


def export_bundle(
    reference: Annotated[str, typer.Argument(metavar="REF", help="Alias, checkpoint id or model folder.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    key: Annotated[Path, typer.Option("--key", help="Ed25519 private key that signs it, PEM.")],
) -> dict[str, Any]:
    """Write a checkpoint with its lineage, evaluations and all bytes of its model as one signed file.

    Example: mova registry export production --out champion.tar --key key.pem
    """
    from dataclasses import asdict

    from mova_core.registry.bundle.export import export_bundle as run_export
    from mova_core.registry.bundle.keys import read_private_key
    from mova_core.registry.database.connection import opened_database

    private_key = read_private_key(key)
    with opened_database() as engine:
        bundle = run_export(engine, reference, out, private_key)
    holds = f"{bundle.files} files and {bundle.rows} rows, {bundle.bytes / 1e6:.1f} MB"
    return asdict(bundle) | {"path": str(out), "text": f"{out}: checkpoint {bundle.checkpoint_id}, {holds}"}


def import_bundle(
    bundle: Annotated[Path, typer.Argument(metavar="FILE", help="What `mova registry export` wrote.")],
    trust: Annotated[Path, typer.Option("--trust", help="Ed25519 public key of who signed it, PEM.")],
    alias: Annotated[
        str | None, typer.Option("--alias", help="Promote it to this alias, judged like any other candidate.")
    ] = None,
    params_file: ParamsFile = PARAMS,
) -> dict[str, Any]:
    """Keep the model of a bundle and record its lineage; an alias is moved only where one is named.

    All of the file is checked before anything is unpacked: it must be signed by that key, whole, and hold nothing that
    is not signed.

    Example: mova registry import champion.tar --trust public.pem
    """
    from dataclasses import asdict

    from mova_core.errors import MovaError
    from mova_core.evaluation.promote import promote
    from mova_core.registry.bundle.importing import import_bundle as run_import
    from mova_core.registry.bundle.keys import read_public_key
    from mova_core.registry.database.connection import opened_database

    public_key = read_public_key(trust)
    with opened_database() as engine:
        imported = run_import(engine, bundle, public_key)
        brought = f"{imported.rows} rows were new" if imported.rows else "all of it was here already"
        text = f"checkpoint {imported.checkpoint_id} is kept in {imported.path}; {brought}"
        if alias is None:
            return asdict(imported) | {"alias": None, "text": text}
        decision = promote(engine, imported.checkpoint_id, alias, params_file)
    if decision.outcome == "kept":
        raise MovaError(f"{text}\n{decision.summary()['text']}")
    return asdict(imported) | {"alias": alias, "text": f"{text}\n{decision.summary()['text']}"}
