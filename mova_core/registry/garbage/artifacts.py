"""What may go of the artifact store and of what this machine holds of it: manifests, folders and blobs.

A blob stays while any manifest lists it that stays, and while it is young: an upload puts its blobs first and their
manifest last. A manifest of a checkpoint that this registry has never heard of is another registry's, and one of a kind
that is not known here another version's: both stay.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mova_core.places import ARTIFACTS
from mova_core.registry.artifacts import MANIFEST_OF, stores
from mova_core.registry.garbage.garbage import Garbage, before, garbage_path
from mova_core.storage.artifact_store.base import ArtifactStore, blob_place, manifest_place
from mova_core.storage.artifact_store.listed import listed_files

YOUNG_S = 24 * 3600.0  # longer than any upload takes
KINDS = tuple(f"{kind}s" for kind in MANIFEST_OF)


@dataclass(frozen=True, slots=True)
class Needed:
    """What decides over an artifact.

    Args:
        checkpoints: ids of those that must stay.
        known: ids of all that the registry has a row of.
    """

    checkpoints: Collection[str]
    known: Collection[str]

    def may_go(self, kind: str, name: str) -> bool:
        """Whether a manifest, or the folder of the same name, is needed by nobody."""
        checkpoint_id = name.partition("-")[0]
        return kind in KINDS and checkpoint_id in self.known and checkpoint_id not in self.checkpoints


def artifact_garbage(root: Path, needed: Needed) -> Iterator[Garbage]:
    """All of it, in the order in which it must be removed: what is read first goes first.

    Raises:
        MovaError, UsageError: the store does not answer, or refuses.
    """
    for kind in KINDS:
        for folder in sorted((root / ARTIFACTS / kind).glob("*-*")):
            if needed.may_go(kind, folder.name):
                yield garbage_path(folder, root, "no alias, deployment or served clip needs this checkpoint")
    for store in stores(root):
        yield from _of_store(store, needed)


def _of_store(store: ArtifactStore, needed: Needed) -> Iterator[Garbage]:
    blobs = list(store.blobs())  # before the manifests: a blob that comes later is not looked at
    stay: set[str] = set()
    for kind in store.kinds():
        for name in store.manifests(kind):
            if (content := store.get_manifest(kind, name)) is None:
                continue  # removed meanwhile
            place = f"{store.address}/{manifest_place(kind, name)}"
            if needed.may_go(kind, name):
                reason = "no alias, deployment or served clip needs this checkpoint"
                yield Garbage(place, len(content), reason, partial(store.remove_manifest, kind, name))
            else:
                stay |= {entry.sha256 for entry in listed_files(content, place).values()}
    old = before(YOUNG_S)
    for blob in blobs:
        if blob.sha256 not in stay and blob.modified_at < old:
            place = f"{store.address}/{blob_place(blob.sha256)}"
            yield Garbage(place, blob.bytes, "no kept artifact lists it", partial(store.remove_blob, blob.sha256))
