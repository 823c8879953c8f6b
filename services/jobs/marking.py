"""Marks the clips of jobs: the signed manifest goes into the file before anyone can fetch it."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mova_core.marking.credential import Credential
from mova_core.marking.development import credential_of
from mova_core.marking.sign import sign_clip
from mova_core.storage.hashing import sha256_file
from services.jobs.inputs import JobInputs
from services.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class ClipMarker:
    """Marks with one credential.

    Args:
        credential: signs.
        inputs: where the files lie that requests name.
        timestamp_url: of an authority that dates the marking; None: none does.
    """

    credential: Credential
    inputs: JobInputs
    timestamp_url: str | None = None

    @classmethod
    def of(cls, settings: ServiceSettings, inputs: JobInputs) -> "ClipMarker | None":
        """The one that the section `serve` asks for, None where clips stay unmarked.

        Raises:
            UsageError: as of `credential_of`.
        """
        if settings.params.mark == "none":
            return None
        return cls(credential_of(settings.root), inputs, settings.params.timestamp_url)

    def mark(self, path: Path, request: dict[str, Any]) -> str:
        """Mark a job's clip; errors as of `sign_clip`.

        Args:
            path: of the clip.
            request: of the job.

        Returns:
            sha256 of the file that is there now.
        """
        with tempfile.TemporaryDirectory(prefix="mova-given-") as folder:
            given = {name: Path(folder, name) for name in request.get("inputs", {})}
            for name, file in given.items():
                self.inputs.copy(request["inputs"][name], file)
            sign_clip(path, given, self.credential, self.timestamp_url)
        return sha256_file(path)
