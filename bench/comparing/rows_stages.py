"""What comes after the journal: rows, files, commits, recovery, and all of it from end to end."""

import json
import os
import pathlib
import time
from typing import Any

from .data import OLD_WAY, PeerInput, fast_import_stream, gcc_entries, packages
from .machine import KEEP_MEMORY, Bench, Stopped, run
from .model import Bar, Contestant, Row, Values
from .sizes import Sizes

GIT = ["git", "-c", "core.fsync=all", "-c", "gc.auto=0"]
FOLD_BYTES = 650
FOLD_LOCK_MS = {10_000: 5.0, 100_000: 30.0}


def timed(work: list[str], **options: Any) -> float:
    """Seconds until it has ended."""
    start = time.monotonic()
    run(work, **options)
    return time.monotonic() - start


def timed_import(directory: pathlib.Path, path: pathlib.Path, keep: bool) -> float:
    """git fast-import as it comes, or told to keep its memory (machine.py says why)."""
    with path.open("rb") as stream:
        return timed([*GIT, "fast-import", "--quiet"], cwd=directory, stdin=stream,
                     env={**os.environ, **(KEEP_MEMORY if keep else {})})


def apply_rows(bench: Bench, sizes: Sizes) -> list[Row]:
    def apply(kind: str) -> Values:
        values = bench.engine("stages", "--store", bench.fresh("apply") / "store", "--records",
                              sizes.records, "--kind", kind, "--until", "applied")
        return {"rate": values["apply_rate"], "wal_megabytes": values["wal_bytes"] / 1e6,
                "journal_rate": values["journal_rate"]}

    def steps() -> Values:
        return bench.engine("steps", "--store", bench.fresh("apply") / "store", "--steps",
                            sizes.steps, "--kind", "line")

    def limit(verb: str) -> Values:
        return bench.limit(verb, "--dir", bench.fresh("apply"), "--records", sizes.records)

    return [
        Row("rows", "rows of 1 KiB from the journal", "rows/s",
            [Contestant("no durability", "limit", lambda: limit("rows")),
             Contestant("apply", "ours", lambda: apply("line")),
             Contestant("apply, 1,000 a step", "ours", steps)],
            [Bar("apply / rows without durability", ("apply",), 0.6, ("no durability",)),
             Bar("step of 1,000 rows, p99, ms", ("apply, 1,000 a step",), 10.0, relation="<=",
                 value="step_p99_ms")],
            remark="Every record has a file effect: each of these also notes a section of a few bytes, "
                   "which waits for its publish."),
        Row("files", "rows and new files of 1 KiB from the journal", "records/s",
            [Contestant("bare create loop", "limit", lambda: limit("files")),
             Contestant("apply", "ours", lambda: apply("note"))],
            [Bar("apply / bare create loop, unsynced", ("apply",), 0.75, ("bare create loop",))],
            remark="The loop makes the files only; apply writes the row of each as well."),
    ]


