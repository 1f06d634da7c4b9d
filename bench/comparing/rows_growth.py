"""The report's axis, the old way against the new; and one store as it grows."""

import functools
import json
import os
import statistics

from .data import OLD_WAY, notes
from .machine import Bench, Stopped, run
from .model import Bar, Contestant, Row, Values
from .rows_stages import old_store
from .sizes import Sizes

BATCH = 1000


def axis_rows(bench: Bench, sizes: Sizes) -> list[Row]:
    """Rates count calls that left all they claimed: a row, a file, a commit."""
    def new(processes: int) -> Values:
        # stress compares each answer with rows, files and git, after the clock has stopped.
        environment = {**os.environ, "TMPDIR": str(bench.fresh("stress"))}
        report = json.loads(run([bench.syncline, "--json", "stress", "--levels", str(processes),
                                 "--rounds", str(sizes.rounds)], env=environment).stdout)
        level = report["levels"][0]
        return {"rate": (level["exit_zero"] - level["lost"]) / level["seconds"],
                "calls": level["calls"], "kept": level["exit_zero"] - level["lost"],
                "lost": level["lost"]}

    def old(processes: int) -> Values:
        directory = old_store(bench.fresh("old"))
        calls = processes * sizes.rounds
        values = bench.spawn([str(OLD_WAY), str(directory), "{}"], processes, calls, 1)
        succeeded = calls - values["failures"]
        committed = set(run(["git", "-C", str(directory), "ls-tree", "-r", "--name-only",
                             "HEAD"]).stdout.split())
        paths = run(["sqlite3", str(directory / "records" / "index.db"),
                     "SELECT filepath FROM learnings"]).stdout.split()
        kept = len(committed.intersection(paths))
        return {"rate": kept / values["seconds"], "calls": calls, "kept": kept,
                "lost": max(0, succeeded - kept), "failed": values["failures"]}

    return [Row(f"axis-{processes}", f"{processes} processes at once, a record each", "records/s",
                [Contestant("old way", "old", functools.partial(old, processes)),
                 Contestant("syncline record", "ours", functools.partial(new, processes))],
                [Bar("new / old", ("syncline record",), 1.0, ("old way",)),
                 Bar("records kept of those asked for", ("syncline record",), 1.0,
                     ("syncline record",), value="kept", against_value="calls")])
            for processes in sizes.axis]


class Growth:
    """Ingests more and more into one store, and looks at it after each step."""

    def __init__(self, bench: Bench, sizes: Sizes) -> None:
        self.bench, self.steps = bench, sizes.growth
        self.store = bench.fresh("growth") / "store"
        self.done = 0

    def make(self) -> None:
        """It publishes at the end of each `ingest` only, so that a batch's fold is timed alone."""
        run([self.bench.syncline, "init", str(self.store)])
        config = self.store / "syncline.toml"
        text = config.read_text(encoding="utf-8")
        changed = text.replace("publish_interval_ms = 2000", "publish_interval_ms = 86400000")
        if changed == text:
            raise Stopped("the profile has another publish_interval_ms")
        config.write_text(changed, encoding="utf-8")

    def step(self, size: int) -> Values:
        if self.done == 0:
            self.make()
        count = size - self.done
        path = notes(self.bench.scratch / "growth.ndjson", self.done, count)
        ingest = self.bench.spawn([self.bench.syncline, "--store", str(self.store), "ingest",
                                   str(path)], 1, 1, 0)
        if ingest["failures"]:
            raise Stopped(f"ingest failed at {size} records")
        self.done = size
        opened = self.bench.engine("open", "--store", self.store)
        folds = [self.bench.engine("stages", "--store", self.store, "--records", BATCH, "--bytes",
                                   250, "--until", "committed")["fold_s"] for _ in range(3)]
        report = json.loads(run([self.bench.syncline, "--store", str(self.store), "--json",
                                 "verify"]).stdout)
        return {"rate": count / ingest["seconds"], "resident_mib": ingest["resident_mib"],
                "open_ms": opened["open_ms"], "status_ms": opened["status_ms"],
                "fold_ms": statistics.median(folds) * 1e3,
                "verify_rate": report["checked"] / report["seconds"]}

    def row(self) -> Row:
        names = [f"{size:,} records" for size in self.steps]
        contestants = [Contestant(name, "ours", functools.partial(self.step, size))
                       for name, size in zip(names, self.steps)]
        last, middle = (names[-1],), min(1, len(names) - 2)
        return Row("growth", f"one store growing to {self.steps[-1]:,} records", "records/s",
                   contestants,
                   [Bar("rate at the last size / at the first", last, 0.8, (names[0],)),
                    Bar(f"fold of {BATCH:,}, ms, at the last size / at {names[middle]}", last, 1.5,
                        (names[middle],), relation="<=", value="fold_ms",
                        against_value="fold_ms"),
                    Bar("peak resident, MiB", last, 128, relation="<=", value="resident_mib"),
                    Bar("open after a clean stop, ms", last, 50, relation="<=", value="open_ms"),
                    Bar("status, ms", last, 20, relation="<=", value="status_ms"),
                    Bar("verify, records/s", last, 100_000, value="verify_rate")],
                   in_order=True, once=True,
                   remark="Measured once: notes of 250 bytes, to the branch, each step by one "
                          "`ingest`.")


def rows(bench: Bench, sizes: Sizes) -> list[Row]:
    return [*axis_rows(bench, sizes), Growth(bench, sizes).row()]
