#!/usr/bin/env python3
"""Names the functions of journal/, sync/ and engine/ that the command does not reach.

usage: dead_names.py BUILD_DIR     exit 1 and their names if there are any

Each of those directories is compiled once more, as one unit without optimization, so that no call is
inlined away; the command is linked of the three with a section for each function, and the linker
says which sections nothing leads to from main(), or from the functions that the installed headers
declare, which programs that embed a store call. A function that only tests call is among them, and
belongs to the tests. That a directory compiles as one unit also says that no two of its files have
different things of one name.
"""

import concurrent.futures
import json
import os
import pathlib
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


def compile_as_one(source, build, directory, scratch):
    """The object of all the directory's files, compiled with the library's own options but for these."""
    with open(os.path.join(build, "meson-info", "intro-targets.json"), encoding="utf-8") as targets:
        target = next(t for t in json.load(targets) if t["name"] == f"syncline_{directory}")
    language = next(s for s in target["target_sources"] if s.get("language") == "cpp")
    options = [word for word in language["parameters"] if not word.startswith(("-O", "-W", "-fsanitize"))]
    files = sorted(str(path) for path in pathlib.Path(source, directory).rglob("*.cc"))
    unit, made = (os.path.join(scratch, directory + end) for end in (".cc", ".o"))
    with open(unit, "w", encoding="utf-8") as text:
        text.writelines(f'#include "{name}"\n' for name in files)
    run(language["compiler"] + options + ["-O0", "-g0", "-w", "-c", unit, "-o", made], cwd=build)
    return made


def dropped_sections(build, words, objects, roots, scratch):
    """What the linker removes of the objects, by the functions' mangled names. It keeps `roots`."""
    arguments = [word for word in words if word not in archives_of(words)]
    at = arguments.index("-o")
    arguments[at + 1] = os.path.join(scratch, "syncline")
    # Before the libraries that they need.
    arguments[at + 2 : at + 2] = objects
    kept = os.path.join(scratch, "roots")
    with open(kept, "w", encoding="utf-8") as text:
        text.writelines(f"-Wl,-u,{name}\n" for name in sorted(roots))
    done = run(arguments + [f"@{kept}", "-Wl,--print-gc-sections"], cwd=build)
    pattern = re.compile(r"removing unused section '\.text\.(?:unlikely\.)?(\S+)' in file '([^']+)'")
    return {name for name, place in pattern.findall(done.stderr + done.stdout) if place in objects}


def defined_functions(objects):
    """Symbols of functions that one of the objects defines for others, by their mangled names."""
    names = set()
    for made in objects:
        out = run(["nm", "--defined-only", made]).stdout
        names.update(line.split()[2] for line in out.splitlines() if re.match(r"\S+ T ", line))
    return names


def public_names(source):
    """Words of the installed headers that are followed by a parenthesis."""
    names = set()
    for directory in PUBLIC:
        for name in os.listdir(os.path.join(source, directory)):
            with open(os.path.join(source, directory, name), encoding="utf-8") as header:
                code = re.sub(r"//.*", "", header.read())
            names.update(re.findall(r"(~?\w+|operator=)\(", code))
    return names


def demangled(names):
    names = sorted(names)
    return dict(zip(names, run(["c++filt"], input="\n".join(names)).stdout.splitlines()))


def is_public(plain, words):
    """Whether a function's name is one that the installed headers declare."""
    short = re.search(r"(~?\w+|operator=)\(", plain)
    member = re.match(r"syncline::(Store|Ticket|Cursor)::(?!Impl|State)", plain)
    free = re.match(r"syncline::\w+\(", plain)
    return bool(short and short.group(1) in words and (member or free))


def main():
    build = os.path.abspath(sys.argv[1])
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    words = link_command(build)
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(2) as pool:
        one = lambda directory: compile_as_one(source, build, directory, scratch)
        objects = list(pool.map(one, sorted(DIRECTORIES, reverse=True)))
        defined = defined_functions(objects)
        plain = demangled(defined)
        public = public_names(source)
        roots = {name for name in defined if is_public(plain[name], public)}
        dropped = dropped_sections(build, words, objects, roots, scratch)
    if not defined or not dropped:
        sys.exit("dead_names: the linker said nothing: is the build made with -ffunction-sections?")
    found = 0
    for name in sorted(plain[each] for each in dropped if each in defined):
        if not name.startswith("syncline::") or name.split("(")[0] in DEFAULTS:
            continue
        print(name)
        found += 1
    print(f"{len(defined)} functions, {found} that nothing leads to")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
