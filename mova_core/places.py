"""Where everything of a project lies, from the project's folder. dvc.yaml names the same paths; a test compares them.

data/      footage, tables, clips, latents        models/    codec, and the selected model of each phase
runs/      a folder a phase; kept/ earlier runs   reports/   contracts, evaluations, pages
dist/      the packaged model                     logs/, demo/, .mova/ (registry, caches: the project's own)
"""

from dataclasses import dataclass
from pathlib import Path

PARAMS = Path("params.yaml")
DATA = Path("data")
FOOTAGE, SOURCES_LOCK = DATA / "footage", DATA / "sources.lock"
TAKEDOWNS = DATA / "takedowns.json"  # files of the footage that may not be used, under git
MODELS = Path("models")
CODEC = MODELS / "codec"
CANDIDATE = MODELS / "phase3"  # the last phase's: packaged and promoted where no other is named
ADAPTERS = MODELS / "lora"  # of LoRA, a folder each
RUNS = Path("runs")
CHECKPOINTS = "checkpoints"  # folder of a run
PLOTS = "plots"  # folder of a run: its curves for `dvc plots`
SAMPLES, SAMPLE_CLIPS_FILE = "samples", "clips.json"  # folder of a run: clips that it made; what those of a step are
PROFILE = "profile"  # folder of a run: where its time goes, if it was asked
TENSORBOARD = "tensorboard"  # folder of a run: event files, which DVC ignores because they hold the time of day
LORA_RUNS = RUNS / "lora"
KEPT_RUNS = "kept"  # folder beside the run folders: earlier runs, out of DVC's sight
REPORTS = Path("reports")
CONTRACTS, EVALUATIONS = REPORTS / "contracts", REPORTS / "evaluation"
CHAMPION_EVALUATIONS = REPORTS / "champions"  # of champions, on a later candidate's suite
REPORT_PAGE = REPORTS / "index.html"
MODEL_CARDS = REPORTS / "cards"
DIST = Path("dist")
BENTO = DIST / "bento"
SMOKE_CLIP = BENTO / "smoke.mp4"  # what the packaged service answers
LOGS = Path("logs")
SERVE_LOG = LOGS / "serve.log"
DEMO = Path("demo")
PRIVATE = Path(".mova")
REGISTRY = PRIVATE / "registry.db"
USAGE = PRIVATE / "usage"  # what trainings cost, a file a run
RESULT_CACHE = PRIVATE / "result_cache"
PROMPTING_CACHE = PRIVATE / "prompting"  # answers of the models that rewrite prompts
CAPTION_CACHE = PRIVATE / "captions"  # answers of the models that caption clips
ARTIFACTS = PRIVATE / "artifacts"  # promoted models and their packages, kept for good
ARENA_CLIPS = PRIVATE / "arena"  # copies of the clips that people compare
ARENA_ANSWERS = PRIVATE / "arena_answers"  # of the models that judge pairs of the arena
C2PA_DEVELOPMENT = PRIVATE / "c2pa" / "development.pem"  # signs clips where no operator's key is named
DEPLOYMENT = PRIVATE / "deployment.json"
SERVED_CLIPS = PRIVATE / "clips"
SERVED_INPUTS = PRIVATE / "job_inputs"  # files that clips are asked to be made from, by content
KNOWN_INPUTS = PRIVATE / "inputs"  # where lay what clips were made from, by digest
BENTOML_HOME = PRIVATE / "bentoml"
COMPILED = PRIVATE / "compiled"  # Python code of served packages
UNPUSHED = PRIVATE / "unpushed.json"  # what no DVC remote has yet


@dataclass(frozen=True, slots=True)
class DataFolder:
    """Tables and clips of a curation: the same names under `data/` (DVC) and under `mova curate --out`."""

    root: Path = DATA

    def table(self, name: str) -> Path:
        """A table of `mova_core/curation/tables.py`."""
        return self.root / f"{name}.parquet"

    def rejects(self, stage: str) -> Path:
        """What one stage turned away, each row with its reason (table `rejects`)."""
        return self.root / "rejects" / f"{stage}.parquet"

    @property
    def hidden(self) -> Path:
        """Names of the files and folders of the footage that `ingest` skipped because they begin with a dot, JSON.

        No table names it: a file that a file browser leaves behind must not make everything anew.
        """
        return self.root / "hidden.json"

    @property
    def clips(self) -> Path:
        return self.root / "clips"

    def latents(self, geometry: str) -> Path:
        return self.root / "latents" / geometry

    def own_clips(self, name: str) -> "DataFolder":
        """Tables, clips and latents of the clips that a LoRA adapter is trained on."""
        return DataFolder(self.root / "lora" / name)

    @property
    def codec(self) -> Path:
        return CODEC