class Fold:
    """A store and a git repository that begin with as many files, and grow by a batch each run."""

    def __init__(self, bench: Bench, sizes: Sizes, base: int) -> None:
        self.bench, self.batch, self.base = bench, sizes.fold_records, base
        self.store = bench.scratch / f"fold-{base}"
        self.next = {False: base, True: base}

    def ours(self) -> Values:
        def stages(records: int) -> Values:
            return self.bench.engine("stages", "--store", self.store, "--records", records,
                                     "--bytes", FOLD_BYTES, "--until", "published")
        if not self.store.exists():
            stages(self.base)
        values = stages(self.batch)
        return {"rate": values["fold_rate"], "lock_ms": values["lock_ms"],
                "fold_s": values["fold_s"], "publish_s": values["publish_s"],
                "published_rate": self.batch / (values["fold_s"] + values["publish_s"])}

    def fast_import(self, keep: bool) -> Values:
        repository = self.bench.scratch / f"fold-{self.base}-git-{int(keep)}"

        def take(first: int, count: int, onto: bool, kept: bool) -> float:
            path = fast_import_stream(self.bench.scratch / "stream", first, count, FOLD_BYTES, onto)
            return timed_import(repository, path, kept)
        if not repository.exists():
            run(["git", "init", "-q", "-b", "main", str(repository)])
            take(0, self.base, False, True)
        seconds = take(self.next[keep], self.batch, True, keep)
        self.next[keep] += self.batch
        return {"rate": self.batch / seconds}

    def limit(self) -> Values:
        return self.bench.limit("pack", "--dir", self.bench.fresh("pack"), "--records", self.batch,
                                "--bytes", FOLD_BYTES)

    def row(self) -> Row:
        return Row(f"fold-{self.base}",
                   f"fold {self.batch:,} records, 1,000 a commit, onto {self.base:,} files",
                   "records/s",
                   [Contestant("hash + deflate + pack + 3 syncs", "limit", self.limit),
                    Contestant("git fast-import", "peer", lambda: self.fast_import(False)),
                    Contestant("git fast-import, memory kept", "peer",
                               lambda: self.fast_import(True)),
                    Contestant("fold", "ours", self.ours)],
                   [Bar("fold / git fast-import", ("fold",), 5.0, ("git fast-import",)),
                    Bar("fold / git fast-import, memory kept", ("fold",), 5.0,
                        ("git fast-import, memory kept",)),
                    Bar("fold / hash + deflate + pack + 3 syncs", ("fold",), 0.75,
                        ("hash + deflate + pack + 3 syncs",)),
                    Bar("fold + publish / git fast-import", ("fold",), 2.5, ("git fast-import",),
                        value="published_rate"),
                    Bar("fold + publish / git fast-import, memory kept", ("fold",), 2.5,
                        ("git fast-import, memory kept",), value="published_rate"),
                    Bar("index.lock held, ms", ("fold",), FOLD_LOCK_MS.get(self.base, 30.0),
                        relation="<=", value="lock_ms")])


class EndToEnd:
    """All stages of one input, beside the programs that would do a part each."""

    def __init__(self, bench: Bench, name: str, profile: str, ndjson: pathlib.Path,
                 old_calls: int) -> None:
        self.bench, self.name, self.profile = bench, name, profile
        self.ndjson, self.old_calls = ndjson, old_calls
        self.input = PeerInput(bench, name, ndjson)

    def ours(self) -> Values:
        store = self.bench.fresh(f"{self.name}-store")
        run([self.bench.syncline, "init", str(store), "--profile", self.profile])
        before = os.times()
        seconds = timed([self.bench.syncline, "--store", str(store), "ingest", str(self.ndjson)])
        seconds += timed(["sync", "-f", str(store)])
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - \
            before.children_system
        status = json.loads(run([self.bench.syncline, "--store", str(store), "--json",
                                 "status"]).stdout)
        if status["published"] != self.input.records:
            raise ValueError(f"{status['published']} of {self.input.records} records published")
        return {"rate": self.input.records / seconds, "seconds": seconds, "cpu_s": cpu}

    def peers(self, keep: bool) -> Values:
        directory = self.bench.fresh(f"{self.name}-peers")
        run(["git", "init", "-q", "-b", "main", str(directory)])
        git = timed_import(directory, self.input.directory / "stream", keep)
        columns = ", ".join(f"field{number} TEXT" for number in range(8))
        run(["sqlite3", str(directory / "rows.db"),
             f"CREATE TABLE records(id INTEGER PRIMARY KEY, path TEXT, {columns})"])
        sqlite = timed(["sqlite3", str(directory / "rows.db"), "-cmd", ".mode csv",
                        f".import {self.input.directory / 'rows.csv'} records"])
        tar = timed(["tar", "-xf", str(self.input.directory / "tree.tar"), "-C", str(directory)])
        tar += timed(["sync", "-f", str(directory)])
        return {"rate": self.input.records / (git + sqlite + tar), "fast_import_s": git,
                "sqlite_s": sqlite, "tar_s": tar}

    def old_way(self) -> Values:
        directory = old_store(self.bench.fresh(f"{self.name}-old"))
        return self.bench.spawn([str(OLD_WAY), str(directory), "{}"], 1, self.old_calls, 1)

    def replay(self) -> Values:
        store = self.bench.scratch / f"{self.name}-store"
        target = self.bench.fresh(f"{self.name}-replay") / "store"
        seconds = timed([self.bench.syncline, "--store", str(store), "replay", "--into",
                         str(target)])
        return {"rate": self.input.records / seconds, "seconds": seconds}

    def verify(self) -> Values:
        store = self.bench.scratch / f"{self.name}-store"
        report = json.loads(run([self.bench.syncline, "--store", str(store), "--json",
                                 "verify"]).stdout)
        return {"rate": report["checked"] / report["seconds"], "seconds": report["seconds"]}

    def row(self, what: str) -> Row:
        return Row(f"end-to-end-{self.name}",
                   f"{self.input.records:,} {what}, all stages", "records/s",
                   [Contestant("ingest, to the branch", "ours", self.ours),
                    Contestant("fast-import + .import + tar", "peer", lambda: self.peers(False)),
                    Contestant("the same, memory kept", "peer", lambda: self.peers(True)),
                    Contestant("old way, one by one", "old", self.old_way),
                    Contestant("replay", "ours", self.replay),
                    Contestant("verify", "ours", self.verify)],
                   [Bar("ingest / fast-import + sqlite3 .import + tar",
                        ("ingest, to the branch",), 2.5, ("fast-import + .import + tar",)),
                    Bar("ingest / the same, fast-import's memory kept",
                        ("ingest, to the branch",), 2.5, ("the same, memory kept",)),
                    Bar("ingest / old way", ("ingest, to the branch",), 100.0,
                        ("old way, one by one",)),
                    Bar("replay / ingest", ("replay",), 1.0, ("ingest, to the branch",)),
                    Bar("verify, records/s", ("verify",), 100_000)],
                   in_order=True)


