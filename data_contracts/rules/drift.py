"""Warnings about a table whose distributions are not those of a version before it.

Asked for by `mova contract verdicts --against DIR`, DIR being the data folder of that version. What comes out is
written as `verdicts-drift`, beside the pipeline's own `verdicts`, which depends on nothing but the present tables.
"""

from data_contracts.contract import Contract, View, rows_of, where_stated
from data_contracts.expectations import ExpectNoFault, words
from mova_core.curation.drift import BEYOND_CHANCE, FAR, Drift, compare
from mova_core.errors import UsageError
from mova_core.places import DataFolder

TABLE = "verdicts"  # the last table of curation: by then all distributions are known
COMPARED = ("sources", "windows", "clips", "verdicts")


def with_drift(contract: Contract, data: DataFolder, against: DataFolder) -> Contract:
    """The contract of `verdicts` with a warning for each distribution that the version before does not share.

    Raises:
        UsageError: another table, or a table of one of the versions is missing.
    """
    if contract.table != TABLE:
        raise UsageError(f"--against is for the table {TABLE}, which ends curation; got {contract.table}")
    if not against.root.is_dir():
        raise UsageError(f"--against {against.root} is no folder: name the data folder of an earlier version")
    drifts = compare(against, data)
    row = {"version": str(data.root), "where": f"against {against.root}"} | {each.name: each.fault for each in drifts}
    view = View(
        name="drift",
        noun="version",
        rows=rows_of([row], ["version", "where", *(each.name for each in drifts)]),
        id_column="version",
        where=where_stated,
        expectations=tuple(_rule(each) for each in drifts),
    )
    before = {f"against/{name}": against.table(name) for name in COMPARED}
    now = {name: data.table(name) for name in COMPARED}
    return Contract(f"{TABLE}-drift", (*contract.views, view), {**contract.files, **now, **before})


def _rule(drift: Drift) -> ExpectNoFault:
    measure = "Kolmogorov-Smirnov" if drift.kind == "numbers" else "total variation"
    return ExpectNoFault.better(
        drift.name,
        f"{words(drift.name)} is distributed as in the version before",
        f"It drifted when {measure} > {FAR:g} and p < {BEYOND_CHANCE:g}: other footage, or a measure that changed.",
    )
