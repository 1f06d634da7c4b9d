"""Appends that are waited for: threads, batches, one-shot and long-lived processes."""

import functools
import re

from .machine import PEERS, Bench, run
from .model import Bar, Contestant, Row, Values
from .sizes import Sizes

# Of the best peer's rate, by threads.
PEER_GOALS = {1: 1.3, 4: 2.0, 16: 2.5, 64: 2.5, 256: 2.8}
WINDOW = 1024
ENGINE_TARGETS = {"journal": "journal", "store": "store", "store, background": "background"}


def append(bench: Bench, sizes: Sizes, program: str, words: tuple[object, ...], producers: int,
           batch: int = 1, processes: bool = False) -> Values:
    return bench.program(program, *words, "--dir", bench.fresh("append"), "--producers", producers,
                         "--batch", batch, "--processes", int(processes), "--seconds",
                         sizes.seconds, "--warm", sizes.warm)


def journal_rows(bench: Bench, sizes: Sizes) -> list[Row]:
    rows = []
    for threads in sizes.levels:
        def contestant(name: str, side: str, program: str, *words: object,
                       threads: int = threads) -> Contestant:
            return Contestant(name, side, functools.partial(append, bench, sizes, program, words,
                                                            threads))
        contestants = [contestant("raw writes", "limit", "bench_limits", "append", "--target",
                                  "raw")]
        contestants += [contestant(name, "ours", "bench_engine", "append", "--target", target)
                        for name, target in ENGINE_TARGETS.items()]
        contestants += [contestant(peer, "peer", f"peers/append_{peer}") for peer in PEERS]
        bars = [Bar("journal / best peer", ("journal",), PEER_GOALS[threads], PEERS),
                Bar("store / journal", ("store",), 0.8, ("journal",)),
                Bar("store with background / store", ("store, background",), 0.5, ("store",))]
        if threads == 1:
            bars.insert(0, Bar("journal / raw O_DIRECT + fdatasync", ("journal",), 0.9,
                               ("raw writes",)))
        rows.append(Row(f"journal-{threads}",
                        f"durable appends of 1 KiB, {threads} thread{'s' * (threads > 1)}",
                        "records/s", contestants, bars))
    return rows


def pipelined_row(bench: Bench, sizes: Sizes) -> Row:
    """At most WINDOW records wait: one producer with a batch of them all, or two with half each."""
    contestants = [Contestant("sequential writes", "limit", lambda: bench.limit(
        "sequential", "--dir", bench.fresh("append"), "--megabytes",
        max(8, sizes.scan_megabytes)))]

    def add(name: str, side: str, program: str, *words: object, producers: int = 1) -> str:
        label = f"{name}, {producers} × {WINDOW // producers}"
        contestants.append(Contestant(label, side, functools.partial(
            append, bench, sizes, program, words, producers, WINDOW // producers)))
        return label

    add("raw writes", "limit", "bench_limits", "append", "--target", "raw")
    journals = tuple(add("journal", "ours", "bench_engine", "append", "--target", "journal",
                         producers=producers) for producers in (1, 2))
    stores = tuple(add(name, "ours", "bench_engine", "append", "--target", target)
                   for name, target in ENGINE_TARGETS.items() if name != "journal")
    peers = [add(peer, "peer", f"peers/append_{peer}") for peer in PEERS]
    peers += [add(peer, "peer", f"peers/append_{peer}", producers=2)
              for peer in ("leveldb", "rocksdb")]
    return Row("pipelined", f"durable appends of 1 KiB, {WINDOW} waiting at once", "records/s",
               contestants, [
                   Bar("journal / best peer", journals, 3.0, tuple(peers)),
                   Bar("journal's bytes / sequential writes", journals, 0.85,
                       ("sequential writes",), against_value="megabytes_per_second",
                       scale=1024 / 1e6),
                   Bar("Store::submit, records/s", stores, 1e6)])


def system_calls_of(bench: Bench, store: str, command: list[str]) -> float:
    """Of a call beside another: callers.lock is held shared, so that it is not the last."""
    report = bench.fresh("strace") / "report"
    run(["flock", "-s", f"{store}/.git/syncline/callers.lock",
         "strace", "-f", "-c", "-o", str(report), *command])
    total = re.search(r"^\s*100\.00\s+\S+\s+(?:\S+\s+)?(\d+)\s+(?:\d+\s+)?total$",
                      report.read_text(encoding="utf-8"), re.MULTILINE)
    if total is None:
        raise ValueError("strace printed no total")
    return float(total[1])


def one_shot_row(bench: Bench, sizes: Sizes) -> Row:
    def record(stage: str) -> Values:
        store = str(bench.fresh("one-shot") / "store")
        run([bench.syncline, "init", store])
        command = [bench.syncline, "--store", store, "record", "note", "--title", "call {}",
                   "--body", "x" * 700, "--wait", stage]
        values = bench.spawn(command, sizes.clients, sizes.calls, 0)
        if values["failures"]:
            raise ValueError(f"{values['failures']:.0f} calls of record --wait {stage} failed")
        values["system_calls"] = system_calls_of(
            bench, store, [word.replace("{}", "beside another") for word in command])
        return values

    empty = Contestant("empty static program", "limit", lambda: bench.spawn(
        [str(bench.build / "bench" / "bench_empty")], sizes.clients, sizes.empty_calls, 0))
    contestants = [empty] + [
        Contestant(f"record --wait {stage}", "ours", functools.partial(record, stage))
        for stage in ("journaled", "applied")]
    bars = []
    for stage, goal in (("journaled", 0.6), ("applied", 0.4)):
        name = f"record --wait {stage}"
        bars += [Bar(f"{stage} / empty program", (name,), goal, (empty.name,)),
                 Bar(f"{stage}: ms of CPU a call", (name,), 1.5, relation="<=", value="cpu_ms"),
                 Bar(f"{stage}: system calls a call", (name,), 80, relation="<=",
                     value="system_calls")]
    return Row("one-shot", f"one-shot processes, {sizes.clients} at once", "calls/s", contestants,
               bars)


def long_lived_row(bench: Bench, sizes: Sizes) -> Row:
    def contestant(name: str, side: str, program: str, target: str) -> Contestant:
        return Contestant(name, side, functools.partial(
            append, bench, sizes, program, ("append", "--target", target), sizes.clients,
            processes=True))

    flock = "flock + pwrite + fdatasync"
    return Row("long-lived", f"durable appends of 1 KiB, {sizes.clients} processes", "records/s",
               [contestant(flock, "peer", "bench_limits", "flock"),
                contestant("journal", "ours", "bench_engine", "journal"),
                contestant("store", "ours", "bench_engine", "store")],
               [Bar("store / flock + pwrite + fdatasync", ("store",), 15.0, (flock,)),
                Bar("journal / flock + pwrite + fdatasync", ("journal",), 15.0, (flock,))])


def rows(bench: Bench, sizes: Sizes) -> list[Row]:
    return [*journal_rows(bench, sizes), pipelined_row(bench, sizes), one_shot_row(bench, sizes),
            long_lived_row(bench, sizes)]
