"""The table of benchmarks/gpu: tokens per second, share of the peak, peak memory and loss of both sides, and their ratio. Reads JSON lines, prints Markdown."""
import json
import sys

ours, theirs, names = {}, {}, []
for line in open(sys.argv[1]):
    figures = json.loads(line)
    name = figures["row"]
    if name not in names:
        names.append(name)
    (ours if "ours" in figures else theirs)[name] = figures

print("| row | ours, tokens/s | MFU | GiB | loss | torch.compile, tokens/s | MFU | GiB | loss | ratio |")
print("|---|---|---|---|---|---|---|---|---|---|")
for name in names:
    a, b = ours.get(name), theirs.get(name)
    left = f"{a['tok_s']:,} | {a['mfu']:.1%} | {a['device_gib']:.1f} | {a['loss']}" if a else "- | - | - | -"
    right = f"{b['tok_s']:,} | {b['mfu']:.1%} | {b['peak_gib']:.1f} | {b['loss']}" if b else "- | - | - | -"
    ratio = f"{a['tok_s'] / b['tok_s']:.2f}" if a and b else "-"
    print(f"| {name} | {left} | {right} | {ratio} |")
