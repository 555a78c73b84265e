"""20 AdamW steps of a reference case in bfloat16 the way Megatron does them, by PyTorch on a CPU: `trajectory-bfloat16.json` beside the case's
float32 `trajectory.json`, with the same rows, rates, clipping and decay.

Layers and activations are bfloat16. Main weights, gradients of a step and moments are float32: each step rounds the main weights to the model's, takes its
gradients as float32, clips their norm to 1 and updates the main weights. The loss is the mean over label tokens, taken in float32 from bfloat16 logits.
Where a model has experts, tokens go to those that the float32 run chooses at the same step (chosen_experts.py).

A step takes up what all steps before have rounded, so two runs that differ in the order of sums alone part after some steps, and the farthest step of a run is a matter of luck:
in 48 runs of DeepSeek-V3's case, eager and sdpa with the rows of a batch in every order, it was 0.0019 to 0.0044 for the losses, and the root mean square over the steps 0.0009
to 0.0017. So there are eight runs in the file, and the measure is over all steps.

Not part of the build. Made with torch 2.13, transformers 5.17. Usage: make_bf16_trajectory.py [--every-order] CASE_DIRECTORY...; with --every-order, the figures of those
48 runs, and no file.
"""
import itertools, json, math, sys
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM
from chosen_experts import ChosenExperts

ATTENTIONS = "eager", "sdpa"
ORDERS = [0, 1, 2, 3], [1, 2, 3, 0], [2, 3, 0, 1], [3, 0, 1, 2]


class Run:
    """A model of one type and its float32 main weights, on their way."""

    def __init__(self, case, dtype, attention):
        self.model = AutoModelForCausalLM.from_pretrained(case, dtype=dtype, attn_implementation=attention).train()
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


def distance(ours, exact):
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(ours, exact)) / sum(b ** 2 for b in exact))


torch.manual_seed(0)
torch.set_num_threads(1)
every = "--every-order" in sys.argv
for case in (argument for argument in sys.argv[1:] if argument != "--every-order"):
    steps = json.load(open(case + "/trajectory.json"))
    inputs = load_file(case + "/trajectory_inputs.safetensors")
    runs, differing, tokens = [], 0, 0
    for attention in ATTENTIONS:
        for order in map(list, itertools.permutations(range(4))) if every else ORDERS:
            exact, narrow = Run(case, torch.float32, "eager"), Run(case, torch.bfloat16, attention)
            losses, norms = [], []
            for step, expected in enumerate(steps):
                ids, labels, rate = inputs["input_ids"][step][order], inputs["labels"][step][order], expected["lr"]
                loss, norm, choices = exact.step(ids, labels, rate)
                assert abs(loss - expected["loss"]) < 1e-4, "step %d: float32 gives %g, trajectory.json has %g" % (step, loss, expected["loss"])
                loss, norm, choices = narrow.step(ids, labels, rate, choices.made)
                tokens, differing = tokens + choices.tokens, differing + choices.differing
                losses.append(loss)
                norms.append(norm)
            runs.append({"attention": attention, "rows": order, "losses": losses, "grad_norms": norms})
    if not every:
        with open(case + "/trajectory-bfloat16.json", "w") as file:
            file.write('{"runs": [\n%s\n]}\n' % ",\n".join(map(json.dumps, runs)))
    for run in runs:
        errors = [abs(loss - step["loss"]) for loss, step in zip(run["losses"], steps)]
        print(case, run["attention"], run["rows"], "from float32: losses %.6f norms %.5f, losses root mean square %.4f farthest %.4f" % (
              distance(run["losses"], [s["loss"] for s in steps]), distance(run["grad_norms"], [s["grad_norm"] for s in steps]),
              math.sqrt(sum(e * e for e in errors) / len(errors)), max(errors)), "choices that would be others: %d of %d" % (differing, tokens), flush=True)
