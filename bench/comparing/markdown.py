"""The table: a line for each bar, with what both sides gave, the ratio, its spread, and the bar."""

import pathlib

from .model import Json

BEGIN, END = "<!-- bench/compare begin -->", "<!-- bench/compare end -->"


def short(value: float) -> str:
    """Three figures: 9.61 K, 247 K, 1.60 M, 0.62, 12."""
    for limit, suffix in ((1e6, " M"), (1e3, " K")):
        if abs(value) >= limit:
            return f"{value / limit:#.3g}".rstrip(".") + suffix
    return f"{value:#.3g}".rstrip(".")


def best(row: Json, names: list[str], value: str, relation: str) -> str:
    """The best of these contestants, and what it reached."""
    found: dict[str, float] = {
        contestant["name"]: contestant["medians"][value] for contestant in row["contestants"]
        if contestant["name"] in names}
    name = (max if relation == ">=" else min)(found, key=found.__getitem__)
    return f"{name} {short(found[name])}"


def bar_line(row: Json, bar: Json, first: bool) -> str:
    ratio, ratios = bar["ratio"], bar["ratios"]
    spread = f"{short(min(ratios))}–{short(max(ratios))}"
    sign = "≥" if bar["relation"] == ">=" else "≤"
    ours = best(row, bar["ours"], bar["value"], bar["relation"])
    against = (best(row, bar["against"], bar["against_value"], bar["relation"])
               if bar["against"] else "")
    title = f"{row['title']} ({row['unit']})" if first else ""
    met = "yes" if bar["met"] else "**no**"
    return (f"| {title} | {bar['text']} | {ours} | {against} | {short(ratio)} ({spread}) "
            f"| {sign} {short(bar['goal'])} | {met} |")


def machine_text(result: Json) -> str:
    machine, options = result["machine"], result["options"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['cores']} × {machine['cpu']}, {machine['memory_gib']} GiB, "
        f"{machine['system']}, kernel {machine['kernel']}; {machine['file_system']} "
        f"({machine['mount_options']}) on {machine['device']}, write cache: "
        f"{machine['write_cache']}. Commit {machine['commit']}; {versions}. "
        f"Medians of {options['runs']} interleaved runs, with the least and the most; "
        f"{result['seconds']:.0f} s in all. Load of the machine before it began: "
        f"{machine['load_at_start']:.1f}, at the end, its own included: "
        f"{machine['load_at_end']:.1f}.")


def table(result: Json) -> str:
    lines = [machine_text(result), "",
             "| row | compared | ours | beside it | ratio or figure (spread) | bar | met |",
             "|---|---|---|---|---|---|---|"]
    remarks = []
    for row in result["rows"]:
        if row["error"]:
            lines.append(f"| {row['title']} | failed: {row['error']} | | | | | **no** |")
        lines += [bar_line(row, bar, at == 0) for at, bar in enumerate(row["bars"])]
        if row["remark"]:
            remarks.append(f"- {row['title']}: {row['remark']}")
    met = [bar["met"] for row in result["rows"] for bar in row["bars"]]
    lines += ["", f"{sum(met)} of {len(met)} bars are met."]
    if remarks:
        lines += ["", *remarks]
    if result["left_out"]:
        lines += ["", "Left out:", *[f"- {reason}" for reason in result["left_out"]]]
    return "\n".join(lines) + "\n"


def write_between_marks(page: pathlib.Path, text: str) -> bool:
    """Replaces what stands between the two marks of a page; false where it has none."""
    whole = page.read_text(encoding="utf-8")
    if BEGIN not in whole or END not in whole:
        return False
    head, rest = whole.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    page.write_text(f"{head}{BEGIN}\n{text}{END}{tail}", encoding="utf-8")
    return True
