"""Sections of `params.yaml` for the model half: training and serving (generation and evaluation have modules of their
own).

Closed and frozen; each field has its default, its range and its meaning. The defaults are those of preset nano;
`presets.py` says where a mova preset differs. Names of phases are here, because sections are named by them and both
curation (which clips a phase takes) and training (what it does with them) read them.
"""

from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, model_validator

from mova_core.params.numbers import NotNegative, Positive
from mova_core.params.section import Section
from mova_core.places import MODELS

PhaseName = Literal["audio", "phase1", "phase2", "phase3"]  # in the order of training
Precision = Literal["float32", "bfloat16"]
ActivationCheckpointing = Literal["none", "selective", "full"]
Backend = Literal["torch", "zero1", "zero2", "zero3"]  # of parallel training
LoraComponent = Literal["video_dit", "video_dit_2", "audio_dit", "dual_tower_bridge"]
LoraModule = Literal["q", "k", "v", "o", "ffn.0", "ffn.2"]  # ends of the names of linear layers
PHASE_NAMES: tuple[PhaseName, ...] = get_args(PhaseName)

RANDOM = "random"  # fresh weights
SELECTED_AUDIO = (MODELS / "audio").as_posix()

AdapterName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w-]{0,99}$")]


class TowerParams(Section):
    """Size of one tower's transformer."""

    width: int = Field(96, ge=1, description="channels of a token between the layers")
    heads: int = Field(3, ge=1, description="of attention; width / heads is the same in both towers, such as 32 or 128")
    layers: int = Field(4, ge=1)
    mlp_width: int = Field(384, ge=1, description="channels inside a feed-forward layer")

    @property
    def head_width(self) -> int:
        """Channels of one attention head."""
        return self.width // self.heads

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> "TowerParams":
        third = self.head_width // 3  # of the rotary channels: height, width, and the rest is time's
        if self.width % self.heads or self.head_width % 2 or third % 2 or not third:
            raise ValueError(
                f"a width of {self.width} in {self.heads} heads gives {self.width / self.heads:g} channels a head, "
                "expected an even number whose third, rounded down, is even too (12, 14, 20, 24, 26, 32 or 128)"
            )
        return self


class ModelParams(Section):
    """Size of a model that starts from fresh weights; the Bridge follows from both towers.

    The width must stay above the numbers of a token: nano's is 64 (2 x 2 video latents, or 4 audio latents, of 16
    channels).
    """

    video: TowerParams = Field(TowerParams(), description="each of the two video experts")
    audio: TowerParams = TowerParams()
    timestep_width: int = Field(
        64, ge=2, multiple_of=2, description="cosines and sines of a timestep, before they are embedded; released: 256"
    )
    rope_theta: Positive = Field(256.0, description="base of the rotary frequencies; released: 10000")

    @model_validator(mode="after")
    def _heads_are_as_wide_in_both_towers(self) -> "ModelParams":
        video, audio = self.video.head_width, self.audio.head_width
        if video != audio:
            raise ValueError(
                f"a video head has {video} channels and an audio head {audio}: expected the same, because the Bridge "
                "turns both by one table"
            )
        return self


