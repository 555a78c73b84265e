"""Writes float8.txt: float32 bits and what PyTorch makes of them in float8_e4m3fn and float8_e5m2, clamped to their largest numbers first; then all 256 numbers of both."""
import pathlib
import torch

torch.manual_seed(8)
edges = [0.0, -0.0, 448.0, 463.9, 464.0, 465.0, 1e9, 57344.0, 61439.0, 61440.0, 2.0**-6, 2.0**-9, 2.0**-10, 2.0**-11, 3 * 2.0**-10, 2.0**-14, 2.0**-16, 2.0**-17,
         1.5 * 2.0**-17, 2.0**-18, 3 * 2.0**-17, 1.0625, 1.1875, 1.125, 1.375, 17.0, 19.0, 1e-30, float("inf"), float("nan")]
ties = [(1 + (2 * i + 1) / 16) * 2.0**e for i in range(8) for e in (-7, -6, 0, 5, 8)] + [(1 + (2 * i + 1) / 8) * 2.0**e for i in range(4) for e in (-15, -14, 3, 15)]
wide = (torch.randn(300) * 2.0 ** torch.randint(-20, 18, (300,)).float()).tolist()
x = torch.tensor([v for value in edges + ties + wide for v in (value, -value)], dtype=torch.float32)

def cast(dtype):
    largest = torch.finfo(dtype).max
    return x.clamp(-largest, largest).to(dtype).view(torch.uint8).tolist()

lines = ["%08x %02x %02x" % row for row in zip((v & 0xFFFFFFFF for v in x.view(torch.int32).tolist()), cast(torch.float8_e4m3fn), cast(torch.float8_e5m2))]
every = torch.arange(256, dtype=torch.uint8)
for dtype in (torch.float8_e4m3fn, torch.float8_e5m2):
    lines.append(" ".join("%08x" % (v & 0xFFFFFFFF) for v in every.view(dtype).float().view(torch.int32).tolist()))
pathlib.Path(__file__).with_name("float8.txt").write_text("\n".join(lines) + "\n")
