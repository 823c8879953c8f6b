"""Section `speech` of `params.yaml`: the models that say who speaks when, and what is said."""

from pydantic import Field, model_validator

from mova_core.params.section import Section
from mova_core.params.weights import Weights


class DiarizationParams(Section):
    """pyannote.audio's pipeline; its segmentation network is `weights.pyannote`."""

    embedding: Weights | None = Field(None, description="WeSpeaker ResNet34 as safetensors: whose voice it is")
    plda_transform: Weights | None = Field(None, description="xvec_transform.npz: what the voices are compared in")
    plda: Weights | None = Field(None, description="plda.npz: how they are compared")
    step: float = Field(0.1, gt=0, le=1, description="from one window of 10 s to the next, as a share of it")
    most_speakers: int | None = Field(None, ge=1, description="in one clip; null = any number")

    @model_validator(mode="after")
    def _whole_or_nothing(self) -> "DiarizationParams":
        parts = {name: getattr(self, name) for name in ("embedding", "plda_transform", "plda")}
        missing = [name for name, part in parts.items() if part is None]
        if missing and len(missing) < len(parts):
            raise ValueError(f"{' and '.join(missing)} missing: expected all of {', '.join(parts)}, or none")
        return self


class SpeechParams(Section):
    """Who says what, for evaluation and captions. Without a `whisper` here, MOVA_ASR_URL may name an endpoint."""

    whisper: Weights | None = Field(None, description="{path: FOLDER, sha256: of all its files} of a local Whisper")
    language: str | None = Field(None, pattern="^[a-z]{2,3}$", description="that is spoken, such as en; null = any")
    diarization: DiarizationParams = Field(DiarizationParams(), description="{path: FILE, sha256: DIGEST} each")
