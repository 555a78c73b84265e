"""The experts that the routers of a model of transformers choose: those of one run given to another, so that two runs of the same tokens differ in their rounding alone.
Weights of the chosen are the second run's own, by the router's own code. Where two experts are near, bfloat16 often prefers the other one, and everything after is another
model's; a comparison of errors would compare such choices.

Not part of the build. Made with torch 2.13, transformers 5.18.
"""
import torch
from torch.overrides import TorchFunctionMode


def count(config):
    """Experts of a layer, 0 where a model has none."""
    text = config.to_dict()
    return next((text[name] for name in ("num_local_experts", "num_experts", "n_routed_experts") if text.get(name)), 0)


class ChosenExperts(TorchFunctionMode):
    """While it is entered, notes the choices of every router or, made with those of another run, has the same experts chosen, in the same order of calls.

    A choice is a call of torch.topk, of experts or of their groups. `differing` counts tokens of a layer that would have had other experts of those
    groups, of `tokens`.
    """

    def __init__(self, config, given=None):
        super().__init__()
        self.experts, self.given = count(config), given
        self.made, self.tokens, self.differing = [], 0, 0

    def __torch_function__(self, function, types, arguments=(), named=None):
        named = named or {}
        result = function(*arguments, **named)
        if function is not torch.topk:
            return result
        if self.given is not None:
            own, ids = result[1], self.given[len(self.made)]
            assert ids.shape == own.shape, (ids.shape, own.shape)
            scores = arguments[0]
            if scores.shape[1] == self.experts:
                self.tokens += ids.shape[0]
                self.differing += int((ids.sort(1).values != own.sort(1).values).any(1).sum())
            result = torch.return_types.topk((scores.gather(1, ids), ids))
        self.made.append(result[1])
        return result
