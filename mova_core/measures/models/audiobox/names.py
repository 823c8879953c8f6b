"""Names in WavLM's published state dict for those in transformers' WavLMModel: the same tensors, one for one.

Source: microsoft/unilm, wavlm/WavLM.py, which Audiobox-aesthetics holds unchanged; transformers, models/wavlm,
convert_wavlm_original_pytorch_checkpoint_to_pytorch.py.
"""

import re
from collections.abc import Iterable

PUBLISHED = (
    (r"feature_extractor\.conv_layers\.(\d+)\.conv\.", r"feature_extractor.conv_layers.\1.0."),
    (r"feature_extractor\.conv_layers\.(\d+)\.layer_norm\.", r"feature_extractor.conv_layers.\1.2."),
    (r"feature_projection\.layer_norm\.", "layer_norm."),
    (r"feature_projection\.projection\.", "post_extract_proj."),
    (r"masked_spec_embed", "mask_emb"),
    (r"encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original0", "encoder.pos_conv.0.weight_g"),
    (r"encoder\.pos_conv_embed\.conv\.parametrizations\.weight\.original1", "encoder.pos_conv.0.weight_v"),
    (r"encoder\.pos_conv_embed\.conv\.bias", "encoder.pos_conv.0.bias"),
    (r"(encoder\.layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
    (r"(encoder\.layers\.\d+)\.feed_forward\.intermediate_dense\.", r"\1.fc1."),
    (r"(encoder\.layers\.\d+)\.feed_forward\.output_dense\.", r"\1.fc2."),
    (r"(encoder\.layers\.\d+)\.attention\.gru_rel_pos_linear\.", r"\1.self_attn.grep_linear."),
    (r"(encoder\.layers\.\d+)\.attention\.gru_rel_pos_const", r"\1.self_attn.grep_a"),
    (r"(encoder\.layers\.\d+)\.attention\.rel_attn_embed\.", r"\1.self_attn.relative_attention_bias."),
    (r"(encoder\.layers\.\d+)\.attention\.", r"\1.self_attn."),
)


def published_names(names: Iterable[str], prefix: str) -> dict[str, str]:
    """The published name of each of these that begins with `prefix`, that of the WavLMModel; others keep theirs."""
    return {name: prefix + _published(name[len(prefix) :]) if name.startswith(prefix) else name for name in names}


def _published(name: str) -> str:
    for pattern, published in PUBLISHED:
        found = re.match(pattern, name)
        if found:
            return found.expand(published) + name[found.end() :]
    return name
