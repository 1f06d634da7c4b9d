#!/usr/bin/env python3
"""Every system call of every verb fails, once and sticky: the real program under strace.

usage: syscall_faults.py SYNCLINE [--verb V]... [--seed S] [--case N | --upto N | --cases K]

Prints TAP: one test a verb and a limit (limits.py), figures as comments. What must hold is in
verbs.py, which calls fail and how in faults.py. By itself it runs a sample of CASES of each verb's
cases, which SYNCLINE_TEST_SEED draws; SYNCLINE_TEST_SCALE above 1 all of them, with so many times
more errors at each call and of its occurrences. A failure prints the command that runs
the same case on a fresh store (--case), and --upto runs all before it too.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import zlib

import faults
import limits
import traced
import verbs
from store import answer

CASES = 110
LONGEST = ("replay", "init", "ingest")
SHOWN = 10  # complaints of one verb


class Sweep:
    def __init__(self, kind, options):
        self.options = options
        self.directory = f"{options.directory}/{kind.name}"
        os.makedirs(self.directory)
        self.verb = kind(options.binary, self.directory)
        self.complaints = []
        self.exits = collections.Counter()
        self.hit = collections.defaultdict(lambda: (set(), set()))  # call: once, sticky
        self.cases = self.seconds = 0

    def complain(self, n, injection, result, texts):
        for text in texts:
            self.complaints.append(
                f"{injection}: {text}\n    {result.text()}\n    replay: {sys.argv[0]} "
                f"{self.options.binary} --verb {self.verb.name} --seed {self.options.seed} "
                f"--case {n}")

    def run(self):
        started = time.monotonic()
        verb = self.verb
        verb.renew()
        self.sites, self.calls = traced.count(f"{self.directory}/count", verb.root(),
                                              verb.arrange(1_000_000))
        verb.renew()
        seed = zlib.crc32(f"{self.options.seed} {verb.name}".encode())
        chosen = faults.choose(self.sites, seed, self.options.scale)
        taken = None
        if self.options.cases is not None and self.options.cases < len(chosen):
            taken = set(random.Random(seed).sample(range(len(chosen)), self.options.cases))
        on_this_store = 0
        for n, injection in enumerate(chosen):
            if self.options.case not in (None, n) or (taken is not None and n not in taken):
                continue
            if self.options.upto is not None and n > self.options.upto:
                break
            sound = self.one(n, injection)
            on_this_store += 1
            if not sound or on_this_store == verb.bound:
                if sound:
                    self.complain(n, injection, traced.Result([], 0, "", ""), verb.finish())
                verb.renew()
                on_this_store = 0
        for text in verb.finish():
            self.complaints.append(f"at the end: {text}")
        self.seconds = time.monotonic() - started
        return self

    def one(self, n, injection):
        """One case; False when the store must be given up."""
        result = traced.Result([], 0, "", "")
        before = len(self.complaints)
        try:
            self.verb.injection = injection
            command = self.verb.arrange(n)
            result = traced.failing(f"{self.directory}/trace", injection, command)
            self.cases += 1
            if result.hit:
                self.hit[injection.call][injection.sticky].add(injection.nth)
                self.exits[result.code] += 1
            self.complain(n, injection, result, self.ending(injection, result))
            self.complain(n, injection, result, self.verb.judge(n, result))
            self.complain(n, injection, result, self.verb.again(n, result))
        except verbs.Undone as undone:
            self.complain(n, injection, result, [str(undone)])
            return False
        return len(self.complaints) == before

    def ending(self, injection, result):
        if result.hung:
            return ["hung"]
        if result.code < 0:
            return [f"ended by signal {-result.code}"]
        if result.code not in verbs.POSSIBLE and not verbs.blames_the_disk(injection, result):
            return [f"exit {result.code} blames what is not to blame"]
        said = answer(result)
        if injection.call == "write":
            return []  # standard output itself may be what failed
        told = said is not None and ("error" in said or said.get("stopped"))  # ingest: a report
        if said is None or (result.code not in (0, 11) and not told):
            return ["no JSON object, or no error in it"]
        return []

    def figures(self):
        parts = []
        for call, sites in sorted(self.sites.items()):
            once, sticky = (len(s) for s in self.hit[call])
            parts.append(f"{call} {once}+{sticky}/{len(sites)}")
        exits = ", ".join(f"{code}: {times}" for code, times in sorted(self.exits.items()))
        locks = getattr(self.verb, "locks_left", 0)
        left = f"; {locks} left a lock of git's that a person must remove" if locks else ""
        return (f"{self.verb.name}: {self.cases} cases, {sum(self.exits.values())} hit a call, "
                f"{self.seconds:.0f} s; exits {exits}{left}\n"
                f"  occurrences failed once+sticky/all: {', '.join(parts)}")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=os.path.abspath)
    parser.add_argument("--verb", action="append")
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("SYNCLINE_TEST_SEED", "1")))
    parser.add_argument("--scale", type=int,
                        default=max(1, int(os.environ.get("SYNCLINE_TEST_SCALE", "1"))))
    parser.add_argument("--case", type=int)
    parser.add_argument("--upto", type=int)
    parser.add_argument("--cases", type=int,
                        help=f"so many of each verb's, chosen by the seed; {CASES} at scale 1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--directory")
    options = parser.parse_args()
    if options.cases is None and options.scale == 1 and options.case is None:
        options.cases = CASES
    return options


def main():
    options = arguments()
    # Memory keeps the thousands of small stores off the disk: no sync is what is tested here.
    parent = options.directory or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    options.directory = tempfile.mkdtemp(prefix="syncline-faults-", dir=parent)
    by_name = {kind.name: kind for kind in verbs.ALL}
    names = [*by_name, *limits.ALL]
    if options.verb:
        names = [name for name in names if name in options.verb]
    print(f"1..{len(names)}", flush=True)
    printing = threading.Lock()
    numbers = iter(range(1, len(names) + 1))
    failed = []

    def one(name):
        skipped = None
        try:
            if name in by_name:
                sweep = Sweep(by_name[name], options).run()
                complaints, figures = sweep.complaints, sweep.figures()
            else:
                complaints, figures, skipped = limits.ALL[name](
                    options.binary, f"{options.directory}/{name}", options.scale)
        except Exception as error:  # pylint: disable=broad-except; it is that test's failure
            complaints, figures = [f"{type(error).__name__}: {error}"], name
        with printing:
            for line in figures.splitlines():
                print(f"# {line}")
            for complaint in complaints[:SHOWN]:
                print("# " + complaint.replace("\n", "\n# "))
            if len(complaints) > SHOWN:
                print(f"# … and {len(complaints) - SHOWN} more")
            verdict = "not ok" if complaints else "ok"
            print(f"{verdict} {next(numbers)} - {name}" + (f" # SKIP {skipped}" if skipped else ""),
                  flush=True)
            failed.extend(complaints)

    names.sort(key=lambda name: name not in LONGEST)  # so that no job is left over at the end
    try:
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(one, names))
    finally:
        shutil.rmtree(options.directory, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
