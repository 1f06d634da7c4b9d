"""Where it is measured: packages, the build, programs, scratch directories, the machine's name."""

import dataclasses
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ("leveldb", "rocksdb", "sqlite", "lmdb")
PEER_PACKAGES = {"leveldb": "libleveldb1d", "rocksdb": "librocksdb7.8", "sqlite": "libsqlite3-0",
                 "lmdb": "liblmdb0", "git": "git"}


# For peers and limits, never for the engine. glibc gives the end of the heap back and takes it
# again for each blob of git fast-import, which makes it twenty times slower where pages are dear.
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(256 << 20), "MALLOC_TOP_PAD_": str(64 << 20)}


class Stopped(Exception):
    """A program failed; the message says which and what it said."""


def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, text=True, capture_output=True, check=False, **options)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-700:]
        raise Stopped(f"{' '.join(command)}: exit {done.returncode}: {said}")
    return done


def install_packages() -> None:
    """By the one way that the tree has to do so."""
    script = '. tools/packages.sh && need_packages "${BUILD_PACKAGES[@]}" "${COMPARE_PACKAGES[@]}"'
    subprocess.run(["bash", "-c", script], cwd=ROOT, check=True)


def build(directory: pathlib.Path) -> None:
    if not (directory / "build.ninja").exists():
        run(["meson", "setup", str(directory), "--buildtype=release", "-Doptimization=2",
             "-Dtests=false", "-Dbench=true", "-Dpeers=true"], cwd=ROOT)
    targets = ["tools/syncline", "tools/dumpavail2ndjson", "bench/bench_engine",
               "bench/bench_limits", "bench/bench_empty"]
    targets += [f"bench/peers/append_{peer}" for peer in PEERS]
    run(["ninja", "-C", str(directory), *targets])


@dataclasses.dataclass
class Bench:
    """The programs, and the directory on the disk that is measured."""

    build: pathlib.Path
    scratch: pathlib.Path

    @property
    def syncline(self) -> str:
        return str(self.build / "tools" / "syncline")

    def fresh(self, name: str) -> pathlib.Path:
        """An empty directory of that name; what an earlier run left in it is gone."""
        path = self.scratch / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        return path

    def program(self, name: str, *words: object) -> dict[str, float]:
        """One measurement by a program of bench/: the JSON that it prints."""
        command = [str(self.build / "bench" / name), *[str(word) for word in words]]
        ours = name == "bench_engine" or words[0] == "spawn"
        environment = None if ours else {**os.environ, **KEEP_MEMORY}
        values: dict[str, float] = json.loads(run(command, env=environment).stdout)
        return values

    def engine(self, *words: object) -> dict[str, float]:
        return self.program("bench_engine", *words)

    def limit(self, *words: object) -> dict[str, float]:
        return self.program("bench_limits", *words)

    def spawn(self, command: list[str], at_once: int, total: int, first: int) -> dict[str, float]:
        return self.limit("spawn", "--at-once", at_once, "--total", total, "--first", first, "--",
                          *command)


def first_line(path: str, pattern: str = "") -> str:
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    match = re.search(pattern, text, re.MULTILINE)
    return match[1].strip() if match and match.groups() else text.splitlines()[0].strip()


def package_versions() -> dict[str, str]:
    versions = {}
    for name, package in PEER_PACKAGES.items():
        found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], text=True,
                               capture_output=True, check=False)
        versions[name] = found.stdout or "unknown"
    return versions


def describe(directory: pathlib.Path) -> dict[str, Any]:
    mount = run(["findmnt", "-no", "SOURCE,FSTYPE,OPTIONS", "-T", str(directory)]).stdout.split()
    device = pathlib.Path(mount[0]).name
    queue = f"/sys/class/block/{device}/queue"
    if not os.path.exists(queue):  # a partition: the disk above it knows
        queue = str(pathlib.Path(f"/sys/class/block/{device}").resolve().parent / "queue")
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, text=True,
                            capture_output=True, check=False).stdout.strip()
    return {
        "cpu": first_line("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "system": first_line("/etc/os-release", r'^PRETTY_NAME="?([^"]*)"?$'),
        "file_system": mount[1],
        "mount_options": mount[2],
        "device": device,
        "write_cache": first_line(f"{queue}/write_cache"),
        "load_at_start": os.getloadavg()[0],
        "versions": package_versions(),
        "commit": commit or "unknown",
    }


def make_scratch(parent: pathlib.Path) -> pathlib.Path:
    parent.mkdir(parents=True, exist_ok=True)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="syncline-compare-", dir=parent))
    kind = run(["findmnt", "-no", "FSTYPE", "-T", str(scratch)]).stdout.strip()
    if kind in ("tmpfs", "ramfs"):
        scratch.rmdir()
        raise Stopped(f"{parent} is {kind}, where a flush costs nothing; name a directory on the "
                      "disk to be measured (--directory)")
    return scratch


def flushes_of_a_hundred(bench: Bench, command: list[str]) -> int:
    """How many flushes a program asks the kernel for while it makes a hundred writes durable, one
    after another: fewer than a hundred, and its figures would be of something else."""
    report = bench.fresh("strace") / "report"
    run(["strace", "-f", "-qq", "-o", str(report), "-e", "trace=fsync,fdatasync,msync", *command,
         "--dir", str(bench.fresh("flushes")), "--writes", "100", "--seconds", "60"])
    return len(re.findall(r"\b(?:fsync|fdatasync|msync)\(", report.read_text(encoding="utf-8")))
