"""Lines over offered load as an SVG: one colour a policy, the clairvoyant bound dashed."""
from xml.sax.saxutils import escape

COLORS = ["#0b6e4f", "#8a8a80", "#c8553d", "#b48a1f", "#3d6fb6", "#7d4fa3"]
BOUND_COLOR = "#222"
WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 60, 190, 50, 46


class Frame:
    """Values to pixels. The loads stand at equal distances: they are chosen points, not a scale."""

    def __init__(self, loads, low, high):
        self.loads, self.low, self.high = loads, low, high

    def x(self, load):
        return LEFT + (WIDTH - LEFT - RIGHT) * self.loads.index(load) / (len(self.loads) - 1)

    def y(self, value):
        value = min(max(value, self.low), self.high)
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - self.low) / (self.high - self.low))


def text(x, y, words, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(words)}</text>'


def grid(frame, unit):
    parts = []
    for i in range(6):
        value = frame.low + (frame.high - frame.low) * i / 5
        parts += [f'<line x1="{LEFT}" y1="{frame.y(value):.1f}" x2="{WIDTH - RIGHT}" y2="{frame.y(value):.1f}" stroke="#d5d5d0"/>',
                  text(LEFT - 8, frame.y(value) + 4, f"{100 * value:g} %", "end", 'fill="#555"')]
    for load in frame.loads:
        parts.append(text(frame.x(load), HEIGHT - BOTTOM + 18, f"{load:g}", "middle", 'fill="#555"'))
    return parts + [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, unit, "middle", 'fill="#555"')]


def line(frame, points, color, dash=""):
    path = " ".join(f"{frame.x(load):.1f},{frame.y(value):.1f}" for load, value in points)
    dots = [f'<circle cx="{frame.x(load):.1f}" cy="{frame.y(value):.1f}" r="3" fill="{color}"/>' for load, value in points] if not dash else []
    return [f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2" {dash}/>', *dots]


def svg(title, lines, bound, unit, low=0.0, high=1.0):
    """`lines`: name -> [(load, value)], `bound`: the same or None."""
    loads = [load for load, _ in next(iter(lines.values()))]
    frame = Frame(loads, low, high)
    parts = [text(LEFT, 28, title, extra='font-size="15" font-weight="bold"'), *grid(frame, unit)]
    entries = list(zip(lines, COLORS))
    if bound:
        parts += line(frame, bound, BOUND_COLOR, 'stroke-dasharray="5 4"')
        entries.append(("clairvoyant bound", BOUND_COLOR))
    for name, color in reversed(list(zip(lines, COLORS))):
        parts += line(frame, lines[name], color)
    for i, (name, color) in enumerate(entries):
        y = TOP + 8 + 18 * i
        parts += [f'<rect x="{WIDTH - RIGHT + 14}" y="{y - 8}" width="10" height="10" fill="{color}"/>', text(WIDTH - RIGHT + 30, y + 1, name)]
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222">')
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>"]) + "\n"
