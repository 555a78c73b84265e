"""Attention alone with PyTorch, in the cases of GpuAttentionTimes, and the table of both: attention_times.py OURS, the file with its lines of JSON.

Equal documents: scaled_dot_product_attention by cuDNN, from tensors as transformers gives them, [B, S, H, K] with heads and tokens swapped. Packed documents: varlen_attn
(FlashAttention 2), where PyTorch has it. Times are between events, the median of five rounds; the gradient counts as 2.5 times the forward pass."""
import json
import sys

import torch
import torch.nn.functional as functional
from torch.nn.attention import SDPBackend, sdpa_kernel

ROUNDS = 5


def milliseconds(call):
    def rounded(calls):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        for _ in range(calls):
            call()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) / calls

    call()
    torch.cuda.synchronize()
    calls = int(max(2, min(50, 60 / rounded(2))))
    return sorted(rounded(calls) for _ in range(ROUNDS))[ROUNDS // 2]


def equal(heads, kv_heads, key, value, documents):
    shape = (len(documents), documents[0])
    q, k, v = (torch.randn(*shape, h, n, device="cuda", dtype=torch.bfloat16).transpose(1, 2).requires_grad_() for h, n in ((heads, key), (kv_heads, key), (kv_heads, value)))
    return (q, k, v), lambda: functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=heads != kv_heads)


def packed(heads, kv_heads, key, value, documents):
    from torch.nn.attention.varlen import varlen_attn
    tokens = sum(documents)
    q, k, v = (torch.randn(tokens, h, n, device="cuda", dtype=torch.bfloat16).requires_grad_() for h, n in ((heads, key), (kv_heads, key), (kv_heads, value)))
    starts = torch.tensor([0] + documents, device="cuda").cumsum(0).to(torch.int32)
    longest = max(documents)
    refusals = []
    # Names differ between versions; a refusal of each is told.
    for words in (dict(is_causal=True), dict(window_size=(-1, 0)), dict(window_size=(-1, 0), enable_gqa=True)):
        try:
            varlen_attn(q, k, v, starts, starts, longest, longest, **words)
            return (q, k, v), lambda: varlen_attn(q, k, v, starts, starts, longest, longest, **words)
        except (TypeError, RuntimeError, ValueError) as refused:
            refusals.append(str(refused))
    raise RuntimeError("; ".join(refusals))


def theirs(row):
    heads, documents = row["heads"], row["documents"]
    dense = len(set(documents)) == 1
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
        operands, forward = (equal if dense else packed)(*heads, documents)
        out = forward()
        gradient = torch.randn_like(out)
        there = milliseconds(forward)
        back = milliseconds(lambda: torch.autograd.grad(out, operands, gradient, retain_graph=True))
    return there, back


def main():
    rows = {}
    for line in open(sys.argv[1]):
        if line.startswith("{"):
            figures = json.loads(line)
            rows.setdefault(figures["row"], {})[figures["kernels"]] = figures
    print(f"PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, {torch.cuda.get_device_name()}; TFLOP/s forward / backward\n")
    print("| case | fastest | PyTorch | ratio | our own kernels | deterministic | differences from our own: out, dq, dk, dv |")
    print("|---|---|---|---|---|---|---|")
    for name, choices in rows.items():
        best = choices["fastest"]
        try:
            there, back = theirs(best)
            peer = f"{best['flops'] / there * 1e-9:.0f} / {2.5 * best['flops'] / back * 1e-9:.0f}"
            ratio = f"{there / best['forward_ms']:.2f} / {back / best['backward_ms']:.2f}"
        except Exception as failure:
            peer, ratio = f"none: {str(failure).splitlines()[0][:60]}", "-"
        ours = {kernels: f"{figures['forward_tflops']:.0f} / {figures['backward_tflops']:.0f}" for kernels, figures in choices.items()}
        print(f"| {name} | {ours['fastest']} | {peer} | {ratio} | {ours['own']} | {ours['deterministic']} | {', '.join(f'{d:.1e}' for d in best['differences'])} |", flush=True)


if __name__ == "__main__":
    main()
