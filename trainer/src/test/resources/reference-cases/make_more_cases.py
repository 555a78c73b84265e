"""More reference cases of the dense families, computed by Hugging Face transformers and PyTorch in float32, in the form that `verify` reads:
every kind of rope scaling, both spellings of config.json, biases, head sizes, tied embeddings. Also rope-tables.json: frequencies of real configurations.

Not part of the build. Usage: make_more_cases.py OUT
"""
import json, os, sys
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
import case_maker
from case_maker import config

OUT = sys.argv[1]
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, rope_theta=10000.0)


def rope(**values):
    return dict(rope_parameters=dict(rope_theta=10000.0, **values))


CASES = {
    "mistral": (config("mistral", sliding_window=None, rms_norm_eps=1e-5), {}),
    "mistral-window": (config("mistral", sliding_window=64, head_dim=12), {}),
    "llama-linear": (config("llama", **rope(rope_type="linear", factor=2.5)), {}),
    "llama-dynamic": (config("llama", max_position_embeddings=16, **rope(rope_type="dynamic", factor=3.0)), {}),
    "llama-yarn": (config("llama", rope_parameters=dict(YARN)), {}),
    "llama-yarn-mscale": (config("llama", rope_parameters=dict(YARN, mscale=0.7, mscale_all_dim=1.0, beta_fast=16, beta_slow=2)), {}),
    "llama-longrope": (config("llama", **rope(rope_type="longrope", original_max_position_embeddings=16, factor=4.0, short_factor=[1.0, 1.1, 1.2, 1.3],
                                              long_factor=[1.0, 1.5, 2.5, 3.5])), {}),
    "llama-bias": (config("llama", attention_bias=True, mlp_bias=True, num_key_value_heads=4), {}),
    "llama3-old": (config("llama", rope_parameters=dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                                        original_max_position_embeddings=16)), "old"),
    "qwen2-old": (config("qwen2", rope_parameters=dict(rope_type="default", rope_theta=1000000.0)), "old"),
    "qwen2-yarn-old": (config("qwen2", tie_word_embeddings=True, rope_parameters=dict(YARN)), "old"),
    "qwen3-wide-heads": (config("qwen3", head_dim=14, tie_word_embeddings=True, attention_bias=True, num_key_value_heads=1), {}),
}


def write(name, cfg, spelling):
    d = os.path.join(OUT, name)
    case_maker.create(cfg).save_pretrained(d)
    if spelling == "old": case_maker.old_spelling(d + "/config.json")
    m = case_maker.read(d)
    gradients = dict(m.named_parameters())
    case_maker.write(d, m, lambda: {n: gradients[n].grad for n in load_file(d + "/model.safetensors")})


def tables():
    real = {
        "llama-3.1-8b": config("llama", hidden_size=4096, num_attention_heads=32, max_position_embeddings=131072, rope_parameters=dict(
            rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)),
        "llama-3.2-1b": config("llama", hidden_size=2048, num_attention_heads=32, head_dim=64, max_position_embeddings=131072, rope_parameters=dict(
            rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)),
        "qwen2.5-7b-yarn": config("qwen2", hidden_size=3584, num_attention_heads=28, max_position_embeddings=131072, rope_parameters=dict(
            rope_type="yarn", rope_theta=1000000.0, factor=4.0, original_max_position_embeddings=32768)),
        "qwen3-4b-yarn-no-truncate": config("qwen3", hidden_size=2560, num_attention_heads=32, head_dim=128, max_position_embeddings=40960, rope_parameters=dict(
            rope_type="yarn", rope_theta=1000000.0, factor=4.0, original_max_position_embeddings=32768, truncate=False)),
        "yarn-mscale": config("llama", hidden_size=4096, num_attention_heads=64, max_position_embeddings=163840, rope_parameters=dict(
            rope_type="yarn", rope_theta=10000.0, factor=40.0, original_max_position_embeddings=4096, mscale=1.0, mscale_all_dim=0.8, beta_fast=32, beta_slow=1)),
        "linear": config("llama", hidden_size=4096, num_attention_heads=32, max_position_embeddings=4096, **rope(rope_type="linear", factor=4.0)),
        "qwen3-default": config("qwen3", hidden_size=2560, num_attention_heads=32, head_dim=128, max_position_embeddings=40960, rope_parameters=dict(
            rope_type="default", rope_theta=1000000.0)),
    }
    positions = [0, 1, 17, 4095, 30000]
    rows = []
    for name, cfg in real.items():
        cfg.num_hidden_layers, cfg.intermediate_size, cfg.vocab_size = 1, 8, 8
        with torch.device("meta"): m = AutoModelForCausalLM.from_config(cfg)
        with torch.device("cpu"): r = type(m.model.rotary_emb)(cfg)
        cos, sin = r(torch.zeros(1), torch.tensor([positions]))
        half = cos.shape[-1] // 2
        rows.append({"name": name, "config": json.loads(cfg.to_json_string(use_diff=False)), "positions": positions,
                     "inverse": r.inv_freq.tolist(), "attention_factor": float(r.attention_scaling),
                     "cos": [row[:half].tolist() for row in cos[0]], "sin": [row[:half].tolist() for row in sin[0]]})
    for row in rows:
        keep = {"architectures", "model_type", "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings", "rope_parameters",
                "vocab_size", "intermediate_size", "num_hidden_layers"}
        row["config"] = {k: v for k, v in row["config"].items() if k in keep and v is not None}
        for key in ("cos", "sin", "inverse"): row[key] = json.loads(json.dumps(row[key]), parse_float=lambda x: float("%.9g" % float(x)))
    with open(os.path.join(OUT, "rope-tables.json"), "w") as f: f.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


for case, (cfg, spelling) in CASES.items():
    write(case, cfg, spelling)
tables()
