"""What this machine can do for the chosen preset, found by trying rather than by reading version numbers."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mova_core.curation.engine.base import Engine
from mova_core.errors import MovaError
from mova_core.params import Params

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that works or is missing; `remedy` is the one step that would enable it."""

    what: str
    works: bool
    detail: str
    remedy: str = ""


def examine(params: Params) -> list[Finding]:
    """Findings for this preset, what is missing last."""
    checks: tuple[Callable[[Params], Finding], ...] = (_processors, _devices, _disk, _codecs, _footage)
    findings = [*(check(params) for check in checks), *_measures(params)]
    return sorted(findings, key=lambda finding: not finding.works)


def _processors(params: Params) -> Finding:
    return Finding("processors", True, f"{Engine.choose().workers} workers for curation (set with MOVA_WORKERS)")


def _devices(params: Params) -> Finding:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return Finding("GPU", True, f"{len(names)} × {names[0]}")
    if params.preset == "nano":
        return Finding("GPU", True, "none, and preset nano needs none")
    return Finding(
        "GPU", False, f"none, preset {params.preset} trains on GPUs", "run on a CUDA machine, or preset nano"
    )


def _disk(params: Params) -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    enough = free > 5 * GIB
    return Finding("disk", enough, f"{free / GIB:.0f} GiB free here", "" if enough else "free at least 5 GiB")


def _codecs(params: Params) -> Finding:
    import av

    needed = {"libx264": "w", "flac": "w", "h264": "r", "hevc": "r", "vp9": "r", "aac": "r", "opus": "r"}
    missing = []
    for name, mode in needed.items():
        try:
            av.Codec(name, "w" if mode == "w" else "r")
        except av.error.FFmpegError:
            missing.append(name)
    if missing:
        return Finding("media codecs", False, f"PyAV lacks {', '.join(missing)}", "reinstall av from requirements.lock")
    return Finding("media codecs", True, f"PyAV {av.__version__} with all that curation needs")


def _footage(params: Params) -> Finding:
    from mova_core.curation.ingest.footage import Footage

    where = Path(params.ingest.footage)
    try:
        footage = Footage.open(where)
    except MovaError as error:
        return Finding("footage", False, str(error), "`mova make-footage data/footage`, or put your files there")
    return Finding("footage", True, f"{len(footage.entries)} files in {where}")


def _measures(params: Params) -> list[Finding]:
    """What `assess` measures with these params; what it does not is null in `verdicts`, never 0."""
    from mova_core.curation.assess.measure_groups import GROUPS, INSTALL, wanted_groups
    from mova_core.curation.tables import measures_of

    findings = [Finding("measures: always", True, ", ".join(measures_of("always")))]
    for name, group in GROUPS.items():
        columns, what = ", ".join(measures_of(name)), f"measures: {name}"
        if group.lacking:
            findings.append(Finding(what, False, f"{columns} need the package {group.lacking[0]}", INSTALL))
        elif name in wanted_groups(params):
            findings.append(Finding(what, True, columns))
        else:
            findings.append(
                Finding(what, True, f"{columns}: possible, not asked for", f"add {name} to assess.measures")
            )
    return [*findings, *_models(params)]


def _models(params: Params) -> list[Finding]:
    """Measures by models whose weights the user brings."""
    from mova_core.curation.assess.model_measures import MODELS, configured_models
    from mova_core.curation.tables import measures_of
    from mova_core.params import WeightsParams

    findings = []
    for name, model in MODELS.items():
        what, columns = f"measures: {name}", f"{', '.join(measures_of(name))} ({model.about})"
        weights = getattr(params.assess.weights, name)
        if weights is not None:
            try:
                configured_models(WeightsParams(**{name: weights}))
            except MovaError as error:
                findings.append(Finding(what, False, columns, str(error)))
            else:
                findings.append(Finding(what, True, columns))
        elif model.load is None:
            findings.append(Finding(what, False, f"{columns} need weights", "this version has no adapter for them yet"))
        else:
            remedy = f"set assess.weights.{name}: {{path: FILE.safetensors, sha256: …}}"
            findings.append(Finding(what, False, f"{columns} need weights", remedy))
    return findings
