"""Lineage: from a served clip back to its footage, every step with its hash.

clip ← job and Bento ← checkpoint ← run ← latents ← clips ← windows ← segments ← sources ← files, and from the run to
the checkpoint it started from and so on. Rows say what happened; a file is named as what it was only if it still has
that sha256, else the node says that it changed or is gone.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from mova_core.errors import StaleError, UsageError
from mova_core.media.provenance import SUFFIXES, LoraUsed, Provenance, read_provenance
from mova_core.model.lora.adapter import AdapterManifest
from mova_core.places import ADAPTERS, CODEC, DataFolder
from mova_core.registry.database.tables import LATENTS, Alias, Checkpoint, Dataset, Evaluation, Job, Run
from mova_core.registry.forced import forced_aliases
from mova_core.registry.lineage.footage_used import footage_used
from mova_core.registry.lineage.recorded_clip import recorded_clip
from mova_core.registry.lineage.training_clip import AudioWindow, TrainingClip, audio_window, training_clip
from mova_core.registry.manifests import SELECTION_FILE, Selection
from mova_core.registry.references import find_checkpoint
from mova_core.storage.hashing import sha256_file
from mova_core.storage.manifest import MANIFEST_FILE, read_manifest

# What a table's rows come from; the rest of its `inputs` is listed beside it.
COMES_FROM = {"clips": "windows", "windows": "segments", "segments": "sources"}
NOT_HERE = "not in this registry, so what it came from is not known; `mova registry sync` records a project's folders"
NOT_INDEXED = "of which footage is not recorded; `mova registry sync` in a folder that still has its tables records it"


@dataclass(frozen=True, slots=True)
class Node:
    """One thing and what it came from.

    Args:
        kind: clip, job, bento, checkpoint, evaluation, run, latents, clips, …, file.
        name: what a person calls it.
        sha256: of its bytes or manifest, if it has one.
        note: what else there is to know, for people.
        came_from: the nodes before it; of files and clips the first ones.
        files, clips: how many of the footage there are behind latents, or clips of a file.
    """

    kind: str
    name: str
    sha256: str | None = None
    note: str = ""
    came_from: list["Node"] = field(default_factory=list)
    files: int = 0
    clips: int = 0


def lineage(session: Session, reference: str, root: Path = Path()) -> Node:
    """Trace one thing back.

    Args:
        session: any session of the registry.
        reference: file of a generated clip, of a recorded table or metrics.json; id of a job or of a training clip;
            alias, id or model folder of a checkpoint.
        root: the project's folder.

    Raises:
        UsageError: the reference names nothing that the registry knows.
        StaleError: a clip whose job and whose own provenance name different checkpoints.
        MediaError: a damaged clip.
    """
    job = session.get(Job, reference)
    if job is not None:
        return _job(session, job, root)
    if os.path.isfile(root / reference):
        return _file(session, reference, root)
    clip = recorded_clip(session, reference) or training_clip(reference, root) or audio_window(reference, root)
    if isinstance(clip, AudioWindow):
        return _audio_window(clip)
    if clip is not None:
        return _training_clip(session, clip, root)
    if os.path.isdir(root / reference):
        return _folder(session, reference, root)
    if os.path.splitext(reference)[1]:  # no alias or id has one
        raise UsageError(f"{reference} is not there: name a clip's or a table's file, from the project's folder")
    return _checkpoint(session, find_checkpoint(session, reference, root), root)


def _file(session: Session, reference: str, root: Path) -> Node:
    path = root / reference
    sha256 = sha256_file(path)
    dataset = session.scalars(sa.select(Dataset).where(Dataset.sha256 == sha256).order_by(Dataset.name)).first()
    if dataset is not None:
        return _dataset(session, dataset, root)
    evaluation = session.get(Evaluation, sha256)
    if evaluation is not None:
        checkpoint = _checkpoint_named(session, evaluation.checkpoint_id, root)
        return Node("evaluation", evaluation.path, sha256, came_from=[checkpoint])
    job = session.scalars(sa.select(Job).where(Job.result_sha256 == sha256).order_by(Job.created_at)).first()
    provenance = read_provenance(path) if path.suffix.lower() in SUFFIXES else None
    if provenance is None and job is None:
        raise UsageError(
            f"{reference} (sha256 {sha256[:16]}) is no table, evaluation or job's result that the registry knows, and "
            "carries no provenance: run `mova registry sync`, or name a clip that `mova generate` or a service made"
        )
    if provenance and job and job.checkpoint_id not in (None, provenance.checkpoint_id):
        raise StaleError(
            f"{reference} says that checkpoint {provenance.checkpoint_id} made it, its job {job.job_id} says "
            f"{job.checkpoint_id}: one of the two was altered"
        )
    if job is not None:
        before = _job(session, job, root, checkpoint_id=provenance.checkpoint_id if provenance else None)
    else:
        assert provenance is not None
        before = _checkpoint_named(session, provenance.checkpoint_id, root)
    return Node("clip", reference, sha256, came_from=[before, *(_beside(provenance, root) if provenance else ())])


def _beside(provenance: Provenance, root: Path) -> list[Node]:
    """What worked beside a clip's checkpoint: adapters, and the files that it was made from."""
    given = {} if provenance.recipe is None else provenance.recipe.inputs
    return [
        *(_adapter(used, root) for used in provenance.loras),
        *(Node("file", name, sha256, "given with the request") for name, sha256 in sorted(given.items())),
    ]


