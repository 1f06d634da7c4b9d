#!/usr/bin/env python3
"""A person works with real git in a store's repository while other processes record in it.

usage: people.py SYNCLINE [--seed S]... [--seeds N] [--seconds T] [--steps N] [--strict] [--keep]

Prints TAP: a test a seed, its figures as comments. A person (person.py) does the same in a twin of
the repository that has no store, with the same remote and the same mate: each command must end
alike, and their commits, index, work tree, stashes and branches be the same in both (pair.py).
Beside them recorders (recorders.py) record, ingest, sync and are killed. At the end each record is
once in row, own ref, branch and work tree (judge.py).

SYNCLINE_PEOPLE_SEEDS and SYNCLINE_PEOPLE_SECONDS: how many persons, and how long each works. A
failure prints the command that runs the same person again; when the recorders record is not theirs
to repeat.
"""

import argparse
import os
import random
import shutil
import stat
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "faults"))  # store.py and traced.py are its
# pylint: disable=wrong-import-position
import judge  # noqa: E402
import pair  # noqa: E402
import person  # noqa: E402
import recorders  # noqa: E402
import traced  # noqa: E402

EDITOR = """#!/bin/sh
[ -z "$PEOPLE_RECORD" ] || eval "$PEOPLE_RECORD" >/dev/null 2>&1
[ -z "$PEOPLE_MOMENT" ] || sleep "$PEOPLE_MOMENT"
[ -z "$PEOPLE_MESSAGE" ] || printf '%s\\n' "$PEOPLE_MESSAGE" >"$1"
"""


def script(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return path


def must(result):
    if result.code != 0:
        raise RuntimeError(f"{result.command}: {result.text()}")


def prepare(binary, scratch):
    """The store, its twin, and a remote and a mate for each."""
    environment = {"GIT_EDITOR": script(f"{scratch}/editor", EDITOR),
                   "GIT_SEQUENCE_EDITOR": f"{sys.executable} {HERE}/todo.py"}
    found = []
    for prefix in ("", "twin-"):
        origin, mate = f"{scratch}/{prefix}origin.git", f"{scratch}/{prefix}mate"
        root = f"{scratch}/{prefix or 'store-'}repository"
        must(traced.run(["git", "init", "-q", "--bare", "-b", "main", origin]))
        must(traced.run(["git", "clone", "-q", origin, root]))
        repository = pair.Repository(root, environment)
        must(repository.git("checkout", "-q", "-B", "main"))
        for name in ("work/first.txt", "work/second.txt", "work/shared.txt", "work/deep/third.txt",
                     "memory/heuristics/mine.md", "memory/mine.md"):
            repository.write(name, "".join(f"line {n}\n" for n in range(30)))
        must(repository.git("add", "."))
        must(repository.git("commit", "-qm", "p0 as it was"))
        if not prefix:
            must(traced.run([binary, "init", root, "--profile", "elf", "--json"]))
        must(repository.git("push", "-q", "-u", "origin", "main"))
        must(traced.run(["git", "clone", "-q", origin, mate]))
        found.append(repository)
    return found


class Run:
    def __init__(self, options, seed):
        self.options, self.seed = options, seed
        self.complaints, self.figures = [], ""

    def go(self, scratch):
        started = time.monotonic()
        binary = self.options.binary
        store, twin = prepare(binary, scratch)
        others = recorders.Recorders(binary, store.root, self.seed)
        who = person.Person(scratch, store, twin, others, random.Random(self.seed))
        others.start()
        try:
            alike = who.work(self.options.seconds, self.options.steps)
        finally:
            others.stop()
        with open(f"{scratch}/script", "w", encoding="utf-8") as file:
            file.write("\n".join(who.script) + "\n")
        self.complaints += others.complaints + who.complaints
        for kind, times in who.failures.items():
            if kind == person.LOCK_LEFT or (kind in person.TOLERATED and not self.options.strict):
                continue
            self.complaints.append(f"{times} commands failed because of the store: {kind}; the "
                                   f"first:\n{who.evidence[kind]}")
        if alike:
            self.complaints += others.again()
            self.complaints += judge.at_the_end(binary, store, others, *who.lasting())
            differs = pair.difference(store.look(), twin.look())
            if differs:
                self.complaints.append(f"at the end: {differs}")
        counts = {**who.counts, **others.counts, "records": len(others.wanted)}
        self.figures = (f"seed {self.seed}: {time.monotonic() - started:.0f} s; " + ", ".join(
            f"{name}: {times}" for name, times in sorted(counts.items())) +
            f"; failed because of the store: {dict(who.failures) or 0}")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--seeds", type=int, default=int(os.environ.get("SYNCLINE_PEOPLE_SEEDS", "1")))
    parser.add_argument("--seconds", type=float,
                        default=float(os.environ.get("SYNCLINE_PEOPLE_SECONDS", "25")))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--strict", action="store_true",
                        help="what person.py's TOLERATED names fails too")
    parser.add_argument("--keep", action="store_true",
                        default=os.environ.get("SYNCLINE_TEST_KEEP") == "1")
    return parser.parse_args()


def main():
    options = arguments()
    first = int(os.environ.get("SYNCLINE_TEST_SEED", "1"))
    seeds = options.seed or range(first, first + options.seeds)
    print(f"1..{len(seeds)}", flush=True)
    failed = 0
    for number, seed in enumerate(seeds, 1):
        scratch = tempfile.mkdtemp(prefix=f"syncline-people-{seed}-")
        run = Run(options, seed)
        try:
            run.go(scratch)
        except Exception as error:  # pylint: disable=broad-except; it is that seed's failure
            run.complaints.append(f"{type(error).__name__}: {error}")
            if options.keep:
                raise
        for line in run.figures.splitlines():
            print(f"# {line}")
        for complaint in run.complaints[:12]:
            print("# " + complaint.replace("\n", "\n#   "))
        if run.complaints:
            print(f"# replay: {sys.argv[0]} {options.binary} --seed {seed} --seconds "
                  f"{options.seconds}")
        print(f"{'not ok' if run.complaints else 'ok'} {number} - seed {seed}", flush=True)
        failed += bool(run.complaints)
        if options.keep:
            print(f"# kept: {scratch}", flush=True)
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
