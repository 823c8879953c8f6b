"""Where the tables and clips of a curation lie: the same names under `data/` (DVC) and under `mova curate --out`."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Paths under one root."""

    root: Path = Path("data")

    def table(self, name: str) -> Path:
        """`sources`, `segments`, `windows`, `near_duplicates`, `clips`, `verdicts`, `captions`."""
        return self.root / f"{name}.parquet"

    def rejects(self, stage: str) -> Path:
        """What one stage turned away, each row with its reason (table `rejects`)."""
        return self.root / "rejects" / f"{stage}.parquet"

    @property
    def clips(self) -> Path:
        return self.root / "clips"

    def latents(self, geometry: str) -> Path:
        return self.root / "latents" / geometry

    @property
    def codec(self) -> Path:
        return Path("models/codec")