def _adapter(used: LoraUsed, root: Path) -> Node:
    """A LoRA adapter by its id: its folder in the project, if it is there still."""
    scale = "" if used.scale == 1 else f"scale {used.scale:g}, "
    for path in sorted((root / ADAPTERS).rglob(MANIFEST_FILE)):
        manifest, sha256 = read_manifest(path, AdapterManifest)
        if sha256.startswith(used.adapter_id):
            note = f"{scale}trained on {len(manifest.clips)} clips beside checkpoint {manifest.base_checkpoint}"
            clips = [Node("file", name, digest) for name, digest in sorted(manifest.clips.items())]
            return Node("lora", path.parent.relative_to(root).as_posix(), sha256, note, clips)
    return Node("lora", used.adapter_id, note=f"{scale}not in {ADAPTERS}, so what it came from is not known")


def _training_clip(session: Session, clip: TrainingClip, root: Path) -> Node:
    """A clip of the training data: the file that it was cut from, and the table that lists it."""
    of = "accepted for no training phase" if not clip.phases else f"for {', '.join(clip.phases)}"
    note = f"{clip.split} split, {of}"
    where = "its times are not known" if clip.cut_s is None else f"{clip.cut_s[0]:.3f} to {clip.cut_s[1]:.3f} s"
    before = [Node("file", clip.source_path or "?", clip.source_id, f"window {clip.window_id}, {where}")]
    table = session.get(Dataset, ("clips", clip.table_sha256))
    if table is None:
        before.append(Node("clips", DataFolder().table("clips").as_posix(), clip.table_sha256, NOT_HERE))
    else:
        before.append(_dataset(session, table, root))
    return Node("clip", clip.clip_id, clip.sha256, note, before)


def _audio_window(window: AudioWindow) -> Node:
    fate = f"for {', '.join(window.phases)}" if window.reason is None else f"not trained on: {window.reason}"
    times = f"audio alone, {window.cut_s[0]:.3f} to {window.cut_s[1]:.3f} s"
    file = Node("file", window.source_path or "?", window.source_id, times)
    return Node("clip", window.clip_id, note=f"{window.split} split, {fate}", came_from=[file])


def _folder(session: Session, reference: str, root: Path) -> Node:
    """A model folder: its checkpoint, also one that the registry does not know."""
    path = root / reference / SELECTION_FILE
    if not path.is_file():
        raise UsageError(
            f"{reference} has no {SELECTION_FILE}, so it was not selected by this project and nothing is known of its "
            "training: name a model folder such as {CANDIDATE}"
        )
    selection, _ = read_manifest(path, Selection)
    checkpoint = session.get(Checkpoint, selection.checkpoint_id)
    if checkpoint is not None:
        return _checkpoint(session, checkpoint, root)
    note = f"{selection.phase}, {NOT_HERE}"
    return Node("checkpoint", selection.checkpoint_id, selection.manifest_sha256, note)


def _job(session: Session, job: Job, root: Path, checkpoint_id: str | None = None) -> Node:
    checkpoint_id = checkpoint_id or job.checkpoint_id
    before = [] if checkpoint_id is None else [_checkpoint_named(session, checkpoint_id, root)]
    if job.bento is not None:
        before = [Node("bento", job.bento, came_from=before)]
    return Node("job", job.job_id, note=job.status, came_from=before)


