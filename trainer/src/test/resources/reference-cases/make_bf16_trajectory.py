"""20 AdamW steps of a reference case in bfloat16 the way Megatron does them, by PyTorch on a CPU: `trajectory-bfloat16.json` beside the case's
float32 `trajectory.json`, with the same rows, rates, clipping and decay.

Layers and activations are bfloat16. Main weights, gradients of a step and moments are float32: each step rounds the main weights to the model's, takes its
gradients as float32, clips their norm to 1 and updates the main weights. The loss is the mean over label tokens, taken in float32 from bfloat16 logits.

Not part of the build. Made with torch 2.13, transformers 5.18. Usage: make_bf16_trajectory.py CASE_DIRECTORY
"""
import json, sys
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

case = sys.argv[1]
torch.manual_seed(0)
torch.set_num_threads(1)
model = AutoModelForCausalLM.from_pretrained(case, dtype=torch.bfloat16, attn_implementation="eager").train()
exact = AutoModelForCausalLM.from_pretrained(case, dtype=torch.float32)
main = [p.detach().clone().requires_grad_() for p in exact.parameters()]
rates = [row["lr"] for row in json.load(open(case + "/trajectory.json"))]
inputs = load_file(case + "/trajectory_inputs.safetensors")
decayed = [p for p in main if p.dim() >= 2]
others = [p for p in main if p.dim() < 2]
optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=0, betas=(0.9, 0.95), eps=1e-8)
rows = []
for step, rate in enumerate(rates):
    with torch.no_grad():
        for weight, value in zip(main, model.parameters()):
            value.copy_(weight)
    model.zero_grad()
    logits = model(input_ids=inputs["input_ids"][step]).logits
    loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), inputs["labels"][step].flatten(), ignore_index=-100)
    loss.backward()
    for weight, value in zip(main, model.parameters()):
        weight.grad = value.grad.float()
    norm = torch.nn.utils.clip_grad_norm_(main, 1.0)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    rows.append({"step": step, "lr": rate, "loss": float(loss), "grad_norm": float(norm)})
json.dump(rows, open(case + "/trajectory-bfloat16.json", "w"), indent=0)
exactly = [row["loss"] for row in json.load(open(case + "/trajectory.json"))]
print("largest relative difference from float32", max(abs(a["loss"] - b) / b for a, b in zip(rows, exactly)))
