"""Tiny configurations of any architecture of transformers, from its own defaults made small."""

from collections.abc import Mapping
from typing import Any

CLASSES = ("bad", "poor", "fine", "good", "great")
PADDING, UNKNOWN, START, END, MASK = range(5)
LONGEST, POSITIONS = 64, 80
WIDTH, LAYERS, HEADS, HEAD_WIDTH = 32, 1, 4, 8
IMAGE_SIZE = 64
MOST_WEIGHTS = 5_000_000
HEAD_SPREAD = 2.0

SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "emb_dim", "embedding_size", "d_latents"), WIDTH),
    **dict.fromkeys(("word_embed_proj_dim", "input_embedding_size", "output_embedding_size"), WIDTH),
    **dict.fromkeys(("pooler_hidden_size", "pooler_output_size", "out_hidden_size", "projection_dim"), WIDTH),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "depth"), LAYERS),
    **dict.fromkeys(("encoder_layers", "decoder_layers", "num_self_attends_per_block"), LAYERS),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads"), HEADS),
    **dict.fromkeys(("decoder_attention_heads", "num_self_attention_heads", "num_cross_attention_heads"), HEADS),
    **dict.fromkeys(("num_key_value_heads", "num_kv_heads"), HEADS // 2),
    **dict.fromkeys(("head_dim", "d_kv", "d_head", "attention_head_size", "query_pre_attn_scalar"), HEAD_WIDTH),
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim", "v_head_dim", "kv_channels"), HEAD_WIDTH),
    **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads"), HEADS // 2),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim", "rotary_dim"), HEAD_WIDTH // 2),
    **dict.fromkeys(("kv_lora_rank", "q_lora_rank", "prediction_head_size", "projection_size"), WIDTH),
    **dict.fromkeys(("intermediate_size", "encoder_ffn_dim", "decoder_ffn_dim", "hidden_dim", "dff"), 2 * WIDTH),
    **dict.fromkeys(("ffn_dim", "d_ff", "d_inner", "feed_forward_size", "ffn_hidden_size"), 2 * WIDTH),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 2 * WIDTH),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_topk"), 2),
    **dict.fromkeys(("n_group", "topk_group", "n_shared_experts"), 1),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "max_seq_len"), POSITIONS),
    **dict.fromkeys(("sliding_window", "local_attention", "attention_window", "window_size", "chunk_size"), 8),
    **dict.fromkeys(("pad_token_id", "pad_index"), PADDING),
    **dict.fromkeys(("bos_token_id", "cls_token_id", "bos_index"), START),
    **dict.fromkeys(("eos_token_id", "sep_token_id", "eos_index", "decoder_start_token_id"), END),
    **dict.fromkeys(("forced_eos_token_id",), END),
    **dict.fromkeys(("unk_index",), UNKNOWN),
    **dict.fromkeys(("mask_token_id", "mask_index"), MASK),
    **dict.fromkeys(("layer_scale_init_value", "layerscale_value", "resid_scale"), 1.0),
    **dict.fromkeys(("pronunciation_embed_dim", "shape_embed_dim", "coordinate_size", "entity_emb_size"), WIDTH),
    **dict.fromkeys(("entity_vocab_size", "shape_vocab_size", "num_hash_buckets"), 100),
    "embed_dim": 16,
    "image_size": IMAGE_SIZE,
    "num_latents": 8,
    "mamba_dt_rank": 4,
    "out_features": None,
    "out_indices": None,
    "use_mamba_kernels": False,
}
"""What the usual names of sizes become, in any configuration that has them."""

STAGES: dict[str, Any] = {
    **dict.fromkeys(("depths", "depth", "num_block_repeats", "stage_num_blocks", "n_attn_blocks"), 1),
    **dict.fromkeys(("num_heads", "num_attention_heads"), (1, 2, 4, 8)),
    **dict.fromkeys(("hidden_sizes", "embed_dims", "embed_dim", "stage_out_channels"), (16, 32, 48, 64, 80)),
    "stage_in_channels": (16, 16, 32, 48),
    "stage_mid_channels": 8,
    "stage_numb_of_layers": 2,
    "base_attn_unit_dims": 16,
    "stem_channels": (3, 16, 16),
    "neck_hidden_sizes": (16, 16, 16, 32, 32, 48, 64),
    "key_dim": 8,
    "image_size": IMAGE_SIZE,
}
"""The same for lists with a number for each stage: one number for all, or a number each."""