def _checkpoint_named(session: Session, checkpoint_id: str, root: Path) -> Node:
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is None:
        return Node("checkpoint", checkpoint_id, note=NOT_HERE)
    return _checkpoint(session, checkpoint, root)


def _checkpoint(session: Session, checkpoint: Checkpoint, root: Path) -> Node:
    query = sa.select(Alias.name).where(Alias.checkpoint_id == checkpoint.checkpoint_id).order_by(Alias.name)
    forced = [f"FORCED to {alias}" for alias in forced_aliases(session, checkpoint.checkpoint_id)]
    facts = [checkpoint.phase, *session.scalars(query), *forced]
    if checkpoint.step is not None:
        facts.insert(1, f"step {checkpoint.step}")
    if checkpoint.path is not None:
        manifest = root / checkpoint.path / MANIFEST_FILE
        facts += [checkpoint.path, *_fate(manifest, checkpoint.checkpoint_id)]
    evaluations = session.scalars(
        sa.select(Evaluation)
        .where(Evaluation.checkpoint_id == checkpoint.checkpoint_id)
        .order_by(Evaluation.evaluation_id)
    )
    judged = [
        Node(
            "evaluation",
            row.path,
            row.evaluation_id,
            ", ".join([row.suite["name"], *_fate(root / row.path, row.evaluation_id)]),
        )
        for row in evaluations
    ]
    run = None if checkpoint.run_id is None else session.get_one(Run, checkpoint.run_id)
    before = [] if run is None else [_run(session, run, root)]
    return Node(
        "checkpoint", checkpoint.checkpoint_id, checkpoint.manifest_sha256, ", ".join(facts), [*judged, *before]
    )


def _run(session: Session, run: Run, root: Path) -> Node:
    before = [_latents(session, name, sha256, run.phase, root) for name, sha256 in sorted(run.latents.items())]
    if run.start_checkpoint is not None:
        before.append(_checkpoint_named(session, run.start_checkpoint, root))
    return Node("run", run.run_id, run.manifest_sha256, f"{run.phase}, code {run.code[:16]}", before)


def _latents(session: Session, geometry: str, sha256: str, phase: str, root: Path) -> Node:
    dataset = session.get(Dataset, (f"{LATENTS}{geometry}", sha256))
    if dataset is None:
        return Node("latents", geometry, sha256, NOT_HERE)
    return _dataset(session, dataset, root, phase)


def _dataset(session: Session, dataset: Dataset, root: Path, phase: str | None = None) -> Node:
    kind = dataset.name.partition("/")[0]
    facts = [f"{dataset.rows} rows", *_fate(root / dataset.path, dataset.sha256)]
    source = "clips" if kind == "latents" else COMES_FROM.get(dataset.name)
    before = []
    for name, sha256 in sorted(dataset.inputs.items()):
        parent = session.get(Dataset, (name, sha256))
        if name == source and parent is not None:
            before.append(_dataset(session, parent, root))
        elif name == source or name in ("verdicts", "captions"):
            before.append(Node(name, parent.path if parent else "?", sha256, "" if parent else NOT_HERE))
        elif name == "codec":
            before.append(Node("codec", CODEC.as_posix(), sha256))
    if kind != "latents":
        return Node(kind, dataset.path, dataset.sha256, ", ".join(facts), before)
    used = footage_used(session, dataset, phase)
    if used is None:
        facts.append(NOT_INDEXED)
        return Node(kind, dataset.path, dataset.sha256, ", ".join(facts), before)
    for file in used.listed:
        clips = [Node("clip", *clip) for clip in file.clips]
        count = f"{file.count} clip{'s' * (file.count != 1)}"
        before.append(Node("file", file.path or "?", file.sha256, count, clips, clips=file.count))
    return Node(kind, dataset.path, dataset.sha256, ", ".join(facts), before, used.files, used.clips)


def _fate(path: Path, sha256: str) -> list[str]:
    """Nothing if what lies there is still what was recorded (by its sha256, or the start of one), else a word."""
    if not path.is_file():
        return ["gone"]
    return [] if sha256_file(path).startswith(sha256) else ["changed"]
