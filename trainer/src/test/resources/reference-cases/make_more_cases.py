"""More reference cases of the dense families, computed by Hugging Face transformers and PyTorch in float32, in the form that `verify` reads:
every kind of rope scaling, both spellings of config.json, biases, head sizes, tied embeddings. Also rope-tables.json: frequencies of real configurations.

Not part of the build. Usage: make_more_cases.py OUT
"""
import json, os, sys
import torch
from safetensors.torch import save_file, load_file
from transformers import AutoConfig, AutoModelForCausalLM

OUT = sys.argv[1]
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, rope_theta=10000.0)


def config(model_type, **given):
    values = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                  max_position_embeddings=64, rms_norm_eps=1e-6, tie_word_embeddings=False, hidden_act="silu", attention_dropout=0.0,
                  bos_token_id=1, eos_token_id=2, pad_token_id=None, rope_parameters=dict(rope_type="default", rope_theta=10000.0))
    values.update(given)
    return AutoConfig.for_model(model_type, **values)


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


def old_spelling(path):
    """rope_theta and rope_scaling (with `type`), torch_dtype, no head_dim: what configurations looked like before transformers 5."""
    with open(path) as f: c = json.load(f)
    parameters = c.pop("rope_parameters")
    c["rope_theta"] = parameters.pop("rope_theta")
    kind = parameters.pop("rope_type")
    c["rope_scaling"] = None if kind == "default" else dict(parameters, type=kind)
    c["torch_dtype"] = c.pop("dtype")
    for key in ("head_dim", "layer_types"): c.pop(key, None)
    with open(path, "w") as f: json.dump(c, f, indent=2)


def weights(m):
    g = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for n, p in m.named_parameters():
            p.copy_(((1.0 if "norm" in n else 0.0) + 0.1 * torch.randn(p.shape, generator=g)) if p.dim() == 1 else 0.12 * torch.randn(p.shape, generator=g))


def write(name, cfg, spelling):
    d = os.path.join(OUT, name)
    m = AutoModelForCausalLM.from_config(cfg, attn_implementation="eager").to(torch.float32).eval()
    weights(m)
    m.save_pretrained(d)
    if spelling == "old": old_spelling(d + "/config.json")
    m = AutoModelForCausalLM.from_pretrained(d, attn_implementation="eager", dtype=torch.float32).eval()
    g = torch.Generator().manual_seed(5)
    ids = torch.randint(3, cfg.vocab_size, (2, 31), generator=g)
    labels = ids[:, 1:].clone(); ids = ids[:, :-1].clone(); labels[:, :7] = -100
    logits = m(input_ids=ids).logits.float()
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), ignore_index=-100)
    loss.backward()
    gradients = {n: p.grad for n, p in m.named_parameters()}
    stored = load_file(d + "/model.safetensors")
    expected = {"logits": logits.detach().contiguous(), "loss": loss.detach().reshape(1)}
    expected.update({"grad." + n: gradients[n].contiguous() for n in stored})
    save_file(expected, d + "/expected.safetensors")
    save_file({"input_ids": ids, "labels": labels}, d + "/inputs.safetensors")
    with torch.no_grad():
        current = ids[:1, :8]
        for _ in range(12): current = torch.cat([current, m(input_ids=current).logits[:, -1].argmax(-1, keepdim=True)], 1)
    with open(d + "/greedy.json", "w") as f: json.dump({"prompt": current[0, :8].tolist(), "generated": current[0, 8:].tolist()}, f)
    generation = d + "/generation_config.json"
    if os.path.exists(generation): os.remove(generation)
    print(name, float(loss.detach()), sorted(os.listdir(d)))


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
