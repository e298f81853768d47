"""The rows as an SVG: for each model a line an engine, from p50 (filled) to p99 (ring), over a logarithmic axis of time."""
import math
from xml.sax.saxutils import escape

import engines
import figures
import report

COLORS = {"tercel": "#0b6e4f", "onnxruntime": "#c8553d", "openvino": "#3d6fb6"}
LABEL_WIDTH, PLOT_WIDTH, PANEL_GAP, MARGIN = 170, 460, 64, 20
LINE_HEIGHT, GROUP_GAP, HEAD_HEIGHT, FOOT_HEIGHT = 13, 12, 86, 34
RADIUS = 4


def time_text(us):
    """1 us, 100 us, 1 ms, 10 s."""
    for unit, scale in (("s", 1e6), ("ms", 1e3), ("us", 1)):
        if us >= scale:
            return f"{us / scale:g} {unit}"
    return f"{us:g} us"


def decades(values):
    """Powers of ten that enclose the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**e for e in range(low, max(high, low + 1) + 1)]


class Axis:
    """Microseconds to pixels, logarithmic."""

    def __init__(self, left, ticks):
        self.left, self.ticks = left, ticks
        self.low, self.span = math.log10(ticks[0]), math.log10(ticks[-1] / ticks[0])

    def x(self, us):
        return self.left + PLOT_WIDTH * (math.log10(us) - self.low) / self.span


def text(x, y, words, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(words)}</text>'


def mark(axis, y, color, figure):
    """One engine's line of one model."""
    p50, p99 = figure["p50"], figure["p99"]
    parts = []
    if p99 is not None:
        parts += [f'<line x1="{axis.x(p50):.1f}" y1="{y:.1f}" x2="{axis.x(p99):.1f}" y2="{y:.1f}" stroke="{color}" stroke-width="2"/>',
                  f'<circle cx="{axis.x(p99):.1f}" cy="{y:.1f}" r="{RADIUS}" fill="#fff" stroke="{color}" stroke-width="1.5"/>']
    return parts + [f'<circle cx="{axis.x(p50):.1f}" cy="{y:.1f}" r="{RADIUS}" fill="{color}"/>']


def group(axis, top, row, labelled):
    """One model: a band, its name in the first panel, a line an engine; who refused is said in words."""
    height = LINE_HEIGHT * len(engines.NAMES)
    parts = [f'<rect x="{axis.left}" y="{top - 2}" width="{PLOT_WIDTH}" height="{height + 4}" fill="#f5f5f2"/>']
    if labelled:
        parts.append(text(axis.left - 10, top + height / 2 + 4, row_name(row), "end"))
    for i, name in enumerate(engines.NAMES):
        y, figure = top + LINE_HEIGHT * (i + 0.5), row["engines"][name]
        if figure == engines.LEFT_OUT:
            continue
        refused = text(axis.left + 4, y + 4, f"{name}: refused", extra=f'fill="{COLORS[name]}" font-size="10"')
        parts += [refused] if "error" in figure else mark(axis, y, COLORS[name], figure)
    return parts


def row_name(row):
    return report.titled(row) + (f" x{row['batch']}" if row["batch"] > 1 else "")


def grid(axis, top, bottom):
    parts = []
    for tick in axis.ticks:
        parts += [f'<line x1="{axis.x(tick):.1f}" y1="{top}" x2="{axis.x(tick):.1f}" y2="{bottom}" stroke="#d5d5d0"/>',
                  text(axis.x(tick), bottom + 16, time_text(tick), "middle", 'fill="#555"')]
    return parts


def legend(title):
    parts, x = [text(MARGIN, 24, title, extra='font-size="15" font-weight="bold"')], MARGIN
    for name in engines.NAMES:
        parts += [f'<circle cx="{x + RADIUS}" cy="41" r="{RADIUS}" fill="{COLORS[name]}"/>', text(x + 14, 45, name)]
        x += 30 + 7 * len(name)
    return parts + [text(x, 45, "filled: p50, ring: p99; further left is faster", extra='fill="#555"')]


def panel(axis, rows, threads, height, labelled):
    bottom = height - FOOT_HEIGHT
    parts = [text(axis.left, HEAD_HEIGHT - 10, f"{threads} thread{'s' if threads > 1 else ''}", extra='font-weight="bold"')]
    bands = [group(axis, HEAD_HEIGHT + i * step(), row, labelled) for i, row in enumerate(rows)]
    rectangles = [part for band in bands for part in band if part.startswith("<rect")]
    marks = [part for band in bands for part in band if not part.startswith("<rect")]
    return parts + rectangles + grid(axis, HEAD_HEIGHT - 4, bottom) + marks


def step():
    return LINE_HEIGHT * len(engines.NAMES) + GROUP_GAP


def svg(rows, title):
    """The plot of `rows` (interleave.row), a panel a thread count. At least one engine must have run something."""
    values = [f[key] for row in rows for f in figures.answered(row).values() for key in ("p50", "p99") if f[key] is not None]
    if not values:
        raise ValueError("nothing to plot: every engine refused every model")
    panels = {threads: [r for r in rows if r["threads"] == threads] for threads in sorted({r["threads"] for r in rows})}
    height = HEAD_HEIGHT + step() * max(map(len, panels.values())) + FOOT_HEIGHT
    width = MARGIN + LABEL_WIDTH + len(panels) * (PLOT_WIDTH + PANEL_GAP) - PANEL_GAP + 2 * MARGIN
    parts, ticks = legend(title), decades(values)
    for i, (threads, chosen) in enumerate(panels.items()):
        axis = Axis(MARGIN + LABEL_WIDTH + i * (PLOT_WIDTH + PANEL_GAP), ticks)
        parts += panel(axis, chosen, threads, height, i == 0)
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222">')
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>"]) + "\n"
