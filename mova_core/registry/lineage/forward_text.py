"""All that a file of the footage reached, in lines for a terminal."""

from collections.abc import Iterable

from mova_core.registry.lineage.forward import Reached

SHORT = 12  # digits of an id
SHOWN = 8  # of each kind; --json lists all


def forward_text(reached: Reached) -> str:
    """All that a file reached."""
    names = [named(source_id, next(iter(paths), None)) for source_id, paths in reached.sources.items()]
    clips = ("" if one.clips is None else f", {one.clips} clips" for one in reached.datasets)
    datasets = (f"{one.name} {one.sha256[:SHORT]}{of}" for one, of in zip(reached.datasets, clips, strict=True))
    runs = (f"{one.run_id} ({one.phase}{'' if one.directly else ', from weights'})" for one in reached.runs)
    aliases = (f"{one.name} -> {one.checkpoint_id}{'' if one.now else ', before'}" for one in reached.aliases)
    lines = [
        *lines_of("dataset", datasets),
        *lines_of("run", runs),
        *lines_of("checkpoint", (f"{one.checkpoint_id} ({one.phase}, step {one.step})" for one in reached.checkpoints)),
        *lines_of("evaluation", (f"{one.evaluation_id[:SHORT]} ({one.path})" for one in reached.evaluations)),
        *lines_of("adapter", (one.path for one in reached.adapters)),
        *lines_of("kept", (f"{one.kind} {one.path}" for one in reached.artifacts)),
        *lines_of("alias", aliases),
        *lines_of("deployment", reached.deployments),
        *lines_of("clip", (f"{one.path or one.job_id} by {one.checkpoint_id}" for one in reached.served)),
    ]
    return "\n".join([*names, *(lines or ["  reached no recorded dataset"])])


def lines_of(what: str, items: Iterable[str]) -> list[str]:
    """A line for each of the first items, and how many more there are."""
    known = list(items)
    lines = [f"  {what}: {item}" for item in known[:SHOWN]]
    hidden = len(known) - SHOWN
    return [*lines, f"  {what}: … and {hidden} more (--json lists them)"] if hidden > 0 else lines


def named(source_id: str, path: str | None) -> str:
    """A source by its path, if that is known, and the start of its id."""
    return f"{path} ({source_id[:SHORT]})" if path else source_id
