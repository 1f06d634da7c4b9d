"""The editor of `rebase -i`: changes the person's own lines as PEOPLE_TODO says, no others."""

import os
import re
import sys

OWN = re.compile(r"^pick \w+ (p\d+) ")


def changed(lines, plan):
    own = [n for n, line in enumerate(lines) if OWN.match(line)]
    word, _, name = plan.partition(" ")
    if word == "swap":
        lines[own[0]], lines[own[1]] = lines[own[1]], lines[own[0]]
        return lines
    for place, n in enumerate(own):
        if OWN.match(lines[n])[1] != name:
            continue
        line = word + lines[n].removeprefix("pick")
        if word != "fixup":
            lines[n] = line
        elif place > 0:
            # Into their commit before it, not into one of the store's that stands between.
            del lines[n]
            lines.insert(own[place - 1] + 1, line)
        break
    return lines


with open(sys.argv[1], encoding="utf-8") as todo:
    TEXT = todo.read().split("\n")
with open(sys.argv[1], "w", encoding="utf-8") as todo:
    todo.write("\n".join(changed(TEXT, os.environ.get("PEOPLE_TODO", "keep"))))
