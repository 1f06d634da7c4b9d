#!/usr/bin/env python3
"""Names the functions of journal/, sync/ and engine/ that the command does not reach.

usage: dead_names.py BUILD_DIR     exit 1 and their names if there are any

The command is linked once more, from every object of those directories, with a section for each function;
the linker says which sections nothing leads to from main(). A function that only tests call is among
them, and belongs to the tests. What programs that embed a store call, and the command does not, is
no finding: the functions that the installed headers declare.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile

# Methods that an interface has for implementations without a better way: the real one has.
DEFAULTS = {
    "syncline::Directory::create_whole_synced",
    "syncline::File::links",
    "syncline::File::read_queue",
}
DIRECTORIES = ("journal", "sync", "engine")
PUBLIC = ("journal/include/syncline", "engine/include/syncline")


def run(arguments, **options):
    return subprocess.run(arguments, check=True, capture_output=True, text=True, **options)


def link_command(build):
    """The words of the command that links the command line."""
    lines = run(["ninja", "-C", build, "-t", "commands", "tools/syncline"]).stdout.splitlines()
    return shlex.split(lines[-1])


def archives_of(words):
    return [word for word in words if word.endswith(".a") and word.split("/")[0] in DIRECTORIES]


def dropped_sections(build, words):
    """What the linker removes, as (archive, object, section)."""
    arguments = []
    for word in words:
        if word in archives_of(words):
            arguments += ["-Wl,--whole-archive", word, "-Wl,--no-whole-archive"]
        else:
            arguments.append(word)
    with tempfile.TemporaryDirectory() as scratch:
        at = arguments.index("-o")
        arguments[at + 1] = os.path.join(scratch, "syncline")
        done = run(arguments + ["-Wl,--print-gc-sections"], cwd=build)
    pattern = re.compile(r"removing unused section '\.text\.(?:unlikely\.)?(\S+)' in file '([^']+)'")
    return pattern.findall(done.stderr + done.stdout)


def defined_functions(build, words):
    """Symbols of functions that one of our objects defines for others, by their mangled names."""
    names = set()
    for archive in archives_of(words):
        out = run(["nm", "--defined-only", archive], cwd=build).stdout
        names.update(line.split()[2] for line in out.splitlines() if re.match(r"\S+ T ", line))
    return names


def public_names(source):
    """Words of the installed headers that are followed by a parenthesis."""
    names = set()
    for directory in PUBLIC:
        for name in os.listdir(os.path.join(source, directory)):
            with open(os.path.join(source, directory, name), encoding="utf-8") as header:
                code = re.sub(r"//.*", "", header.read())
            names.update(re.findall(r"(~?\w+)\(", code))
    return names


def main():
    build = sys.argv[1]
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    words = link_command(build)
    defined = defined_functions(build, words)
    dropped = {
        name
        for name, place in dropped_sections(build, words)
        if any(f"lib{'syncline_' + directory}.a" in place for directory in DIRECTORIES)
    }
    dead = sorted(name for name in dropped if name in defined)
    if not defined or not dropped:
        sys.exit("dead_names: the linker said nothing: is the build made with -ffunction-sections?")
    plain = run(["c++filt"], input="\n".join(dead)).stdout.splitlines() if dead else []
    public = public_names(source)
    found = 0
    for name in plain:
        if not name.startswith("syncline::") or name.split("(")[0] in DEFAULTS:
            continue
        short = re.search(r"(~?\w+)\(", name)
        member = re.match(r"syncline::Store::(?!Impl)", name)
        free = re.match(r"syncline::\w+\(", name)
        if short and short.group(1) in public and (member or free):
            continue
        print(name)
        found += 1
    print(f"{len(defined)} functions, {found} that the command does not reach")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