def old_store(directory: pathlib.Path) -> pathlib.Path:
    """A git work tree and a database as scripts have them, with the defaults of git and SQLite."""
    run(["git", "init", "-q", "-b", "main", str(directory)])
    for name, value in (("user.name", "Old"), ("user.email", "old@localhost"), ("gc.auto", "0")):
        run(["git", "-C", str(directory), "config", name, value])
    (directory / "records").mkdir()
    (directory / ".gitignore").write_text("index.db*\n", encoding="utf-8")
    run(["git", "-C", str(directory), "add", "-A"])
    run(["git", "-C", str(directory), "commit", "-q", "-m", "start"])
    run(["sqlite3", str(directory / "records" / "index.db"),
         "CREATE TABLE learnings(id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, "
         "filepath TEXT NOT NULL, title TEXT NOT NULL, summary TEXT)"])
    return directory


def scan_row(bench: Bench, sizes: Sizes) -> Row:
    """The journal is made by the first run, and stays. Both sides read all of its files."""
    directory = bench.fresh("scan")

    def ours() -> Values:
        return bench.engine("scan", "--dir", directory, "--megabytes", sizes.scan_megabytes)

    ours()
    return Row("scan", f"recovery scan of {sizes.scan_megabytes} MiB, cold", "MB/s",
               [Contestant("io_uring, two reads in flight", "limit",
                           lambda: bench.limit("read", "--dir", directory / "journal")),
                Contestant("scan", "ours", ours)],
               [Bar("scan / best unhashed read", ("scan",), 0.95,
                    ("io_uring, two reads in flight",), value="megabytes_per_second",
                    against_value="megabytes_per_second")],
               shown="megabytes_per_second",
               remark="Cold: posix_fadvise DONTNEED before the scan; the limit reads by O_DIRECT.")


def rows(bench: Bench, sizes: Sizes, left_out: list[str]) -> list[Row]:
    found = apply_rows(bench, sizes)
    found += [Fold(bench, sizes, base).row() for base in sizes.folds]
    found.append(EndToEnd(bench, "packages", "packages", packages(bench, sizes.packages),
                          sizes.old_calls).row("package records"))
    if sizes.gcc:
        try:
            entries = gcc_entries(bench)
        except (Stopped, OSError, StopIteration) as error:
            left_out.append(f"gcc's ChangeLog entries: gcc-12-source could not be had: {error}")
        else:
            found.append(EndToEnd(bench, "gcc", "notes", entries,
                                  sizes.old_calls).row("ChangeLog entries of gcc"))
    found.append(scan_row(bench, sizes))
    return found
