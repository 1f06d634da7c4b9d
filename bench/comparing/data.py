"""Records to measure with: this machine's packages, gcc's ChangeLog entries, and made-up notes."""

import csv
import io
import json
import pathlib
import re
import subprocess
import tarfile
from collections.abc import Iterator

from .machine import ROOT, Bench, run

GCC_PACKAGE = "gcc-12-source"
ENTRY = re.compile(r"^\d{4}-\d\d-\d\d  \S")


def packages(bench: Bench, count: int) -> pathlib.Path:
    """The first records of `apt-cache dumpavail`, as NDJSON."""
    path = bench.scratch / f"packages-{count}.ndjson"
    if not path.exists():
        available = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True)
        if not available.stdout:
            raise RuntimeError("apt has no package lists here: apt-get update fetches them")
        lines = subprocess.run([str(bench.build / "tools" / "dumpavail2ndjson")],
                               input=available.stdout, capture_output=True, check=True).stdout
        path.write_bytes(b"".join(lines.splitlines(keepends=True)[:count]))
    return path


def note_line(title: str, body: str) -> str:
    return json.dumps({"kind": "note", "fields": {"title": title, "body": body}},
                      ensure_ascii=False) + "\n"


def notes(path: pathlib.Path, first: int, count: int) -> pathlib.Path:
    """Notes of about 250 bytes, numbered from `first`."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(first, first + count):
            body = f"record {number} " + "of many that tell the same story again. " * 5
            file.write(note_line(f"note {number}", body))
    return path


def entries_of(text: str) -> Iterator[tuple[str, str]]:
    """Dated entries of a ChangeLog: the line with date and author, and what follows it."""
    head = ""
    body: list[str] = []
    for line in text.splitlines():
        if ENTRY.match(line):
            if head:
                yield head, "\n".join(body).strip()
            head = line.strip()
            body.clear()
        else:
            body.append(line)
    if head:
        yield head, "\n".join(body).strip()


def gcc_entries(bench: Bench) -> pathlib.Path:
    """The ChangeLog entries of gcc's source package as notes. Needs the network, once."""
    path = bench.scratch / "gcc.ndjson"
    cache = bench.build / "gcc"
    cache.mkdir(exist_ok=True)
    if not list(cache.glob("*.deb")):
        run(["apt-get", "download", GCC_PACKAGE], cwd=cache)
    unpacked = cache / "tree"
    if not unpacked.exists():
        run(["dpkg-deb", "-x", str(next(cache.glob("*.deb"))), str(unpacked)])
    archive = next(unpacked.rglob("gcc-*.tar.xz"))
    with path.open("w", encoding="utf-8") as file, tarfile.open(archive) as tar:
        for member in tar:
            if not member.isfile() or "ChangeLog" not in pathlib.Path(member.name).name:
                continue
            content = tar.extractfile(member)
            assert content is not None
            for head, body in entries_of(content.read().decode("utf-8", "replace")):
                clean = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", body)
                if not clean.strip():
                    continue
                file.write(note_line(re.sub(r"\s+", " ", head)[:500], clean[:900_000]))
    return path


class PeerInput:
    """The same records as git, sqlite3 and tar take them: a stream, a table and an archive."""

    def __init__(self, bench: Bench, name: str, ndjson: pathlib.Path) -> None:
        self.directory = bench.fresh(f"input-{name}")
        self.records = 0
        stream = (self.directory / "stream").open("wb")
        archive = tarfile.open(self.directory / "tree.tar", "w")
        rows = (self.directory / "rows.csv").open("w", encoding="utf-8", newline="")
        writer = csv.writer(rows)
        with stream, archive, rows, ndjson.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                fields = json.loads(line)["fields"]
                text = "".join(f"**{key}**: {value}\n" for key, value in fields.items()).encode()
                path = f"records/{number // 1000}/{number}.md"
                if number % 1000 == 0:
                    stream.write(b"commit refs/heads/main\ncommitter S <s@localhost> "
                                 b"1700000000 +0000\ndata 1\nc\n")
                stream.write(f"M 100644 inline {path}\ndata {len(text)}\n".encode() + text + b"\n")
                member = tarfile.TarInfo(path)
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text))
                cells = [str(value) for value in fields.values()][:8]
                writer.writerow([number + 1, path, *cells, *[""] * (8 - len(cells))])
                self.records += 1


def fast_import_stream(path: pathlib.Path, first: int, count: int, size: int,
                       onto: bool) -> pathlib.Path:
    """Blobs of one size, a thousand a commit, in directories of a thousand."""
    text = b"the quick brown fox jumps over the lazy dog\n" * (size // 40 + 1)
    with path.open("wb") as stream:
        for number in range(first, first + count):
            if (number - first) % 1000 == 0:
                stream.write(b"commit refs/heads/main\ncommitter S <s@localhost> "
                             b"1700000000 +0000\ndata 1\nc\n")
                if onto and number == first:
                    stream.write(b"from refs/heads/main^0\n")
            blob = (f"{number} ".encode() + text)[:size]
            stream.write(f"M 100644 inline notes/{number // 1000}/note-{number}.md\n"
                         f"data {size}\n".encode() + blob + b"\n")
    return path


OLD_WAY = ROOT / "bench" / "old_way"
