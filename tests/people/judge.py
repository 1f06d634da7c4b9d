"""The end: each record once in row, own ref, branch and work tree, asked of git, SQLite and files."""

import json
import re

import traced
from pair import ours
from store import Store

HEADING = re.compile(r"^## H-(\d+)[^:]*: (.*)$", re.M)


def log_of(store):
    result = store.run("log")
    return [json.loads(line) for line in result.out.splitlines()] if result.code == 0 else []


def texts_at(repository, revision):
    """Path: text, of the store's own paths in a revision."""
    names = [name for name in repository.ask("ls-tree", "-r", "-z", "--name-only",
                                             revision).split("\0") if name and ours(name)]
    return repository.blobs(revision, names)


def once(where, record, texts, mark):
    """A complaint unless this record is there, once."""
    text = texts.get(record["path"])
    if text is None:
        return [f"{where} lacks {record['path']} of {mark}"]
    if record["kind"] == "heuristic":
        times = sum(rule == mark for _, rule in HEADING.findall(text))
    else:
        times = 1 if mark in text else 0
    return [] if times == 1 else [f"{where}: {mark} stands {times} times in {record['path']}"]


def is_put_back(repository, path):
    """Whether the last commit of the branch that added it is ours. A merge of theirs may add it, of a
    topic that had taken it along."""
    author = repository.ask("log", "-1", "--first-parent", "-m", "--diff-filter=A", "--no-renames",
                            "--format=%an", "HEAD", "--", path)
    return author.split("\n", 1)[0] == "Syncline"


def at_the_end(binary, repository, recorders, removed, edited):
    """Complaints. `removed`: paths that the person took away; `edited`: their lines, by path."""
    store = Store(binary, repository.root, "elf")
    found = []
    synced = traced.run(store.command("sync", "--timeout", "60"))
    if synced.code != 0:
        found.append(f"sync: {synced.text()}")
    verified = store.run("verify")
    if verified.code != 0:
        found.append(f"verify: {verified.text()}")
    status = repository.ask("status", "--porcelain", "--untracked-files=all", "--no-renames")
    left = [line for line in status.splitlines() if ours(line[3:])]
    if left:
        found.append(f"git status names ours: {left[:5]}")
    unsound = store.unsound_git()
    if unsound:
        found.append(f"git fsck: {unsound}")
    if store.sql("PRAGMA integrity_check") != [("ok",)]:
        found.append("integrity_check fails")

    records = {record["key"]: record for record in log_of(store)}
    if set(records) != set(recorders.wanted):
        odd = sorted(set(records) ^ set(recorders.wanted))
        found.append(f"{len(records)} records in the log, not {len(recorders.wanted)}: {odd[:5]}")
    titles = [row[0] for row in store.sql("SELECT title FROM learnings")]
    rules = [row[0] for row in store.sql("SELECT rule FROM heuristics")]
    own = repository.ask("for-each-ref", "--format=%(refname)", "refs/syncline").split()
    if len(own) != 1:
        return [*found, f"refs of the store: {own}"]
    trees = {"own ref": texts_at(repository, own[0]), "branch": texts_at(repository, "HEAD")}
    trees["work tree"] = {path: repository.text(path) for path in trees["branch"]}
    for key, record in records.items():
        line = recorders.wanted.get(key)
        if line is None:
            continue
        mark = line["fields"].get("rule") or line["fields"]["title"]
        rows = (rules if record["kind"] == "heuristic" else titles).count(mark)
        if rows != 1:
            found.append(f"{mark} has {rows} rows")
        for where, texts in trees.items():
            if where == "own ref" or record["path"] not in removed:
                found += once(where, record, texts, mark)
    for where in ("branch", "work tree"):
        for path, lines in edited.items():
            text = (trees[where].get(path) or "").splitlines()
            found += [f"{where}: {path} lacks the person's {line!r}" for line in lines
                      if text.count(line) != 1]
        found += [f"{where}: {path} was removed by the person and is there" for path in removed
                  if trees[where].get(path) is not None and is_put_back(repository, path)]
    return found