TWO = {"num_hidden_layers": 2}
BOTH_KINDS = {"layer_types": ["linear_attention", "full_attention"], **TWO}
ROTARY = {"rope_type": "default", "rope_theta": 10_000.0}
LATENT = {"head_dim": HEAD_WIDTH // 2, "num_key_value_heads": HEADS}
SHARED_BLOCKS = {"layers_block_type": ["linear_attention", "hybrid"] * 2, "n_mamba_heads": 2, "num_hidden_layers": 4}
SMALL_WINDOWS = {"window_size": 2}
QUARTER = {"depth_multiplier": 0.25}
FROM_PADDING = {"decoder_start_token_id": PADDING}
OWN: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("axk1", "deepseek_v2", "deepseek_v3", "mistral4"), LATENT),
    **dict.fromkeys(("qwen3_next", "qwen3_5_text"), BOTH_KINDS),
    **dict.fromkeys(("t5", "mt5", "umt5"), FROM_PADDING),
    **dict.fromkeys(("gemma2", "gpt_oss", "modernbert", "olmo3"), TWO),  # whose layers take turns
    **dict.fromkeys(("zamba", "zamba2"), SHARED_BLOCKS),
    **dict.fromkeys(("mobilenet_v1", "mobilenet_v2"), QUARTER),
    **dict.fromkeys(("swin", "swinv2", "donut-swin"), SMALL_WINDOWS),
    "axk2": {**LATENT, "index_head_dim": 8, "index_n_heads": 2, "index_topk": 8},
    "bit": {"num_groups": 4},
    "cohere_compass_text": {
        "layer_types": ["sliding_attention", "full_attention"],
        **TWO,
        "rope_parameters": {"sliding_attention": ROTARY, "full_attention": ROTARY},
    },
    "cvt": {"depth": [1, 2, 3]},
    "efficientnet": {"width_coefficient": 0.25, "depth_coefficient": 1.0, "hidden_dim": 320},
    "esmc": {"num_key_value_heads": HEADS},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "num_layers": 2},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, **TWO},
    "layoutlmv3": {"coordinate_size": 6, "shape_size": 4},
    "lilt": {"hidden_size": 48},
    "markuplm": {"max_depth": 4, "xpath_unit_hidden_size": 8},
    "pvt": {"num_labels": len(CLASSES)},
    "qwen3_5": {"text_config": BOTH_KINDS},
    "reformer": {
        "axial_pos_shape": [8, 16],
        "axial_pos_embds_dim": [8, 24],
        "local_attn_chunk_length": 8,
        "lsh_attn_chunk_length": 8,
        "attn_layers": ["local", "lsh"],
        "hash_seed": 0,
        **TWO,
    },
    "regnet": {"groups_width": 8},
    "textnet": {"stem_out_channels": 16},
    "xmod": {"default_language": "en_XX"},
}
"""What an architecture needs beyond that, by its model type."""


def tiny_configuration(model_type: str, vocabulary: int) -> Any:
    """A configuration of some thousand weights. Raises whatever transformers raises for sizes that do not fit."""
    from transformers import CONFIG_MAPPING

    kind = CONFIG_MAPPING[model_type]
    settings = _small(kind().to_dict(), vocabulary)
    for name, value in OWN.get(model_type, {}).items():
        settings[name] = {**settings[name], **value} if name.endswith("_config") else value
    names = dict(enumerate(CLASSES))
    return kind(**settings, id2label=names, label2id={name: number for number, name in names.items()})


def _small(defaults: Mapping[str, Any], vocabulary: int) -> dict[str, Any]:
    """The settings to be changed, those of configurations inside a configuration included."""
    settings: dict[str, Any] = {}
    for name, value in defaults.items():
        if isinstance(value, dict) and "model_type" in value:
            settings[name] = _small(value, vocabulary)
        elif name == "vocab_size":
            settings[name] = vocabulary
        elif isinstance(value, (list, tuple)) and name in STAGES:
            small = STAGES[name]
            settings[name] = [small] * len(value) if isinstance(small, int) else list(small[: len(value)])
        elif name in SIZES and not isinstance(value, (list, tuple)):
            settings[name] = SIZES[name]
    return settings
