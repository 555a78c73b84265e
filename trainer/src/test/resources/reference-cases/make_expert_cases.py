"""Reference cases of families with experts and latent attention, computed by Hugging Face transformers and PyTorch in float32, in the form that `verify` reads:
shared experts with and without gate, layers without experts, groups, latent attention with and without a query latent, yarn with its correction of attention,
fused tensors of experts, weights in FP8 by blocks.

Not part of the build. Usage: make_expert_cases.py OUT [CASE ...]
"""
import copy, json, os, shutil, sys
import torch
from safetensors.torch import save_file, load_file
from transformers import AutoConfig, AutoModelForCausalLM

OUT, WANTED = sys.argv[1], sys.argv[2:]
YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=40.0, original_max_position_embeddings=16, beta_fast=32, beta_slow=1, mscale=1.0, mscale_all_dim=1.0)
LATENT = dict(num_key_value_heads=4, kv_lora_rank=12, qk_rope_head_dim=8, qk_nope_head_dim=10, v_head_dim=6, moe_intermediate_size=16, n_routed_experts=8,
              num_experts_per_tok=3, first_k_dense_replace=1)


def config(model_type, **given):
    values = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                  max_position_embeddings=64, rms_norm_eps=1e-6, tie_word_embeddings=False, hidden_act="silu", attention_dropout=0.0,
                  bos_token_id=1, eos_token_id=2, pad_token_id=None, rope_parameters=dict(rope_type="default", rope_theta=10000.0))
    values.update(given)
    return AutoConfig.for_model(model_type, **values)


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


def old_spelling(path):
    """rope_theta and rope_scaling (with `type`), torch_dtype: what configurations looked like before transformers 5."""
    with open(path) as f: c = json.load(f)
    parameters = c.pop("rope_parameters")
    c["rope_theta"] = parameters.pop("rope_theta")
    kind = parameters.pop("rope_type")
    c["rope_scaling"] = None if kind == "default" else dict(parameters, type=kind)
    c["torch_dtype"] = c.pop("dtype")
    for key in ("head_dim", "layer_types", "qk_head_dim", "rope_interleave", "qkv_bias"): c.pop(key, None)
    with open(path, "w") as f: json.dump(c, f, indent=2)


def weights(m):
    g = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for n, p in m.named_parameters():
            p.copy_(((1.0 if "norm" in n else 0.0) + 0.1 * torch.randn(p.shape, generator=g)) if p.dim() == 1 else 0.12 * torch.randn(p.shape, generator=g))
        for n, b in m.named_buffers():
            if "e_score_correction_bias" in n: b.copy_(0.05 * torch.randn(b.shape, generator=g))


def stored_gradients(m, d):
    """By the names and in the layout of files: a model is saved whose weights are the gradients."""
    twin = copy.deepcopy(m)
    named = dict(m.named_parameters())
    with torch.no_grad():
        for n, p in twin.named_parameters(): p.copy_(named[n].grad if named[n].grad is not None else torch.zeros_like(p))
    twin.save_pretrained(d)
    tensors = load_file(d + "/model.safetensors")
    shutil.rmtree(d)
    return {"grad." + n: t.contiguous() for n, t in tensors.items() if "e_score_correction_bias" not in n}


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
    m = AutoModelForCausalLM.from_config(cfg, attn_implementation="eager").to(torch.float32).eval()
    weights(m)
    m.save_pretrained(d)
    if form == "old":
        old_spelling(d + "/config.json")
        m = AutoModelForCausalLM.from_pretrained(d, attn_implementation="eager", dtype=torch.float32).eval()
    if form == "fused": fuse(d, m)
    if form == "fp8":
        plain = d + "/_plain"
        m.save_pretrained(plain)
        save_file(quantise(d), plain + "/model.safetensors", {"format": "pt"})
        m = AutoModelForCausalLM.from_pretrained(plain, attn_implementation="eager", dtype=torch.float32).eval()
        shutil.rmtree(plain)
    g = torch.Generator().manual_seed(5)
    ids = torch.randint(3, cfg.vocab_size, (2, 31), generator=g)
    labels = ids[:, 1:].clone(); ids = ids[:, :-1].clone(); labels[:, :7] = -100
    logits = m(input_ids=ids).logits.float()
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), ignore_index=-100)
    loss.backward()
    expected = {"logits": logits.detach().contiguous(), "loss": loss.detach().reshape(1)}
    expected.update(stored_gradients(m, d + "/_gradients"))
    save_file(expected, d + "/expected.safetensors")
    save_file({"input_ids": ids, "labels": labels}, d + "/inputs.safetensors")
    with torch.no_grad():
        current = ids[:1, :8]
        for _ in range(12): current = torch.cat([current, m(input_ids=current).logits[:, -1].argmax(-1, keepdim=True)], 1)
    with open(d + "/greedy.json", "w") as f: json.dump({"prompt": current[0, :8].tolist(), "generated": current[0, 8:].tolist()}, f)
    generation = d + "/generation_config.json"
    if os.path.exists(generation): os.remove(generation)
    print(name, float(loss.detach()), sorted(os.listdir(d)))


for case, (cfg, form) in CASES.items():
    if not WANTED or case in WANTED: write(case, cfg, form)
