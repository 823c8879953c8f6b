"""The test footage (../shared/media) as a project of its own, with our commands called as a person calls them.

The damaged files of that footage are left out: they cost next to nothing, and separate tools would fail on them.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.spent import Spent, spent
from mova_core.params import Params, load_params
from mova_core.places import DataFolder

MEDIA = Path("../shared/media")
WHOLE = (".", "derived")  # folders of MEDIA whose files are whole
NOT_FOOTAGE = ("README.md", "MANIFEST.json")
PRESET = "mova-720p"


def why_not() -> str | None:
    """A sentence when the footage is not here."""
    return None if MEDIA.is_dir() else f"{MEDIA} is not here, so curation is not measured on real footage"


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with params.yaml and footage, in which the stages run.

    Args:
        root: the folder.
    """

    root: Path

    @classmethod
    def with_media(cls, root: Path) -> "Project":
        """All whole files of the test footage."""
        return cls.with_files(root, [path for folder in WHOLE for path in sorted((MEDIA / folder).glob("*.*"))])

    @classmethod
    def with_files(cls, root: Path, files: list[Path]) -> "Project":
        """These files, by their names."""
        (root / "footage").mkdir(parents=True)
        for path in files:
            if path.name not in NOT_FOOTAGE:
                shutil.copy(path, root / "footage" / path.name)
        (root / "params.yaml").write_text(f"preset: {PRESET}\ningest: {{footage: footage}}\n", encoding="utf-8")
        return cls(root)

    @property
    def footage(self) -> Path:
        return self.root / "footage"

    @property
    def data(self) -> DataFolder:
        return DataFolder(self.root / "data")

    @property
    def params(self) -> Params:
        return load_params(self.root / "params.yaml")

    def run(self, stage: str, workers: int = 1) -> Spent:
        """`mova STAGE --workers N`."""
        mova = Path(sys.executable).parent / "mova"
        return spent([mova, stage, "--workers", str(workers)], folder=self.root)

    def forget(self) -> None:
        """Throw away what stages made, so that they make it again."""
        for made in (self.data.root, self.root / ".mova"):
            shutil.rmtree(made, ignore_errors=True)
