"""20 AdamW steps of a reference case in bfloat16 the way Megatron does them, by PyTorch on a CPU: `trajectory-bfloat16.json` beside the case's
float32 `trajectory.json`, with the same rows, rates, clipping and decay.

Layers and activations are bfloat16. Main weights, gradients of a step and moments are float32: each step rounds the main weights to the model's, takes its
gradients as float32, clips their norm to 1 and updates the main weights. The loss is the mean over label tokens, taken in float32 from bfloat16 logits.
Where a model has experts, tokens go to those that the float32 run chooses at the same step (chosen_experts.py).

Norms are left out with --losses: where they change much from step to step, the farthest of one run is a poor measure. Of DeepSeek-V3's case it is 0.0062 to 0.0080 in four
runs of PyTorch (eager and sdpa, rows together and one by one) and 0.0048 to 0.0121 in eleven of ours.

Not part of the build. Made with torch 2.13, transformers 5.18. Usage: make_bf16_trajectory.py [--losses] CASE_DIRECTORY...
"""
import json, sys
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from chosen_experts import ChosenExperts


class Run:
    """A model of one type and its float32 main weights, on their way."""

    def __init__(self, case, dtype):
        self.model = AutoModelForCausalLM.from_pretrained(case, dtype=dtype, attn_implementation="eager").train()
        exact = AutoModelForCausalLM.from_pretrained(case, dtype=torch.float32)
        self.main = [p.detach().clone().requires_grad_() for p in exact.parameters()]
        decayed = [p for p in self.main if p.dim() >= 2]
        others = [p for p in self.main if p.dim() < 2]
        self.optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=0, betas=(0.9, 0.95), eps=1e-8)

    def step(self, ids, labels, rate, given=None):
        """Its loss, norm and choices of experts."""
        with torch.no_grad():
            for weight, value in zip(self.main, self.model.parameters()):
                value.copy_(weight)
        self.model.zero_grad()
        with ChosenExperts(self.model.config, given) as choices:
            logits = self.model(input_ids=ids).logits
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), labels.flatten(), ignore_index=-100)
        loss.backward()
        for weight, value in zip(self.main, self.model.parameters()):
            weight.grad = value.grad.float()
        norm = torch.nn.utils.clip_grad_norm_(self.main, 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        return float(loss.detach()), float(norm), choices


torch.manual_seed(0)
torch.set_num_threads(1)
losses_alone = "--losses" in sys.argv
for case in (argument for argument in sys.argv[1:] if argument != "--losses"):
    exactly = json.load(open(case + "/trajectory.json"))
    inputs = load_file(case + "/trajectory_inputs.safetensors")
    exact, narrow = Run(case, torch.float32), Run(case, torch.bfloat16)
    rows, tokens, differing = [], 0, 0
    for step, row in enumerate(exactly):
        ids, labels, rate = inputs["input_ids"][step], inputs["labels"][step], row["lr"]
        loss, norm, choices = exact.step(ids, labels, rate)
        assert abs(loss - row["loss"]) < 1e-4, "step %d: float32 gives %g, trajectory.json has %g" % (step, loss, row["loss"])
        loss, norm, choices = narrow.step(ids, labels, rate, choices.made)
        tokens, differing = tokens + choices.tokens, differing + choices.differing
        rows.append({"step": step, "lr": rate, "loss": loss, "grad_norm": norm})
    kept = [{key: value for key, value in row.items() if key != "grad_norm"} for row in rows] if losses_alone else rows
    json.dump(kept, open(case + "/trajectory-bfloat16.json", "w"), indent=0)
    print(case, "largest relative difference from float32: losses", max(abs(a["loss"] - b["loss"]) / b["loss"] for a, b in zip(rows, exactly)),
          "norms", max(abs(a["grad_norm"] / b["grad_norm"] - 1) for a, b in zip(rows, exactly)), "choices that would be others: %d of %d" % (differing, tokens))
