"""`mova doctor`: what this machine can do, what is missing for the preset, and the one step that enables it."""

from pathlib import Path
from typing import Any

from mova_core.cli.options import ParamsFile


def doctor(params_file: ParamsFile = Path("params.yaml")) -> dict[str, Any]:
    """Say what works here, what is missing, and what to do about it.

    Example: mova doctor
    """
    from mova_core.params import load_params
    from mova_core.reporting.health import examine

    findings = examine(load_params(params_file))
    width = max(len(finding.what) for finding in findings)
    lines = [
        f"{'works  ' if finding.works else 'missing'} {finding.what:<{width}}  {finding.detail}"
        + (f"\n        {'':<{width}}→ {finding.remedy}" if finding.remedy else "")
        for finding in findings
    ]
    return {
        "findings": [
            {"what": f.what, "works": f.works, "detail": f.detail, "remedy": f.remedy or None} for f in findings
        ],
        "text": "\n".join(lines),
    }
