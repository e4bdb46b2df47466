#!/usr/bin/env python3
"""Draws the growth of the index as an SVG of time for each box, window and nearest search over the number of boxes.
usage: bench-library growth 100000 1000000 10000000 50000000 | growth.py > growth.svg"""
import json, math, sys

rows = [json.loads(line) for line in sys.stdin if line.startswith("{")]
sizes = [row["growth"] for row in rows]
series = [("build, ns a box", [row["build"] / row["growth"] * 1e9 for row in rows], "#1b6ca8"),
          ("window with 225 hits, 10 ns", [row["windows"] * 1e8 for row in rows], "#c0392b"),
          ("10 nearest, 10 ns", [row["nearest"] * 1e8 for row in rows], "#27864a")]
W, H, L, B = 640, 380, 60, 50
top = max(max(values) for _, values, _ in series) * 1.15
low, high = math.log10(min(sizes)), math.log10(max(sizes))
x = lambda n: L + (math.log10(n) - low) / (high - low) * (W - L - 30)
y = lambda v: H - B - v / top * (H - B - 20)
out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {W} {H}" font-family="sans-serif" font-size="12">',
       f'<rect width="{W}" height="{H}" fill="white"/>']
step = 10 ** math.floor(math.log10(top / 2))
v = 0
while v < top:
    out.append(f'<path d="M{L} {y(v):.1f}H{W - 30}" stroke="#ddd"/>'
               f'<text x="{L - 8}" y="{y(v) + 4:.1f}" text-anchor="end">{v:g}</text>')
    v += step * (2 if top / step > 8 else 1)
for n in sizes:
    out.append(f'<text x="{x(n):.1f}" y="{H - B + 18}" text-anchor="middle">{n:,}</text>')
out.append(f'<text x="{(L + W) / 2}" y="{H - 10}" text-anchor="middle">boxes (log)</text>')
for i, (name, values, colour) in enumerate(series):
    points = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in zip(sizes, values))
    out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    out += [f'<circle cx="{x(n):.1f}" cy="{y(v):.1f}" r="3" fill="{colour}"/>' for n, v in zip(sizes, values)]
    out.append(f'<text x="{L + 12}" y="{24 + 16 * i}" fill="{colour}">{name}</text>')
print("\n".join(out) + "\n</svg>")
