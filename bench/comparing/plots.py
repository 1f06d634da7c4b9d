"""Plots: SVG written by hand, PNG made of it by rsvg-convert; lines on a logarithmic axis."""

import dataclasses
import html
import math
import pathlib

from .machine import run
from .model import Json

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 48, 52
# Ours are the warm ones; told apart in grey too, by their dashes.
COLOURS = ("#c0392b", "#e67e22", "#b7950b", "#2471a3", "#148f77", "#6c3483", "#566573", "#1b2631")
DASHES = ("", "6 3", "2 3", "", "6 3", "2 3", "", "8 3 2 3")


@dataclasses.dataclass
class Line:
    name: str
    points: list[tuple[float, float]]
    spreads: list[tuple[float, float]] = dataclasses.field(default_factory=list)


def text(x: float, y: float, what: str, anchor: str = "middle", size: int = 12,
         turned: bool = False) -> str:
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{turn}>'
            f"{html.escape(what)}</text>")


def figure(value: float) -> str:
    for limit, suffix in ((1e6, "M"), (1e3, "K")):
        if value >= limit:
            return f"{value / limit:g}{suffix}"
    return f"{value:g}"


class Chart:
    """A logarithmic y axis; the places on the x axis are evenly apart and named."""

    def __init__(self, title: str, x_title: str, y_title: str, places: list[str],
                 lines: list[Line]) -> None:
        self.title, self.x_title, self.y_title = title, x_title, y_title
        self.places, self.lines = places, lines
        values = [y for line in lines for _, y in line.points if y > 0]
        self.low = math.floor(math.log10(min(values)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(values))))

    def x(self, place: float) -> float:
        room = WIDTH - LEFT - RIGHT
        return LEFT + room * (place + 0.5) / len(self.places)

    def y(self, value: float) -> float:
        part = (math.log10(max(value, 10 ** self.low)) - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, part)

    def axes(self) -> list[str]:
        right = WIDTH - RIGHT
        parts = [text(LEFT, 26, self.title, "start", 15),
                 text((LEFT + right) / 2, HEIGHT - 12, self.x_title),
                 text(18, (TOP + HEIGHT - BOTTOM) / 2, self.y_title, turned=True)]
        for power in range(self.low, self.high + 1):
            y = self.y(10 ** power)
            parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" '
                         'stroke="#ccd1d1"/>')
            parts.append(text(LEFT - 8, y + 4, figure(10 ** power), "end"))
        parts += [text(self.x(at), HEIGHT - BOTTOM + 18, place)
                  for at, place in enumerate(self.places)]
        return parts

    def drawn(self, line: Line, number: int) -> list[str]:
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        points = [(self.x(x), self.y(y)) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
                 f'stroke-dasharray="{dash}"/>']
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
        for (x, _), (least, most) in zip(points, line.spreads):
            parts.append(f'<line x1="{x:.1f}" y1="{self.y(least):.1f}" x2="{x:.1f}" '
                         f'y2="{self.y(most):.1f}" stroke="{colour}"/>')
        y = TOP + 10 + 20 * number
        x = WIDTH - RIGHT + 16
        parts.append(f'<line x1="{x}" y1="{y}" x2="{x + 26}" y2="{y}" stroke="{colour}" '
                     f'stroke-width="2" stroke-dasharray="{dash}"/>')
        parts.append(text(x + 32, y + 4, line.name, "start"))
        return parts

    def svg(self) -> str:
        parts = self.axes()
        for number, line in enumerate(self.lines):
            parts += self.drawn(line, number)
        body = "\n".join(parts)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
                f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" fill="#1b2631">\n'
                f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n')


def values_of(row: Json, name: str) -> dict[str, list[float]]:
    return next((contestant["values"] for contestant in row["contestants"]
                 if contestant["name"] == name), {})


def rows_named(result: Json, prefix: str) -> list[Json]:
    """By the number at the end of their names."""
    found = [row for row in result["rows"] if row["name"].startswith(prefix) and not row["error"]]
    return sorted(found, key=lambda row: int(row["name"].removeprefix(prefix)))


def across(rows: list[Json], value: str = "rate") -> list[Line]:
    """A line for each contestant, a point for each row."""
    lines = []
    for contestant in rows[0]["contestants"] if rows else []:
        name = contestant["name"]
        taken = [sorted(values_of(row, name)[value]) for row in rows]
        lines.append(Line(name, [(at, runs[len(runs) // 2]) for at, runs in enumerate(taken)],
                          [(runs[0], runs[-1]) for runs in taken]))
    return ours_first(rows[0], lines) if rows else []


def ours_first(row: Json, lines: list[Line]) -> list[Line]:
    order = {"ours": 0, "peer": 1, "old": 1, "limit": 2}
    sides = {contestant["name"]: order[contestant["side"]] for contestant in row["contestants"]}
    return sorted(lines, key=lambda line: sides[line.name])


def charts(result: Json) -> dict[str, Chart]:
    found = {}
    journal = rows_named(result, "journal-")
    if journal:
        levels = [row["name"].removeprefix("journal-") for row in journal]
        found["throughput"] = Chart("Durable appends of 1 KiB, each waited for", "threads",
                                    "records a second", levels, across(journal))
        for row, level in zip(journal, levels):
            lines = []
            for contestant in row["contestants"]:
                medians = contestant["medians"]
                lines.append(Line(contestant["name"], [
                    (at, medians[name]) for at, name in
                    enumerate(("p50_us", "p99_us", "p999_us", "max_us"))]))
            found[f"latency-{level}"] = Chart(
                f"Time until durable, {level} thread{'s' if level != '1' else ''}", "",
                "microseconds", ["median", "p99", "p99.9", "longest"], ours_first(row, lines))
    axis = rows_named(result, "axis-")
    if axis:
        found["processes"] = Chart("Processes at once, a record each", "processes",
                                   "records kept a second",
                                   [row["name"].removeprefix("axis-") for row in axis],
                                   across(axis))
    for row in result["rows"]:
        if row["name"] == "growth" and not row["error"]:
            sizes = [contestant["name"].split()[0] for contestant in row["contestants"]]
            places = [figure(float(size.replace(",", ""))) for size in sizes]
            lines = [Line(label, [(at, contestant["medians"][name])
                                  for at, contestant in enumerate(row["contestants"])])
                     for label, name in (("ingest, records/s", "rate"),
                                         ("verify, records/s", "verify_rate"),
                                         ("peak resident, MiB", "resident_mib"),
                                         ("open, ms", "open_ms"), ("status, ms", "status_ms"))]
            found["growth"] = Chart("One store as it grows", "records in the store", "", places,
                                    lines)
    return found


def draw(result: Json, directory: pathlib.Path) -> list[pathlib.Path]:
    made = []
    for name, chart in charts(result).items():
        svg, png = directory / f"{name}.svg", directory / f"{name}.png"
        svg.write_text(chart.svg(), encoding="utf-8")
        run(["rsvg-convert", "--zoom", "2", "--output", str(png), str(svg)])
        made += [svg, png]
    return made
