"""How far PyTorch itself is from the float32 numbers of a reference case when it computes in bfloat16: `bfloat16-errors.json` beside `expected.safetensors`, the measure
that a bfloat16 engine is held to. One number a quantity: the largest absolute difference for logits and loss, for a gradient the norm of the difference over the norm.

Weights are rounded to bfloat16, attention is eager, the loss is taken in float32 from bfloat16 logits, on a CPU. Where a model has experts, tokens go to those that its
float32 run chooses (chosen_experts.py); how many choices would have been others is printed. Gradients of an expert rest on few tokens, and one run's rounding may be lucky
with them: of such models each number is the root mean square of two runs, with eager attention and with `sdpa`.

Not part of the build. Made with torch 2.13, transformers 5.18. Usage: make_bf16_errors.py CASE_DIRECTORY...
"""
import json, math, os, sys, tempfile
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM
import case_maker
from chosen_experts import ChosenExperts, count

BLOCK = 128


def readable(case, folder):
    """The case, or where its weights are in FP8 by blocks a copy in float32 in the folder."""
    config = json.load(open(case + "/config.json"))
    if config.pop("quantization_config", None) is None:
        return case
    stored = load_file(case + "/model.safetensors")
    weights = {}
    for name, tensor in stored.items():
        inverse = stored.get(name + "_scale_inv")
        if inverse is not None:
            tensor = tensor.float() * inverse.repeat_interleave(BLOCK, 0).repeat_interleave(BLOCK, 1)[: tensor.shape[0], : tensor.shape[1]]
        if not name.endswith("_scale_inv"):
            weights[name] = tensor
    os.makedirs(folder)
    json.dump(config, open(folder + "/config.json", "w"))
    save_file(weights, folder + "/model.safetensors", {"format": "pt"})
    return folder


def forward(folder, ids, dtype, attention="eager", given=None):
    """Model, logits and choices of experts."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention).train()
    with ChosenExperts(model.config, given) as choices:
        logits = model(input_ids=ids).logits
    return model, logits, choices


def errors(expected, labels, model, logits, folder):
    """By quantity, of a run in bfloat16."""
    loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=-100)
    loss.backward()
    # Files have the experts of a layer each for itself, or under other names.
    gradients = case_maker.stored_gradients(model, folder) if count(model.config) else {name: p.grad for name, p in model.named_parameters()}
    found = {}
    for name, wanted in sorted(expected.items()):
        wanted = wanted.double()
        if name == "logits":
            found[name] = float((logits.detach().double().view_as(wanted) - wanted).abs().max())
        elif name == "loss":
            found[name] = float(abs(loss.detach().double() - wanted.item()))
        else:
            found[name] = float((gradients[name[len("grad."):]].double().view_as(wanted) - wanted).norm() / wanted.norm().clamp_min(1e-30))
    return found


def measure(case, temporary):
    expected, inputs = load_file(case + "/expected.safetensors"), load_file(case + "/inputs.safetensors")
    folder, ids = readable(case, temporary + "/model"), inputs["input_ids"]
    model, logits, exact = forward(folder, ids, torch.float32)
    distance = (logits.detach().view_as(expected["logits"]) - expected["logits"]).abs().max()
    assert distance < 1e-4, "float32 is %g from expected.safetensors" % distance
    experts = count(model.config) > 0
    assert bool(exact.made) == experts, "routers that chosen_experts.py does not know"
    runs = []
    for attention in ("eager", "sdpa") if experts else ("eager",):
        model, logits, choices = forward(folder, ids, torch.bfloat16, attention, exact.made)
        runs.append(errors(expected, inputs["labels"], model, logits, temporary + "/gradients"))
    found = {name: math.sqrt(sum(run[name] ** 2 for run in runs) / len(runs)) for name in runs[0]}
    json.dump(found, open(case + "/bfloat16-errors.json", "w"), indent=0)
    rest = sorted(v for k, v in found.items() if k not in ("logits", "loss"))
    print(os.path.basename(os.path.abspath(case)), "logits %.4f loss %.5f gradients %.4f to %.4f, median %.4f" % (found["logits"], found["loss"], rest[0], rest[-1], rest[len(rest) // 2]),
          "choices that would be others: %d of %d" % (choices.differing, choices.tokens))


torch.set_num_threads(1)
for argument in sys.argv[1:]:
    with tempfile.TemporaryDirectory() as folder:
        measure(argument, folder)
