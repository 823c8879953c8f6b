"""The list of commands in `mova --help`: by section, in the order of the life of a clip."""

from pathlib import Path
from typing import Any

import typer.core

STAGES = tuple(sorted(path.parent.name for path in Path(__file__).parents[1].glob("curation/*/command.py")))
"""Stages of curation: a stage's command lies in its folder and has its name."""
LIFE = ["make-footage", "ingest", "segment", "cut", "assess", "caption", "fit_codec", "encode", "contract", "curate"]
SECTIONS = {
    "Footage to latents": (*LIFE, *(stage for stage in STAGES if stage not in LIFE)),
    "Model": ("plan", "train", "evaluate", "select", "arena", "generate", "export"),
    "Package and service": ("package", "promote", "deploy", "serve", "keys", "video", "detect"),
    "A project of one's own": ("init",),
    "What happened, and what this machine can do": ("report", "registry", "takedown", "doctor"),
}
"""Title of a section: its commands."""
OTHERS = "Others"
SENTENCE_CHARACTERS = 300  # longer than any first sentence


class SectionedHelp(typer.core.TyperGroup):
    """A group whose help lists its commands by section, each with the first sentence of its help."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections.

        Args:
            ctx: Typer's context, not read.
            formatter: Typer's formatter, written to.
        """
        known = {name for names in SECTIONS.values() for name in names}
        others = tuple(sorted(self.commands.keys() - known))
        for title, names in {**SECTIONS, OTHERS: others}.items():
            rows = [
                (name, self.commands[name].get_short_help_str(SENTENCE_CHARACTERS))
                for name in names
                if name in self.commands
            ]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
