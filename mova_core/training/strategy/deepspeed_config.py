"""How DeepSpeed is set up: one table, for the backend and for the files in infra/deepspeed that show it."""

from typing import Any

STAGES = {"zero1": 1, "zero2": 2, "zero3": 3}
"""Of ZeRO, by the name of the backend in params."""

REDUCE_BUCKET = 50_000_000  # numbers of gradients that are reduced together: 0.2 GB in float32
KEPT_GATHERED = 1_000_000_000  # weights that stage 3 does not let go if they are needed again within as many


def deepspeed_config(stage: int, clip_norm: float) -> dict[str, Any]:
    """DeepSpeed's config; what is not there is its default.

    Args:
        stage: of ZeRO.
        clip_norm: that gradients are clipped to.
    """
    return {
        "train_micro_batch_size_per_gpu": 1,  # nothing is computed from it
        "gradient_accumulation_steps": 1,  # the strategy says itself which micro-batch is the last of a step
        "gradient_clipping": clip_norm,
        "zero_allow_untested_optimizer": True,  # an AdamW that leaves idle components alone
        "zero_optimization": {
            "stage": stage,
            "overlap_comm": False,
            "reduce_bucket_size": REDUCE_BUCKET,
            "stage3_max_live_parameters": KEPT_GATHERED,
            "stage3_max_reuse_distance": KEPT_GATHERED,
            "stage3_param_persistence_threshold": 0,  # every weight is in parts, however small
        },
    }
