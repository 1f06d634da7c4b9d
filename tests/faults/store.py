"""A store and what must hold of it, asked of sqlite3, git and the files; never of the product."""

import json
import os
import re
import sqlite3

import traced

SECTION = re.compile(r"^## H-(\d+): (.*)$", re.M)


class Store:
    def __init__(self, binary, root, profile):
        self.binary, self.root, self.profile = binary, root, profile
        self.log = root + ".trace"
        self.retracted = []  # ids of notes that were published, and taken away again

    def init(self):
        made = traced.run([self.binary, "init", self.root, "--profile", self.profile, "--json"])
        if made.code != 0:
            raise RuntimeError(f"init: {made.text()}")

    def command(self, *arguments):
        return [self.binary, "--store", self.root, *arguments, "--json"]

    def run(self, *arguments, **options):
        return traced.run(self.command(*arguments), **options)

    def git(self, *arguments):
        return traced.run(["git", "-C", self.root, *arguments])

    def sql(self, query, *values):
        name = "memory/index.db" if self.profile == "elf" else "syncline.db"
        # Read-only: a connection that could write would checkpoint when it closes.
        connection = sqlite3.connect(f"file:{self.root}/{name}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def text(self, path):
        try:
            with open(os.path.join(self.root, path), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def titled(self, title):
        """Complaints, unless there is exactly one row of this title and one file or section."""
        if self.profile == "elf":
            rows = self.sql("SELECT id, domain FROM heuristics WHERE rule = ?", title)
            texts = [self.text(f"memory/heuristics/{domain}.md") or "" for _, domain in rows[:1]]
            there = sum(rule == title for text in texts for _, rule in SECTION.findall(text))
        else:
            rows = self.sql("SELECT id, path FROM notes WHERE title = ?", title)
            there = sum((self.text(path) or "").count(title) > 0 for _, path in rows)
        if len(rows) == 1 and there == 1:
            return []
        return [f"'{title}' has {len(rows)} rows and {there} files or sections"]

    def unsound_git(self):
        fsck = self.git("fsck", "--strict", "--no-dangling", "--no-progress")
        return fsck.text() if fsck.code != 0 or fsck.out.strip() else ""

    def at_rest(self, records):
        """After everything: complaints about rows, files, both histories, and the programs' checks."""
        found = []
        synced = self.run("sync")
        if synced.code != 0:
            found.append(f"sync: {synced.text()}")
        checked = self.run("verify")
        if checked.code != 0:
            found.append(f"verify: {checked.text()}")
        unsound = self.unsound_git()
        if unsound:
            found.append(f"git fsck: {unsound}")
        if self.sql("PRAGMA integrity_check") != [("ok",)]:
            found.append("integrity_check fails")
        status = self.git("status", "--porcelain")
        if status.out.strip():
            found.append(f"git status is not clean: {status.out[:400]}")
        table = "heuristics" if self.profile == "elf" else "notes"
        ids = [row[0] for row in self.sql(f"SELECT id FROM {table} ORDER BY id")]
        if len(ids) != records or len(set(ids)) != len(ids) or (ids and ids[0] <= 0):
            found.append(f"{len(ids)} rows, not {records}")
        refs = self.git("for-each-ref", "--format=%(refname)", "refs/syncline").out.split()
        if len(refs) != 1:
            found.append(f"refs of the store: {refs}")
        for revision in [*refs, "HEAD"]:
            found += self._history(revision, ids)
        return found

    def _history(self, revision, ids):
        if self.profile == "elf":
            log = self.git("log", "-p", "--no-renames", "--format=", revision, "--",
                           "memory/heuristics").out
            added = [int(i) for i in re.findall(r"^\+## H-(\d+): ", log, re.M)]
            taken = len(re.findall(r"^-[^-]", log, re.M))
        else:
            log = self.git("log", "--no-renames", "--name-status", "--format=", revision, "--",
                           "notes").out
            lines = [line.split("\t") for line in log.splitlines() if line]
            added = [int(re.search(r"-(\d+)\.md$", path)[1]) for kind, path in lines if kind == "A"]
            taken = sum(kind != "A" for kind, _ in lines)
        expected = sorted([*ids, *self.retracted])
        if sorted(added) == expected and taken == len(self.retracted):
            return []
        ids = expected
        extra = [i for i in set(added) if added.count(i) != 1 or i not in ids][:5]
        return [f"{revision}: {len(added)} additions of {len(ids)} records (wrong: {extra}, "
                f"missing: {sorted(set(ids) - set(added))[:5]}), {taken} other changes"]


def answer(result):
    """The JSON object on standard output, or None."""
    try:
        value = json.loads(result.out)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
