"""Reference cases of LoRA adapters on models with experts, computed by PEFT in float32, in the form that `verify` reads. Additions to attention, experts, the shared
expert with its gate, a layer without experts and the router; in the adapter's file each expert has tensors of its own, as published weights have. PEFT stacks
them for transformers 5, whose experts are one parameter, and saves them stacked: that form is kept beside, in stacked/.

Not part of the build. Usage: make_lora_cases.py OUT [CASE ...]
"""
import json, os, shutil, sys
import torch
from peft import PeftModel
from safetensors.torch import save_file, load_file
import case_maker
from case_maker import config

OUT, WANTED = sys.argv[1], sys.argv[2:]
PREFIX = "base_model.model."
R, ALPHA = 4, 12
CASES = {
    "qwen2_moe-lora": config("qwen2_moe", num_hidden_layers=3, num_key_value_heads=2, moe_intermediate_size=16, shared_expert_intermediate_size=24, num_experts=4, num_experts_per_tok=2,
                             norm_topk_prob=False, decoder_sparse_step=1, mlp_only_layers=[1]),
    "mixtral-lora": config("mixtral", num_hidden_layers=1, num_local_experts=4, num_experts_per_tok=2, intermediate_size=16, rms_norm_eps=1e-5),
}
NAMES = {"qwen2_moe": ("mlp", "gate_proj", "up_proj", "down_proj"), "mixtral": ("block_sparse_moe", "w1", "w3", "w2")}


def settings(stored, mixture):
    """What a parameter of a transformers module has additions to is named by target_parameters, the rest by target_modules."""
    leaves = sorted({n.split(".")[-2] for n in stored if ".self_attn." in n and n.endswith(".weight")} | ({"shared_expert_gate"} if any("shared_expert_gate" in n for n in stored) else set()))
    parameters = {"mlp.experts.gate_up_proj", "mlp.experts.down_proj", "mlp.gate.weight"}
    for n in stored:
        if n.endswith("_proj.weight") and ".mlp." in n and ".experts." not in n: parameters.add(".".join(n.split(".")[-3:]))
    return dict(peft_type="LORA", task_type="CAUSAL_LM", r=R, lora_alpha=ALPHA, lora_dropout=0.0, bias="none", inference_mode=True, target_modules=leaves,
                target_parameters=sorted(parameters), rank_pattern={"mlp.experts.gate_up_proj": 2 * R}, alpha_pattern={"mlp.experts.gate_up_proj": 2 * ALPHA})


def additions(stored):
    g = torch.Generator().manual_seed(29)
    made = {}
    for n, t in stored.items():
        if t.dim() == 2 and "embed_tokens" not in n and "lm_head" not in n:
            stem = PREFIX + n.removesuffix(".weight")
            made[stem + ".lora_A.weight"] = 0.1 * torch.randn(R, t.shape[1], generator=g)
            made[stem + ".lora_B.weight"] = 0.1 * torch.randn(t.shape[0], R, generator=g)
    return made


def apart(tensors, experts, width, names):
    """Stacked additions, or their gradients, as each expert's own."""
    module, gate, up, down = names
    out = {}
    for n, t in tensors.items():
        n = n.replace(".default", "")
        if ".experts." not in n:
            out[n.replace(".mlp.gate.", "." + module + ".gate.")] = t.contiguous()
            continue
        first = "lora_A" in n
        both = ".base_layer." in n
        rank = t.shape[0 if first else 1] // experts
        split = t.reshape(experts, rank, -1) if first else t.reshape(t.shape[0], rank, experts).permute(2, 0, 1)
        stem = n.split(".experts.")[0].replace(".mlp", "." + module) + ".experts."
        for e in range(experts):
            end = ".lora_A.weight" if first else ".lora_B.weight"
            if not both: out[stem + str(e) + "." + down + end] = split[e].contiguous()
            elif first: out.update({stem + str(e) + "." + gate + end: split[e][:R].contiguous(), stem + str(e) + "." + up + end: split[e][R:].contiguous()})
            else: out.update({stem + str(e) + "." + gate + end: split[e][:width, :R].contiguous(), stem + str(e) + "." + up + end: split[e][width:, R:].contiguous()})
    return out


def write(name, cfg):
    d = os.path.join(OUT, name)
    m = case_maker.create(cfg)
    m.save_pretrained(d)
    stored = load_file(d + "/model.safetensors")
    experts = getattr(cfg, "num_experts", None) or cfg.num_local_experts
    width = getattr(cfg, "moe_intermediate_size", None) or cfg.intermediate_size
    names = NAMES[cfg.model_type]
    os.makedirs(d + "/adapter", exist_ok=True)
    save_file(additions(stored), d + "/adapter/adapter_model.safetensors", {"format": "pt"})
    with open(d + "/adapter/adapter_config.json", "w") as f: json.dump(settings(stored, names[0]), f, indent=1)
    pm = PeftModel.from_pretrained(m, d + "/adapter", is_trainable=True).eval()
    given, loaded = load_file(d + "/adapter/adapter_model.safetensors"), apart({n: p.detach() for n, p in pm.named_parameters() if "lora_" in n}, experts, width, names)
    assert set(given) == set(loaded), sorted(set(given) ^ set(loaded))
    assert all(torch.equal(given[n], loaded[n]) for n in given)
    case_maker.write(d, pm, lambda: apart({n: p.grad for n, p in pm.named_parameters() if "lora_" in n}, experts, width, names))
    pm.save_pretrained(d + "/stacked")
    for extra in ("README.md",):
        if os.path.exists(d + "/stacked/" + extra): os.remove(d + "/stacked/" + extra)
    merged = pm.merge_and_unload()
    merged.save_pretrained(d + "/merged")
    for extra in ("generation_config.json", "config.json"):
        if os.path.exists(d + "/merged/" + extra): os.remove(d + "/merged/" + extra)


for case, cfg in CASES.items():
    if not WANTED or case in WANTED: write(case, cfg)
