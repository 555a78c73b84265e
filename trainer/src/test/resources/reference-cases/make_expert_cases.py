"""Reference cases of families with experts and latent attention, computed by Hugging Face transformers and PyTorch in float32, in the form that `verify` reads:
shared experts with and without gate, layers without experts, groups, latent attention with and without a query latent, yarn with its correction of attention,
fused tensors of experts, weights in FP8 by blocks.

Not part of the build. Usage: make_expert_cases.py OUT [CASE ...]
"""
import json, os, shutil, sys
import torch
from safetensors.torch import save_file, load_file
import case_maker
from case_maker import config

OUT, WANTED = sys.argv[1], sys.argv[2:]
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=40.0, original_max_position_embeddings=16, beta_fast=32, beta_slow=1, mscale=1.0, mscale_all_dim=1.0)
LATENT = dict(num_key_value_heads=4, kv_lora_rank=12, qk_rope_head_dim=8, qk_nope_head_dim=10, v_head_dim=6, moe_intermediate_size=16, n_routed_experts=8,
              num_experts_per_tok=3, first_k_dense_replace=1)


CASES = {
    "qwen1.5-moe": (config("qwen2_moe", num_hidden_layers=3, num_key_value_heads=4, moe_intermediate_size=16, shared_expert_intermediate_size=40, num_experts=6,
                           num_experts_per_tok=3, norm_topk_prob=False, decoder_sparse_step=1, mlp_only_layers=[1]), "old"),
    "qwen3_moe-every-second": (config("qwen3_moe", head_dim=12, tie_word_embeddings=True, moe_intermediate_size=20, num_experts=5, num_experts_per_tok=2,
                                      norm_topk_prob=True, decoder_sparse_step=2), ""),
    "qwen3_moe-fused": (config("qwen3_moe", head_dim=8, num_hidden_layers=1, moe_intermediate_size=20, num_experts=4, num_experts_per_tok=2, norm_topk_prob=True), "fused"),
    "mixtral": (config("mixtral", num_local_experts=4, num_experts_per_tok=2, intermediate_size=24, rms_norm_eps=1e-5), ""),
    "deepseek_v2-lite": (config("deepseek_v2", **LATENT, q_lora_rank=None, n_shared_experts=2, topk_method="greedy", n_group=1, topk_group=1, norm_topk_prob=False,
                                routed_scaling_factor=1.0, rope_parameters=dict(YARN, mscale=0.707, mscale_all_dim=0.707), rms_norm_eps=1e-5), "old"),
    "deepseek_v2": (config("deepseek_v2", **LATENT, q_lora_rank=14, n_shared_experts=1, topk_method="group_limited_greedy", n_group=4, topk_group=2,
                           routed_scaling_factor=16.0), ""),
    "deepseek_v3-yarn": (config("deepseek_v3", **LATENT, q_lora_rank=14, n_shared_experts=1, n_group=4, topk_group=2, norm_topk_prob=True, routed_scaling_factor=2.5,
                                rope_parameters=dict(YARN), rms_norm_eps=1e-5), "old"),
    "deepseek_v3-halves": (config("deepseek_v3", **dict(LATENT, first_k_dense_replace=0), num_hidden_layers=1, q_lora_rank=None, n_shared_experts=2, n_group=1,
                                  topk_group=1, norm_topk_prob=False, routed_scaling_factor=2.446, rope_interleave=False, attention_bias=True), ""),
    "deepseek_v3-fp8": (config("deepseek_v3", **LATENT, q_lora_rank=14, n_shared_experts=1, n_group=2, topk_group=1, norm_topk_prob=True, routed_scaling_factor=2.5,
                               intermediate_size=136), "fp8"),
}


def fuse(d, m):
    """The experts of a layer as two tensors, as the model has them in memory."""
    stored = {n: t for n, t in load_file(d + "/model.safetensors").items() if ".experts." not in n}
    stored.update({n: p.detach().contiguous() for n, p in m.named_parameters() if ".experts." in n})
    save_file(stored, d + "/model.safetensors", {"format": "pt"})


def quantise(d):
    """FP8 by blocks of 128 x 128 with the inverse of their scales beside, as DeepSeek-V3 is published. Returns the weights as they are read back."""
    stored, read, largest = {}, {}, 448.0
    for n, t in load_file(d + "/model.safetensors").items():
        plain = t.dim() == 1 or "embed_tokens" in n or "lm_head" in n or n.endswith("mlp.gate.weight")
        if plain:
            stored[n] = read[n] = t
            continue
        rows, columns = (t.shape[0] + 127) // 128, (t.shape[1] + 127) // 128
        inverse = torch.zeros(rows, columns)
        small = torch.zeros_like(t, dtype=torch.float8_e4m3fn)
        back = torch.zeros_like(t)
        for i in range(rows):
            for j in range(columns):
                where = (slice(128 * i, 128 * i + 128), slice(128 * j, 128 * j + 128))
                inverse[i, j] = t[where].abs().max() / largest
                small[where] = (t[where] / inverse[i, j]).to(torch.float8_e4m3fn)
                back[where] = small[where].float() * inverse[i, j]
        stored[n], stored[n + "_scale_inv"], read[n] = small, inverse, back
    save_file(stored, d + "/model.safetensors", {"format": "pt"})
    with open(d + "/config.json") as f: c = json.load(f)
    c["quantization_config"] = dict(activation_scheme="dynamic", fmt="e4m3", quant_method="fp8", weight_block_size=[128, 128])
    c["dtype"] = "bfloat16"
    with open(d + "/config.json", "w") as f: json.dump(c, f, indent=2)
    return read


def write(name, cfg, form):
    d = os.path.join(OUT, name)
    m = case_maker.create(cfg)
    m.save_pretrained(d)
    if form == "old":
        case_maker.old_spelling(d + "/config.json")
        m = case_maker.read(d)
    if form == "fused": fuse(d, m)
    if form == "fp8":
        plain = d + "/_plain"
        m.save_pretrained(plain)
        save_file(quantise(d), plain + "/model.safetensors", {"format": "pt"})
        m = case_maker.read(plain)
        shutil.rmtree(plain)
    case_maker.write(d, m, lambda: case_maker.stored_gradients(m, d + "/_gradients"))


for case, (cfg, form) in CASES.items():
    if not WANTED or case in WANTED: write(case, cfg, form)
