"""What this machine can do for the chosen preset, found by trying rather than by reading version numbers."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mova_core.curation.engine.base import Engine
from mova_core.errors import MovaError
from mova_core.params import Params
from mova_core.reporting.wording import plural

GIB = 2**30
LEAST_FREE = 5 * GIB
ENDPOINT_USERS = {
    "VLM": "mova generate --rewrite-prompt with a given frame, and caption.kind: model",
    "LLM": "mova generate --rewrite-prompt, and caption.kind: model",
    "ALM": "captions of audio under caption.kind: model",
    "ASR": "captions of speech under caption.kind: model, and CER, WER and cpCER",
}


State = Literal["works", "off", "missing"]  # off: possible here, and not asked for by the params
STATES: tuple[State, ...] = ("works", "off", "missing")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that this machine can do or cannot.

    Args:
        what: its name.
        state: whether it works.
        detail: what was found.
        enable: the one command or setting that enables it; empty where there is none or none is needed.
        changes: what that would change.
        measures: columns of `verdicts` that it is about.
    """

    what: str
    state: State
    detail: str
    enable: str = ""
    changes: str = ""
    measures: tuple[str, ...] = ()


def examine(params: Params) -> list[Finding]:
    """Findings for this preset: what works, then what is off, then what is missing."""
    checks: tuple[Callable[[Params], Finding], ...] = (_processors, _devices, _disk, _codecs, _footage)
    findings = [
        *(check(params) for check in checks),
        *_measures(params),
        *_models(params),
        *_speech(params),
        *_endpoints(),
    ]
    return sorted(findings, key=lambda finding: STATES.index(finding.state))


def _processors(params: Params) -> Finding:
    return Finding("processors", "works", f"{Engine.choose().workers} workers for curation (set with MOVA_WORKERS)")


def _devices(params: Params) -> Finding:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return Finding("GPU", "works", f"{len(names)} × {names[0]}")
    if params.preset == "nano":
        return Finding("GPU", "works", "none, and preset nano needs none")
    changes = f"preset {params.preset} can be trained, and generates clips in useful time"
    return Finding("GPU", "missing", "none", "run on a machine with CUDA, or set preset: nano", changes)


def _disk(params: Params) -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    if free > LEAST_FREE:
        return Finding("disk", "works", f"{free / GIB:.0f} GiB free here")
    detail = f"{free / GIB:.1f} GiB free here, {LEAST_FREE / GIB:.0f} are needed"
    return Finding("disk", "missing", detail, "free some, or work on another disk", "no stage stops for want of room")


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
        lacks, enable = f"PyAV lacks {', '.join(missing)}", "reinstall av from requirements.lock"
        changes = "files with these codecs are curated, and clips are written"
        return Finding("media codecs", "missing", lacks, enable, changes)
    return Finding("media codecs", "works", f"PyAV {av.__version__} with all that curation needs")


def _footage(params: Params) -> Finding:
    from mova_core.curation.ingest.footage import Footage

    where = Path(params.ingest.footage)
    try:
        footage = Footage.open(where)
    except MovaError as error:
        changes = "there is something to curate and to train on"
        return Finding("footage", "missing", str(error), f"mova make-footage {where}", changes)
    return Finding("footage", "works", f"{len(footage.entries)} files in {where}")


def _measures(params: Params) -> list[Finding]:
    """Groups of measures: taken, possible, or lacking a package. What is not taken is null in `verdicts`, never 0."""
    from mova_core.curation.assess.measure_groups import GROUPS, INSTALL, wanted_groups
    from mova_core.curation.tables import measures_of

    wanted = wanted_groups(params)
    lacking = [name for name, group in GROUPS.items() if group.lacking]
    taken = ["always", *(name for name in wanted if name not in lacking)]
    off = [name for name in GROUPS if name not in (*wanted, *lacking)]
    changes = "their columns of verdicts are filled, and limits on them in params hold"
    kinds: tuple[tuple[State, Sequence[str], str], ...] = (
        ("works", taken, ""),
        ("off", off, f"add {', '.join(off)} to assess.measures"),
        ("missing", lacking, INSTALL),
    )
    findings = []
    for state, names, enable in kinds:
        columns = tuple(column for name in names for column in measures_of(name))
        if columns:
            detail = f"{plural(len(columns), 'measure')}: {', '.join(names)}"
            findings.append(Finding("measures", state, detail, enable, changes if enable else "", columns))
    return findings


