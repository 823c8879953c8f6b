"""Entries of the catalogue for what models with weights say of each clip; the user brings the weights."""

from mova_core.evaluation.measuring.metric import AMOUNT, ANY, COSINE, SHARE, MetricSpec, Need, mean_by_model

_AUDIOBOX = {
    "PQ": "production quality: how clean and well recorded the audio is",
    "PC": "production complexity: how many things sound at once",
    "CE": "content enjoyment: how pleasing the audio is",
    "CU": "content usefulness: how well it could serve as material",
}
AUDIOBOX = tuple(
    MetricSpec(
        f"audiobox_{axis.lower()}",
        f"Audiobox {axis}",
        f"predicted {meaning}; about 1 to 10",
        *("neither" if axis == "PC" else "higher", ANY),
        source="arXiv:2502.05139",
        ratio=mean_by_model("audiobox", f"audiobox_{axis.lower()}"),
        model="audiobox",
        chosen=True,
    )
    for axis, meaning in _AUDIOBOX.items()
)
SYNC = (
    MetricSpec(
        "ib_score",
        "IB-Score",
        "cosine of ImageBind's embeddings of a clip's video and audio",
        *("higher", COSINE),
        source="arXiv:2305.05665, MOVA report",
        ratio=mean_by_model("imagebind", "imagebind"),
        needs=(Need.VIDEO,),
        model="imagebind",
        chosen=True,
        mean_of_sets=True,
    ),
    MetricSpec(
        "desync_synchformer_s",
        "DeSync (Synchformer)",
        "predicted offset of audio and video without sign, of 21 from -2 to 2 s; mean of a clip's first and last 4.8 s",
        *("lower", (0.0, 2.0)),
        unit="s",
        source="arXiv:2401.16423, MOVA report",
        ratio=mean_by_model("synchformer", "desync_s"),
        needs=(Need.VIDEO,),
        model="synchformer",
        chosen=True,
        agreement="sync",
        mean_of_sets=True,
    ),
    MetricSpec(
        "lse_d",
        "LSE-D",
        "least distance of SyncNet's embeddings of lips and speech over shifts of up to 15 frames",
        *("lower", AMOUNT),
        source="SyncNet: J. S. Chung and A. Zisserman, 2016; the measures: arXiv:2008.10010",
        ratio=mean_by_model("syncnet", "lse_d"),
        needs=(Need.VIDEO,),
        model="syncnet",
        chosen=True,
        only_set="set3",
    ),
    MetricSpec(
        "lse_c",
        "LSE-C",
        "by how much that distance lies below the median over the shifts",
        *("higher", AMOUNT),
        source="SyncNet: J. S. Chung and A. Zisserman, 2016; the measures: arXiv:2008.10010",
        ratio=mean_by_model("syncnet", "lse_c"),
        needs=(Need.VIDEO,),
        model="syncnet",
        chosen=True,
        only_set="set3",
    ),
)
TEXT = (
    MetricSpec(
        "clap_score",
        "CLAP",
        "cosine of CLAP's embeddings of a clip's audio and of its prompt",
        *("higher", COSINE),
        source="arXiv:2211.06687",
        ratio=mean_by_model("clap", "clap"),
        needs=(Need.PROMPTS,),
        model="clap",
        chosen=True,
        agreement="text",
    ),
)
QUALITY = tuple(
    MetricSpec(
        f"dover_{side}",
        f"DOVER {side}",
        f"predicted {side} quality of the video",
        *("higher", SHARE),
        source="arXiv:2211.04894",
        ratio=mean_by_model("dover", f"dover_{side}"),
        needs=(Need.VIDEO,),
        model="dover",
        chosen=True,
    )
    for side in ("aesthetic", "technical")
)
TAGS = tuple(
    MetricSpec(
        f"eat_{tag}",
        f"{tag} by EAT",
        f"probability that the audio holds {tag}: class {tag.capitalize()} of AudioSet",
        *("neither", SHARE),
        source="arXiv:2401.03497",
        ratio=mean_by_model("eat", f"eat_{tag}"),
        model="eat",
        chosen=True,
    )
    for tag in ("speech", "singing")
)
BY_MODELS = (*SYNC, *TEXT, *AUDIOBOX, *QUALITY, *TAGS)
