"""Reference cases of layers that predict tokens further on (multi-token prediction). Transformers leaves these layers out, so they are written here on top of its
blocks, after arXiv 2412.19437, section 2.2: h'[k] = W [norm(embedding of the token k further on); norm(h[k-1])], h[k] = norm(block(h'[k])), logits = head(h[k]).
The loss is that of the next tokens + factor / n * sum over k of the mean over the tokens that have a target.

Not part of the build. Usage: make_prediction_cases.py OUT [CASE ...]
"""
import json, os, sys
import torch
from safetensors.torch import load_file, save_file
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3DecoderLayer, DeepseekV3RMSNorm
import case_maker
from case_maker import config

OUT, WANTED = sys.argv[1], sys.argv[2:]
SHAPE = dict(num_key_value_heads=4, kv_lora_rank=12, qk_rope_head_dim=8, qk_nope_head_dim=10, v_head_dim=6, moe_intermediate_size=16, n_routed_experts=8,
             num_experts_per_tok=3, first_k_dense_replace=1, q_lora_rank=14, n_shared_experts=1, n_group=4, topk_group=2, norm_topk_prob=True,
             routed_scaling_factor=2.5, num_attention_heads=4)
CASES = {
    "deepseek_v3-mtp": (config("deepseek_v3", **SHAPE, num_nextn_predict_layers=1), 0.3),
    "deepseek_v3-mtp2": (config("deepseek_v3", **dict(SHAPE, first_k_dense_replace=2), num_nextn_predict_layers=2, tie_word_embeddings=True), 0.5),
}


class Prediction(torch.nn.Module):
    """A layer behind the last one, without what it shares."""

    def __init__(self, cfg, index):
        super().__init__()
        self.enorm = DeepseekV3RMSNorm(cfg.hidden_size, cfg.rms_norm_eps)
        self.hnorm = DeepseekV3RMSNorm(cfg.hidden_size, cfg.rms_norm_eps)
        self.eh_proj = torch.nn.Linear(2 * cfg.hidden_size, cfg.hidden_size, bias=False)
        self.block = DeepseekV3DecoderLayer(cfg, cfg.num_hidden_layers + index)
        self.norm = DeepseekV3RMSNorm(cfg.hidden_size, cfg.rms_norm_eps)


def draw(layers):
    g = torch.Generator().manual_seed(23)
    with torch.no_grad():
        for n, p in layers.named_parameters():
            p.copy_(((1.0 if "norm" in n else 0.0) + 0.1 * torch.randn(p.shape, generator=g)) if p.dim() == 1 else 0.12 * torch.randn(p.shape, generator=g))
        for n, b in layers.named_buffers():
            if "e_score_correction_bias" in n: b.copy_(0.05 * torch.randn(b.shape, generator=g))


def stored(tensors, cfg, index):
    """By the names of files: experts one by one."""
    out = {}
    for n, t in tensors.items():
        theirs = n.replace("block.", "") if n.startswith("block.") else {"norm.weight": "shared_head.norm.weight"}.get(n, n)
        name = f"model.layers.{cfg.num_hidden_layers + index}.{theirs}"
        if name.endswith("experts.gate_up_proj"):
            for e in range(t.shape[0]):
                gate, up = t[e].chunk(2)
                out[name.replace("gate_up_proj", f"{e}.gate_proj.weight")] = gate.contiguous()
                out[name.replace("gate_up_proj", f"{e}.up_proj.weight")] = up.contiguous()
        elif name.endswith("experts.down_proj"):
            for e in range(t.shape[0]): out[name.replace("down_proj", f"{e}.down_proj.weight")] = t[e].contiguous()
        else:
            out[name] = t.contiguous()
    return out


def ahead(x, distance, filler):
    return torch.cat([x[:, distance:], torch.full_like(x[:, :distance], filler)], 1)


def mean_loss(logits, labels):
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), ignore_index=-100)


def write(name, cfg, factor):
    d = os.path.join(OUT, name)
    m = case_maker.create(cfg)
    m.save_pretrained(d)
    count = cfg.num_nextn_predict_layers
    layers = torch.nn.ModuleList(Prediction(cfg, i) for i in range(count)).float().eval()
    draw(layers)
    files = load_file(d + "/model.safetensors")
    for i, layer in enumerate(layers):
        files.update(stored({n: t.detach() for n, t in layer.state_dict().items()}, cfg, i))
        prefix = f"model.layers.{cfg.num_hidden_layers + i}."
        files[prefix + "embed_tokens.weight"] = m.model.embed_tokens.weight.detach().clone()
        files[prefix + "shared_head.head.weight"] = m.lm_head.weight.detach().clone()
    save_file(files, d + "/model.safetensors", {"format": "pt"})
    with open(d + "/prediction.json", "w") as f: json.dump(dict(mtp_num_layers=count, mtp_loss_scaling_factor=factor), f)

    def gradients():
        # case_maker has run the model and the backward of its loss; here the rest is added.
        ids, labels = case_maker.inputs(m, 0)
        hidden = m.model(input_ids=ids).last_hidden_state
        positions = torch.arange(ids.shape[1])[None]
        rope = m.model.rotary_emb(hidden, positions)
        mask = torch.full((ids.shape[1], ids.shape[1]), float("-inf")).triu(1)[None, None]
        rest = 0
        for k, layer in enumerate(layers, 1):
            embedded = m.model.embed_tokens(ahead(ids, k, 0))
            x = layer.eh_proj(torch.cat([layer.enorm(embedded), layer.hnorm(hidden)], -1))
            x = layer.block(x, attention_mask=mask, position_embeddings=rope, position_ids=positions)
            hidden = layer.norm(x[0] if isinstance(x, tuple) else x)
            rest = rest + factor / count * mean_loss(m.lm_head(hidden), ahead(labels, k, -100))
        rest.backward()
        out = case_maker.stored_gradients(m, d + "/_gradients")
        for i, layer in enumerate(layers):
            out.update(stored({n: p.grad for n, p in layer.named_parameters()}, cfg, i))
        return out

    case_maker.write(d, m, gradients, untrained=0)


for case, (cfg, factor) in CASES.items():
    if not WANTED or case in WANTED: write(case, cfg, factor)