def _models(params: Params) -> list[Finding]:
    """Measures by models whose weights the user brings."""
    from mova_core.curation.tables import measures_of
    from mova_core.measures.models.table import MODELS, configured_models
    from mova_core.params import WeightsParams

    changes = "their columns of verdicts are filled, and the phases that filter by them get clips"
    findings, without = [], list[str]()
    for name, model in MODELS.items():
        weights = getattr(params.weights, name)
        if weights is not None:
            try:
                configured_models(WeightsParams(**{name: weights}))
            except MovaError as error:
                findings.append(Finding(name, "missing", model.about, str(error), changes, measures_of(name)))
            else:
                findings.append(Finding(name, "works", model.about, measures=measures_of(name)))
        else:
            without.append(name)
    columns = tuple(column for name in without for column in measures_of(name))
    if columns:
        enable = "set weights.MODEL: {path: FILE.safetensors, sha256: …}"
        detail = f"{plural(len(columns), 'measure')} by models: {', '.join(without)}"
        findings.append(Finding("model measures", "missing", detail, enable, changes, columns))
    return findings


def _speech(params: Params) -> list[Finding]:
    """Who says what: each model of the params, tried; together those that nothing names."""
    from mova_core.endpoints.endpoint import Endpoint
    from mova_core.speech import diarize, transcribe
    from mova_core.speech.whisper import check_folder

    changes = {
        "Whisper": "captions say what is said, and CER, WER and cpCER are measured",
        "diarization": "each word has its speaker, and cpCER and DER are measured",
    }
    findings, absent = [], dict[str, str]()

    def tried(name: str, check: Callable[[], bool], otherwise: str) -> None:
        try:
            if check():
                findings.append(Finding(name, "works", changes[name]))
            elif otherwise:
                absent[name] = otherwise
        except MovaError as error:
            findings.append(Finding(name, "missing", "params speech cannot be used", str(error), changes[name]))

    def whisper() -> bool:
        if params.speech.whisper is not None:
            check_folder(params.speech.whisper)
        return params.speech.whisper is not None

    try:
        asr = Endpoint.from_environment("ASR")
    except MovaError:
        asr = None  # told with the endpoints
    tried("Whisper", whisper, "" if asr else transcribe.CONFIGURE)
    tried(
        "diarization",
        lambda: diarize.configured_parts(params.weights, params.speech.diarization) is not None,
        diarize.CONFIGURE,
    )
    if absent:
        then = "; ".join(changes[name] for name in absent)
        findings.append(Finding("speech", "off", f"no {', no '.join(absent)}", "; ".join(absent.values()), then))
    return findings


def _endpoints() -> list[Finding]:
    """Models at the endpoints that the environment names, and what each is for."""
    from mova_core.endpoints.endpoint import MODELS, Endpoint

    findings, unnamed = [], []
    for kind, about in MODELS.items():
        what, enable = f"MOVA_{kind}_URL", f"set MOVA_{kind}_URL and MOVA_{kind}_MODEL to an OpenAI-compatible endpoint"
        changes = f"{ENDPOINT_USERS[kind]} use it"
        try:
            endpoint = Endpoint.from_environment(kind)
            if endpoint is None:
                unnamed.append(kind)
                continue
            endpoint.check_reachable()
        except MovaError as error:
            findings.append(Finding(what, "missing", f"{about}: {error}", enable, changes))
        else:
            findings.append(Finding(what, "works", f"{about}: {endpoint.model} at {endpoint.url}; {changes}"))
    if unnamed:
        names = ", ".join(f"MOVA_{kind}_URL ({MODELS[kind]})" for kind in unnamed)
        enable = f"set {', '.join(f'MOVA_{kind}_URL and MOVA_{kind}_MODEL' for kind in unnamed)}"
        users = "; ".join(f"{kind}: {ENDPOINT_USERS[kind]}" for kind in unnamed)
        findings.append(Finding("endpoints", "off", f"not set: {names}", enable, users))
    return findings
