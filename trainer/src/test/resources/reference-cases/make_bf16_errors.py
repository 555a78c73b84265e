"""How far PyTorch itself is from the float32 numbers of a reference case when it computes in bfloat16: `bfloat16-errors.json` beside `expected.safetensors`, the measure
that a bfloat16 engine is held to. One number a quantity: the largest absolute difference for logits and loss, for a gradient the norm of the difference over the norm.

Weights are rounded to bfloat16, attention is eager, the loss is taken in float32 from bfloat16 logits, on a CPU.

Not part of the build. Made with torch 2.13, transformers 5.18. Usage: make_bf16_errors.py CASE_DIRECTORY...
"""
import json, os, sys
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
for case in sys.argv[1:]:
    expected = load_file(case + "/expected.safetensors")
    inputs = load_file(case + "/inputs.safetensors")
    model = AutoModelForCausalLM.from_pretrained(case, dtype=torch.bfloat16, attn_implementation="eager").train()
    logits = model(input_ids=inputs["input_ids"]).logits
    loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), inputs["labels"].flatten(), ignore_index=-100)
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}
    errors = {}
    missing = []
    for name, wanted in sorted(expected.items()):
        wanted = wanted.double()
        if name == "logits":
            errors[name] = float((logits.detach().double().view_as(wanted) - wanted).abs().max())
        elif name == "loss":
            errors[name] = float(abs(loss.detach().double() - wanted.item()))
        else:
            gradient = gradients.get(name[len("grad."):])
            if gradient is None:
                missing.append(name)
                continue
            errors[name] = float((gradient.double().view_as(wanted) - wanted).norm() / wanted.norm().clamp_min(1e-30))
    json.dump(errors, open(case + "/bfloat16-errors.json", "w"), indent=0)
    rest = sorted(v for k, v in errors.items() if k not in ("logits", "loss"))
    print(os.path.basename(os.path.abspath(case)), "logits %.4f loss %.5f gradients %.4f to %.4f, median %.4f" % (errors["logits"], errors["loss"], rest[0], rest[-1], rest[len(rest) // 2]), "missing", missing[:3], len(missing))
