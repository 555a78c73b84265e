"""Generation with transformers on one GPU, in the cases of GpuDecoding: decoding_torch.py SECONDS MODEL BATCH PROMPT TOKENS [MODE ...], MODEL a folder with a config.json.

Modes: plain (the cache that grows), static (a static cache, whose step transformers compiles with CUDA graphs). Random weights in bfloat16, random prompts, the likeliest token
always, no stop token. The time of a token is the difference of a long and a short answer over their lengths', the shortest of three rounds of each."""
import json
import sys
import time

import torch
from transformers import AutoConfig, AutoModelForCausalLM

SHORT = 16
ROUNDS = 3


def main(budget, folder, batch, prompt, tokens, modes):
    began = time.time()
    config = AutoConfig.from_pretrained(folder)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    model.eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    ids = torch.randint(0, config.vocab_size, (batch, prompt), device="cuda")
    for mode in modes:
        words = {"cache_implementation": "static"} if mode == "static" else {}

        def seconds(count):
            torch.cuda.synchronize()
            start = time.perf_counter()
            with torch.inference_mode():
                out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=count, max_new_tokens=count, **words)
            torch.cuda.synchronize()
            if out.shape[1] != prompt + count:
                raise RuntimeError(f"{out.shape[1] - prompt} tokens instead of {count}")
            return time.perf_counter() - start

        seconds(tokens)
        seconds(SHORT)
        if time.time() - began > budget:
            print(json.dumps({"peer": folder.rstrip("/").split("/")[-1], "mode": mode, "batch": batch, "failed": "out of time after warming up"}))
            continue
        a_token = (min(seconds(tokens) for _ in range(ROUNDS)) - min(seconds(SHORT) for _ in range(ROUNDS))) / (tokens - SHORT)
        print(json.dumps({"peer": folder.rstrip("/").split("/")[-1], "mode": mode, "batch": batch, "prompt": prompt, "tokens": tokens, "ms_a_step": round(a_token * 1e3, 3),
                          "tok_s": round(batch / a_token, 1), "torch": torch.__version__}), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]), sys.argv[6:] or ["plain", "static"])
