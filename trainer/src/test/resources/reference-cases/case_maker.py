"""What the makers of reference cases share: small configurations, their weights, and a case's files in the form that `verify` reads."""
import copy, json, os, shutil
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM


def config(model_type, **given):
    values = dict(vocab_size=96, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
                  max_position_embeddings=64, rms_norm_eps=1e-6, tie_word_embeddings=False, hidden_act="silu", attention_dropout=0.0,
                  bos_token_id=1, eos_token_id=2, pad_token_id=None, rope_parameters=dict(rope_type="default", rope_theta=10000.0))
    values.update(given)
    return AutoConfig.for_model(model_type, **values)


def old_spelling(path):
    """rope_theta and rope_scaling (with `type`), torch_dtype, no head_dim: what configurations looked like before transformers 5."""
    with open(path) as f: c = json.load(f)
    parameters = c.pop("rope_parameters")
    c["rope_theta"] = parameters.pop("rope_theta")
    kind = parameters.pop("rope_type")
    c["rope_scaling"] = None if kind == "default" else dict(parameters, type=kind)
    c["torch_dtype"] = c.pop("dtype")
    for key in ("head_dim", "layer_types", "qk_head_dim", "rope_interleave", "qkv_bias"): c.pop(key, None)
    with open(path, "w") as f: json.dump(c, f, indent=2)


def create(cfg):
    """A model with weights of a fixed seed."""
    m = AutoModelForCausalLM.from_config(cfg, attn_implementation="eager").to(torch.float32).eval()
    g = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for n, p in m.named_parameters():
            p.copy_(((1.0 if "norm" in n else 0.0) + 0.1 * torch.randn(p.shape, generator=g)) if p.dim() == 1 else 0.12 * torch.randn(p.shape, generator=g))
        for n, b in m.named_buffers():
            if "e_score_correction_bias" in n: b.copy_(0.05 * torch.randn(b.shape, generator=g))
    return m


def read(d):
    return AutoModelForCausalLM.from_pretrained(d, attn_implementation="eager", dtype=torch.float32).eval()


def stored_gradients(m, d):
    """By the names and in the layout of files: a model is saved whose weights are the gradients."""
    twin = copy.deepcopy(m)
    named = dict(m.named_parameters())
    with torch.no_grad():
        for n, p in twin.named_parameters(): p.copy_(named[n].grad if named[n].grad is not None else torch.zeros_like(p))
    twin.save_pretrained(d)
    tensors = load_file(d + "/model.safetensors")
    shutil.rmtree(d)
    return {n: t for n, t in tensors.items() if "e_score_correction_bias" not in n}


def inputs(m, untrained):
    """Tokens of a fixed seed and what comes after each; the first ones are not trained."""
    g = torch.Generator().manual_seed(5)
    ids = torch.randint(3, m.config.vocab_size, (2, 31), generator=g)
    labels = ids[:, 1:].clone(); ids = ids[:, :-1].clone(); labels[:, :untrained] = -100
    return ids, labels


def write(d, m, gradients, untrained=7):
    """Inputs, what is expected of them, and greedy text, beside the model in d. gradients() gives those of the loss by the names of the model's files."""
    ids, labels = inputs(m, untrained)
    logits = m(input_ids=ids).logits.float()
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), ignore_index=-100)
    loss.backward()
    expected = {"logits": logits.detach().contiguous(), "loss": loss.detach().reshape(1)}
    expected.update({"grad." + n: t.contiguous() for n, t in gradients().items()})
    save_file(expected, d + "/expected.safetensors")
    save_file({"input_ids": ids, "labels": labels}, d + "/inputs.safetensors")
    with torch.no_grad():
        current = ids[:1, :8]
        for _ in range(12): current = torch.cat([current, m(input_ids=current).logits[:, -1].argmax(-1, keepdim=True)], 1)
    with open(d + "/greedy.json", "w") as f: json.dump({"prompt": current[0, :8].tolist(), "generated": current[0, 8:].tolist()}, f)
    generation = d + "/generation_config.json"
    if os.path.exists(generation): os.remove(generation)
    print(os.path.basename(d), float(loss.detach()), sorted(os.listdir(d)))