class Weights(Section):
    """Weights of choices, of which one at least is above 0."""

    on_one_line: ClassVar[bool] = True
    if_none: ClassVar[str]  # what is said where none is

    @model_validator(mode="after")
    def _one_has_weight(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError(self.if_none)
        return self


class CaptionWeights(Weights):
    """How often a clip is trained on each kind of its captions, of those that it has."""

    if_none = "no kind of caption has a weight above 0: a model without captions is text_dropout 1"

    merged: NotNegative = 1.0
    visual: NotNegative = 0.0
    speech: NotNegative = 0.0
    sound: NotNegative = 0.0


class TaskWeights(Weights):
    """How often a clip is trained on each task of `mova_core/model/tasks.py`."""

    if_none = "no task has a weight above 0, expected one at least"

    text_to_both: NotNegative = 0.5
    audio_from_video: NotNegative = 0.0
    video_from_audio: NotNegative = 0.0
    audio_alone: NotNegative = 0.0
    video_alone: NotNegative = 0.0
    first_frame: NotNegative = 0.5
    first_and_last_frame: NotNegative = 0.0
    last_frame: NotNegative = 0.0


class SourceParams(Section):
    """How a phase trains on the clips of one origin, as the sidecars of their files state it."""

    weight: Positive = Field(1.0, description="how often its clips are drawn, against those of weight 1")
    captions: CaptionWeights | None = Field(None, description="kinds of its captions; null: those of the phase")


class AudioPhaseParams(Section):
    """One phase of training in which the audio tower is alone: text to audio."""

    steps: int = Field(300, ge=1, description="optimizer steps")
    batch: int = Field(64, ge=1, description="clips a step, of all processes together")
    audio_shift: Positive = Field(1.0, description="sigma shift of the audio")
    text_dropout: float = Field(0.2, ge=0, le=1, description="share of clips trained on the empty text")
    captions: CaptionWeights = Field(
        CaptionWeights(), description="kinds of caption by weight; of those that a clip has, one is drawn"
    )
    sources: dict[str, SourceParams] = Field(
        {},
        description="origin that sidecars state -> weight and kinds of caption, such as {music: {weight: 2.0}}",
    )
    normalize_loudness: bool = Field(False, description="audio at encode.target_lufs instead of as it is")
    lr_end: float = Field(0.1, ge=0, le=1, description="learning rate at the last step, as a multiple of the peak")


class JointPhaseParams(AudioPhaseParams):
    """One phase of training both towers and the Bridge."""

    steps: int = Field(700, ge=1, description="optimizer steps")
    batch: int = Field(16, ge=1, description="clips a step, of all processes together")
    video_shift: Positive = Field(5.0, description="sigma shift of the video")
    audio_shift: Positive = Field(5.0, description="sigma shift of the audio")
    bridge_dropout: float = Field(
        0.15, ge=0, le=1, description="share of clips trained with the Bridge off, drawn apart from the text"
    )
    tasks: TaskWeights = Field(TaskWeights(), description="what clips are trained on, by weight: model/tasks.py")
    lr_end: float = Field(0.2, ge=0, le=1, description="learning rate at the last step, as a multiple of the peak")


class InitParams(Section):
    """What the first joint phase starts from; every later phase starts from the weights selected in the one before."""

    video: str = Field(RANDOM, min_length=1, description="both experts: random, or a model folder")
    audio: str = Field(
        SELECTED_AUDIO, min_length=1, description="a model folder; models/audio: the one selected in phase audio"
    )
    bridge: str = Field(RANDOM, min_length=1, description="random, or a model folder")

    @property
    def folders(self) -> dict[str, str | None]:
        """The folder of each component's weights, by component name; None for fresh ones."""
        named = {"video_dit": self.video, "video_dit_2": self.video, "audio_dit": self.audio}
        named["dual_tower_bridge"] = self.bridge
        return {name: None if folder == RANDOM else folder for name, folder in named.items()}


class OptimizerParams(Section):
    """AdamW and its learning rate: warm-up, stable, then linear to the phase's `lr_end`."""

    lr: Positive = Field(1.5e-3, description="peak, of the towers")
    bridge_lr_factor: Positive = Field(2.0, description="the Bridge starts from random weights: report, 2")
    weight_decay: NotNegative = Field(0.001, description="report")
    warmup_steps: int = Field(50, ge=0)
    stable_fraction: float = Field(
        0.6, ge=0, le=1, description="share of the steps after which the learning rate falls"
    )
    clip_norm: Positive = Field(1.0, description="of all gradients together")
    ema_decay: float = Field(0.99, ge=0, lt=1, description="of the averaged weights")


class LossParams(Section):
    """Weights of the parts of the loss."""

    video_weight: NotNegative = Field(1.0, description="lambda_v, report")
    audio_weight: NotNegative = Field(0.2, description="lambda_a, report")
    first_latent_weight: NotNegative = Field(
        2.0, description="of the first latent frame against each other one; ours, the report has none"
    )


class LoraParams(Section):
    """LoRA fine-tuning: small matrices beside the linear layers of a model that itself stays as it is.

    A layer y = W x becomes y = W x + (alpha / rank) B A x, of which A and B are trained. All else is as in the phase
    that is fine-tuned.
    """

    rank: int = Field(8, ge=1, le=1024, description="rows of A, columns of B")
    alpha: Positive = Field(16.0, description="alpha / rank is the strength of what is added")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of A's inputs that a training step leaves out")
    components: tuple[LoraComponent, ...] = Field(
        get_args(LoraComponent), min_length=1, description="parts of the model that are adapted"
    )
    modules: tuple[LoraModule, ...] = Field(
        ("q", "k", "v", "o"), min_length=1, description="their layers: q, k, v, o of attention, ffn.0, ffn.2"
    )
    base: str | None = Field(None, min_length=1, description="a model folder; null: models/PHASE")
    steps: int = Field(200, ge=1, description="optimizer steps")
    batch: int = Field(8, ge=1, description="clips a step, of all processes together")
    lr: Positive = Field(3e-3, description="peak, of all components")


class SaveEvery(Section):
    """Steps between two checkpoints of a phase; one number stands for all phases."""

    on_one_line: ClassVar[bool] = True

    audio: int = Field(250, ge=1)
    phase1: int = Field(250, ge=1)
    phase2: int = Field(250, ge=1)
    phase3: int = Field(250, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _one_number_for_all(cls, values: Any) -> Any:
        return dict.fromkeys(PHASE_NAMES, values) if isinstance(values, int) else values


class CheckpointParams(Section):
    """How often a run is saved and measured; neither changes what it learns."""

    save_every: SaveEvery = Field(SaveEvery(), description="steps; one number is for all phases")
    keep: int = Field(2, ge=1, description="so many of the newest stay, and the one of the lowest validation loss")
    validate_every: int = Field(250, ge=1, description="steps")


class ParallelParams(Section):
    """How training is laid over processes: replicate x shard x context of them, a device each.

    It changes no weight but in the last bits.
    """

    replicate: int | None = Field(None, ge=1, description="copies of the model; null: what the processes give")
    shard: int = Field(1, ge=1, description="parts of a copy of the model, each with clips of its own (FSDP2)")
    context: int = Field(
        1, ge=1, description="processes that divide the tokens of a clip (Ulysses); a copy is cut over shard x context"
    )
    reshard: bool = Field(True, description="let gathered weights go between forward and backward")
    cpu_offload: bool = Field(False, description="weights, gradients and moments wait on the processor")
    backend: Backend = Field(
        "torch",
        description="zero1, zero2, zero3: DeepSpeed divides over all processes; shard and context stay 1",
    )


class LaunchParams(Section):
    """Where the processes of training are started. It changes no weight but in the last bits."""

    launcher: Literal["local", "slurm", "kubernetes", "ray"] = Field("local", description="local: on this machine")
    nodes: int = Field(1, ge=1, description="machines")
    processes_per_node: int = Field(1, ge=1, description="1 on 1 node: in the process of the command itself")
    gpus: bool = Field(False, description="whether a cluster is asked for a GPU a process")
    image: str = Field("mova-mlops", description="container image of kubernetes")


class TrainingSamplesParams(Section):
    """Clips that a joint phase makes while it trains, with the averaged weights and the settings of `generate`."""

    on_one_line: ClassVar[bool] = True

    every: int = Field(0, ge=0, description="steps; 0: none")
    prompts: tuple[str, ...] = Field((), description="a clip each")

    @model_validator(mode="after")
    def _prompts_are_given(self) -> Self:
        if self.every and not self.prompts:
            raise ValueError(f"every is {self.every} and prompts is empty, expected a prompt at least")
        return self


class MonitorParams(Section):
    """What is shown of a training while it goes. It changes no weight."""

    log_every: int = Field(
        10, ge=0, description="steps between two rows of figures, on the screen and for TensorBoard; 0: none"
    )
    samples: TrainingSamplesParams = Field(
        TrainingSamplesParams(), description="clips made every so many steps of a joint phase, one a prompt; 0: none"
    )


class HealthParams(Section):
    """When a step is skipped instead of moving the weights, and when a run stops."""

    window: int = Field(200, ge=20, description="steps that a new one is compared with")
    spike_factor: float = Field(
        10.0, gt=1, allow_inf_nan=False, description="of the window's 98 % quantile: above it a loss or norm is a spike"
    )
    most_skipped: int = Field(10, ge=0, description="of the window; one more stops the run")


class TrainParams(Section):
    """Training: what each phase does, and what they share."""

    micro_batches: int | None = Field(
        2, ge=1, description="parts of a batch computed side by side; null: one a clip; decides the last bits"
    )
    shards_in_memory: int = Field(
        16, ge=1, description="shards of latents that are open at a time; clips are shuffled within as many"
    )
    precision: Precision = Field("float32", description="of the computation; bfloat16: weights stay float32")
    activation_checkpointing: ActivationCheckpointing = Field(
        "none", description="full: keep inputs of blocks, compute the rest again; selective: matrix products are kept"
    )
    parallel: ParallelParams = Field(ParallelParams(), description="layout over processes")
    launch: LaunchParams = Field(LaunchParams(), description="where the processes are started")
    model: ModelParams = Field(ModelParams(), description="size of fresh weights; each later phase keeps it")
    init: InitParams = Field(InitParams(), description="what the first joint phase starts from")
    optimizer: OptimizerParams = OptimizerParams()
    loss: LossParams = LossParams()
    checkpoints: CheckpointParams = CheckpointParams()
    health: HealthParams = HealthParams()
    monitor: MonitorParams = Field(MonitorParams(), description="what is shown of it")
    audio: AudioPhaseParams = Field(AudioPhaseParams(), description="the audio tower alone")
    phase1: JointPhaseParams = Field(
        JointPhaseParams(audio_shift=1.0, text_dropout=0.5), description="both towers and the Bridge"
    )
    phase2: JointPhaseParams = Field(
        JointPhaseParams(steps=500, normalize_loudness=True), description="the better clips, audio at one loudness"
    )
    phase3: JointPhaseParams = Field(
        JointPhaseParams(steps=700, normalize_loudness=True, lr_end=0.02),
        description="the best clips, at the largest canvas",
    )
    lora: LoraParams = Field(LoraParams(), description="mova train --lora NAME: clips of one's own")

    def micro_batches_of(self, batch: int) -> int:
        """Parts of a batch of so many clips."""
        return batch if self.micro_batches is None else self.micro_batches


class ServeParams(Section):
    """Serving: the API and the queue behind it. None of it changes a clip unless its request asks for an adapter."""

    host: str = Field("127.0.0.1", description="whoever opens it wider puts a proxy with access control in front")
    port: int = Field(3000, ge=1, le=65535)
    api_workers: int = Field(1, ge=1, le=64, description="processes that answer requests; one more makes the clips")
    lease_s: float = Field(
        10.0, gt=0.5, allow_inf_nan=False, description="a worker silent for so long is taken for dead"
    )
    poll_s: float = Field(0.2, gt=0, allow_inf_nan=False, description="how often an idle worker looks for a job")
    queue: int = Field(100, ge=1, description="jobs that may wait; a request beyond is turned away")
    keep_s: float = Field(
        604800.0, gt=0, allow_inf_nan=False, description="seconds that a finished job is kept with its files: 7 days"
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="names in the Host header that are answered beside localhost and addresses"
    )
    allowed_origins: tuple[str, ...] = Field(
        (), description="pages of elsewhere that may ask, such as https://example.org"
    )
    webhooks_to_private: bool = Field(
        False, description="whether requests may name webhook addresses of private networks, and http"
    )
    price_per_second: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="of a clip's length, told before it is asked for; null: none is"
    )
    max_seconds: float = Field(10.0, gt=0, allow_inf_nan=False, description="longest clip that may be asked for")
    mark: Literal["c2pa", "none"] = Field(
        "c2pa",
        description="c2pa | none: clips say, signed, that a model made them, or are as mova generate gives",
    )
    timestamp_url: str | None = Field(
        None, pattern="^https?://", description="of an RFC 3161 authority that dates the marking; null: none does"
    )
    loras: tuple[AdapterName, ...] = Field((), description="adapters in models/lora that a request may ask for by name")
