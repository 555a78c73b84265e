"""What a user would pick instead, on the GPUs of one host: PyTorch FSDP2 with each layer compiled, bfloat16 work on float32 weights and AdamW states that are shared out.

torchrun --nproc_per_node N fsdp_torch.py SHAPE SEQUENCE ROWS_A_STEP STEPS: rows go through one at a time, gradients are reduced once a step. Prints a JSON line.
"""
import json
import sys
import time

import torch
import torch.distributed as dist
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from transformers import AutoConfig, AutoModelForCausalLM

from bench_torch import PEAK, SHAPES, flops_per_token

WARM = 3


def main():
    shape, sequence, rows, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    dist.init_process_group("nccl")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    torch.cuda.set_device(rank)
    torch.manual_seed(0)
    family, sizes = SHAPES[shape]
    config = AutoConfig.for_model(family, max_position_embeddings=max(32768, sequence), use_cache=False, **sizes)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    model.train()
    policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for layer in model.model.layers:
        layer.compile()
        fully_shard(layer, mp_policy=policy)
    fully_shard(model, mp_policy=policy)
    model.to_empty(device="cuda")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.to_local().normal_(0, 0.02)
        # Angles are no parameters: a model made without memory has none.
        model.model.rotary_emb = type(model.model.rotary_emb)(config).to("cuda")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    passes = rows // ranks
    ids = torch.randint(0, config.vocab_size, (passes, 1, sequence), device="cuda")

    def step():
        for number in range(passes):
            model.set_requires_gradient_sync(number == passes - 1)
            loss = model(input_ids=ids[number], labels=ids[number]).loss / passes
            loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    times = []
    for number in range(WARM + steps):
        torch.cuda.synchronize()
        began = time.perf_counter()
        loss = step()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    seconds = sorted(times[WARM:])[steps // 2]
    speed = rows * sequence / seconds / ranks
    if rank == 0:
        print(json.dumps({"peer": "fsdp2", "shape": shape, "ranks": ranks, "seconds_per_step": round(seconds, 4), "tok_s_gpu": round(speed),
                          "mfu": round(flops_per_token(config, sequence) * speed / PEAK, 4), "gib": round(torch.cuda.max_memory_allocated() / 2**30, 1),
                          "loss": round(float(loss) * passes, 4)}), flush=True)
    dist.destroy_process_group()


main()
