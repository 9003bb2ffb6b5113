"""What the benches print and write: tables, medians with their spread, JSON, and line plots as SVG."""

import html
import json
import math
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_WIDTH, _HEIGHT = 760, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 230, 50, 60
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666", "#000000")


def spread(samples):
    """{"median", "min", "max", "rounds", "samples"} of numbers, in their unit."""
    samples = list(samples)
    return {"median": statistics.median(samples), "min": min(samples), "max": max(samples), "rounds": len(samples),
            "samples": samples}


def number(value):
    """Three digits that count, or as many as stand before the point; what is no number as it is."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or value == 0 or not math.isfinite(value):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def cell(found):
    """"12.1 (11.8-14.0)" of what spread() returned."""
    return f"{number(found['median'])} ({number(found['min'])}-{number(found['max'])})"


def table(head, rows, indent="  "):
    """As text: the first column to the left, the others to the right. Cells may be numbers, spreads and texts."""
    texts = [list(head)]
    texts += [[cell(one) if isinstance(one, dict) else number(one) for one in row] for row in rows]
    widths = [max(len(row[at]) for row in texts) for at in range(len(head))]
    lines = [indent + "  ".join([row[0].ljust(widths[0])] + [text.rjust(width) for text, width
                                                            in zip(row[1:], widths[1:])]).rstrip() for row in texts]
    return "\n".join([lines[0], indent + "  ".join("-" * width for width in widths), *lines[1:]])


def circumstances():
    """What a figure depends on that the bench does not say: when, of which commit, on what."""
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True,
                            check=False).stdout.strip()
    return {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": commit or None,
            "kernel": platform.release(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}


def write_json(path, bench, results, **more):
    document = {"bench": bench, **circumstances(), **more, "results": results}
    Path(path).write_text(json.dumps(document, indent=2) + "\n")


class _Axis:
    """A logarithmic one where all is above zero and the ends lie far enough apart, else a linear one from zero."""

    def __init__(self, values, begin, end, log):
        self._log = log and min(values) > 0
        self._begin, self._end = begin, end
        if self._log:
            self._low = math.floor(math.log10(min(values)))
            self._high = max(math.ceil(math.log10(max(values))), self._low + 1)
            self.ticks = [m * 10.0 ** e for e in range(self._low, self._high + 1) for m in (1, 2, 5)
                          if (m == 1 or self._high - self._low < 3) and m * 10.0 ** e <= 10.0 ** self._high]
        else:
            step = 10.0 ** math.floor(math.log10(max(max(values), 1e-9)))
            step = next(step * part for part in (0.2, 0.5, 1) if max(values) <= 10 * step * part)
            self._low, self._high = min(0, min(values)), step * math.ceil(max(values) / step)
            self.ticks = [step * i for i in range(round(self._high / step) + 1)]

    def at(self, value):
        place = math.log10(value) if self._log else value
        return self._begin + (place - self._low) / (self._high - self._low) * (self._end - self._begin)


def plot(path, title, across, up, series, log_x=True, log_y=True):
    """`series`: name to [(x, y)] or [(x, spread)]; `across` and `up` name the axes with their units."""
    points = {name: [(x, y if isinstance(y, dict) else {"median": y, "min": y, "max": y}) for x, y in found]
              for name, found in series.items() if found}
    if not points:
        return
    x_axis = _Axis([x for found in points.values() for x, _ in found], _LEFT, _WIDTH - _RIGHT, log_x)
    y_axis = _Axis([y[end] for found in points.values() for _, y in found for end in ("min", "max")],
                   _HEIGHT - _BOTTOM, _TOP, log_y)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
           'font-size="12"><rect width="100%" height="100%" fill="white"/>',
           _text(_LEFT, 24, title, size=15), _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 16, across, "middle"),
           f'<g transform="translate(18 {(_TOP + _HEIGHT - _BOTTOM) / 2}) rotate(-90)">{_text(0, 0, up, "middle")}</g>']
    for tick in x_axis.ticks:
        x = x_axis.at(tick)
        out += [_line(x, _TOP, x, _HEIGHT - _BOTTOM, "#dddddd"),
                _text(x, _HEIGHT - _BOTTOM + 18, f"{tick:g}", "middle")]
    for tick in y_axis.ticks:
        y = y_axis.at(tick)
        out += [_line(_LEFT, y, _WIDTH - _RIGHT, y, "#dddddd"), _text(_LEFT - 8, y + 4, f"{tick:g}", "end")]
    for place, (name, found) in enumerate(points.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        found = sorted(found, key=lambda point: point[0])
        along = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y['median']):.1f}" for x, y in found)
        out.append(f'<polyline points="{along}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for x, y in found:
            out += [_line(x_axis.at(x), y_axis.at(y["min"]), x_axis.at(x), y_axis.at(y["max"]), colour),
                    f'<circle cx="{x_axis.at(x):.1f}" cy="{y_axis.at(y["median"]):.1f}" r="3" fill="{colour}"/>']
        at = _TOP + 18 * place + 6
        out += [_line(_WIDTH - _RIGHT + 14, at, _WIDTH - _RIGHT + 34, at, colour, 2),
                _text(_WIDTH - _RIGHT + 40, at + 4, name)]
    Path(path).write_text("\n".join([*out, "</svg>"]) + "\n")


def _line(x1, y1, x2, y2, colour, width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>')


def _text(x, y, text, anchor="start", size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{html.escape(text)}</text>'
