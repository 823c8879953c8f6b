"""`mova registry`: what happened, from footage to served clip, and keeping it in order.

A command that needs more than mova_core comes by the entry-point group `mova.registry.commands`.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import typer

from mova_core.cli.main import command
from mova_core.cli.registry.bundle import export_bundle, import_bundle
from mova_core.cli.registry.card import card
from mova_core.cli.registry.diff import diff
from mova_core.cli.registry.gc import gc
from mova_core.cli.registry.lineage import lineage
from mova_core.cli.registry.list_rows import list_rows
from mova_core.cli.registry.sync import sync
from mova_core.cli.registry.verify import verify

registry = typer.Typer(
    help="What happened, from footage to served clip; in $MOVA_DATABASE_URL or .mova/registry.db.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "sync": sync,
    "list": list_rows,
    "lineage": lineage,
    "card": card,
    "diff": diff,
    "export": export_bundle,
    "import": import_bundle,
    "verify": verify,
    "gc": gc,
}

for _name, _function in COMMANDS.items():
    registry.command(_name)(command(_function, f"registry {_name}"))
for _entry in entry_points(group="mova.registry.commands"):
    registry.command(_entry.name)(command(_entry.load(), f"registry {_entry.name}"))
