"""`mova doctor`: what this machine can do, what is missing for the preset, and the one step that enables it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mova_core.options import ParamsFile
from mova_core.places import PARAMS

if TYPE_CHECKING:
    from mova_core.cli.doctor_checks import Finding


def doctor(
    params_file: ParamsFile = PARAMS,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="List every metric: whether it can be taken, and by which weights.")
    ] = False,
) -> dict[str, Any]:
    """Say what works here, what is missing, what enables it and what that would change.

    Example: mova doctor

    Example: mova doctor --metrics --json
    """
    from mova_core.params import load_params

    params = load_params(params_file)
    if metrics:
        from mova_core.cli import doctor_metrics

        found = doctor_metrics.examine_metrics(params)
        return {"metrics": [doctor_metrics.as_json(each) for each in found], "text": doctor_metrics.told(found)}
    from mova_core.cli.doctor_checks import examine

    findings = examine(params)
    return {
        "findings": [
            {name: getattr(each, name) or None for name in ("what", "state", "detail", "enable", "changes", "measures")}
            for each in findings
        ],
        "text": told(findings),
    }


def told(findings: "list[Finding]") -> str:
    """The findings as a table for a terminal."""
    wide = max(len(each.what) for each in findings)
    indent = " " * (9 + wide + 2)
    lines = []
    for each in findings:
        lines.append(f"{each.state:<9}{each.what:<{wide}}  {each.detail}")
        lines += [f"{indent}to enable: {each.enable}"] if each.enable else []
        lines += [f"{indent}then: {each.changes}"] if each.changes else []
    return "\n".join(lines)
