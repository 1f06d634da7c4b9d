"""A person's repository with a store in it, and its twin without one: the same commands in both.

The twin is the model. Whatever the person has (commits, index, work tree, stashes, branches) must be
the same in both but for the store's own paths, and each command must end with the same code.
"""

import contextlib
import dataclasses
import os
import re
import subprocess

import traced

OURS = re.compile(r"memory/(failures|successes|heuristics|decisions)/(?!mine)|syncline\.toml$")
DATABASE = re.compile(r"memory/index\.db")
COMMIT = re.compile(r"@(p\d+)(?:@([\w-]+))?")
MARKS = re.compile(r"^(<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|).*$", re.M)
AT_WORK = ("rebase-merge", "rebase-apply", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
PERSON = "A Person"


def ours(path):
    return OURS.match(path) is not None


@dataclasses.dataclass(frozen=True)
class Look:
    """What a person has in a repository."""
    head: str
    at_work: tuple
    refs: dict  # name: the files of its tree
    index: dict
    files: dict
    stashes: list


class Repository:
    def __init__(self, root, environment):
        self.root = root
        self.environment = {**traced.ENVIRONMENT, "GIT_TERMINAL_PROMPT": "0", **environment}
        self.trees = {}  # of commits that were looked at

    def git(self, *arguments, given=None, **environment):
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, capture_output=True, text=True, errors="replace",
            input=given, timeout=traced.HANG_SECONDS, check=False,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL if given is None else None)
        return traced.Result(["git", *arguments], done.returncode, done.stdout, done.stderr)

    def ask(self, *arguments):
        """Git's answer to a question that takes no lock; empty where it has none."""
        return self.git(*arguments, GIT_OPTIONAL_LOCKS="0").out

    def text(self, path):
        try:
            with open(f"{self.root}/{path}", encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def write(self, path, text):
        os.makedirs(os.path.dirname(f"{self.root}/{path}"), exist_ok=True)
        with open(f"{self.root}/{path}", "w", encoding="utf-8") as file:
            file.write(text)

    def blobs(self, revision, paths):
        """Path: text, of the blobs that a revision has there."""
        asked = "".join(f"{revision}:{path}\n" for path in paths).encode()
        done = subprocess.run(["git", "cat-file", "--batch"], cwd=self.root, input=asked,
                              env=self.environment, capture_output=True, check=True).stdout
        found, at = {}, 0
        for path in paths:
            end = done.index(b"\n", at)
            size = int(done[at:end].split()[-1])
            found[path] = done[end + 1:end + 1 + size].decode(errors="replace")
            at = end + size + 2
        return found

    def commit_of(self, name, revision="HEAD"):
        """The newest commit that a revision reaches and whose subject begins with this name."""
        for line in self.ask("log", "--format=%H %s", revision).splitlines():
            commit, subject = line.split(" ", 1)
            if subject.split(" ", 1)[0] == name:
                return commit
        return None

    def resolved(self, argument):
        def commit(match):
            found = self.commit_of(match[1], match[2] or "HEAD")
            if found is None:
                raise RuntimeError(f"{self.root} has no commit {match[1]}")
            return found
        return COMMIT.sub(commit, argument)

    def tree(self, commit):
        if commit not in self.trees:
            entries = self.ask("ls-tree", "-r", "-z", commit).split("\0")[:-1]
            files = dict(reversed(entry.split("\t", 1)) for entry in entries)
            self.trees[commit] = {path: value for path, value in files.items() if not ours(path)}
        return self.trees[commit]

    def refs(self):
        """Name: commit, of HEAD, the branches and the stash; read from the files themselves, as a
        process for each question would take longer than the person does."""
        found = {}
        try:
            with open(f"{self.root}/.git/packed-refs", encoding="utf-8") as file:
                lines = [line.split() for line in file if line[0] not in "#^"]
            found = {name: commit for commit, name in lines}
        except FileNotFoundError:
            pass
        for directory, _, names in os.walk(f"{self.root}/.git/refs"):
            for name in names:
                path = f"{directory}/{name}"
                if name.endswith(".lock"):
                    continue
                with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
                    found[os.path.relpath(path, f"{self.root}/.git")] = file.read().strip()
        found = {name: commit for name, commit in found.items()
                 if name.startswith("refs/heads/") or name == "refs/stash"}
        with open(f"{self.root}/.git/HEAD", encoding="utf-8") as file:
            head = file.read().strip()
        found["HEAD"] = found[head.removeprefix("ref: ")] if head.startswith("ref: ") else head
        return found

    def branch(self):
        with open(f"{self.root}/.git/HEAD", encoding="utf-8") as file:
            head = file.read().strip()
        return head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else "detached"

    def at_work(self):
        return tuple(name for name in AT_WORK if os.path.exists(f"{self.root}/.git/{name}"))

    def files(self):
        found = {}
        for directory, _, names in os.walk(self.root):
            inside = os.path.relpath(directory, self.root)
            if inside == ".git" or inside.startswith(".git/"):
                continue
            for name in names:
                path = os.path.normpath(f"{inside}/{name}")
                if not ours(path) and not DATABASE.match(path):
                    found[path] = MARKS.sub(r"\1", self.text(path) or "")
        return found

    def look(self):
        refs = {name: self.tree(commit) for name, commit in self.refs().items()}
        index = {}
        for entry in self.ask("ls-files", "-s", "-z").split("\0")[:-1]:
            value, path = entry.split("\t", 1)
            if not ours(path):
                index[path, value[-1]] = value
        kept = []
        if "refs/stash" in refs:
            for commit in self.ask("log", "-g", "--format=%H", "refs/stash").split():
                parents = self.ask("rev-parse", f"{commit}^@").split()
                kept.append([self.tree(each) for each in [commit, *parents[1:]]])
        return Look(self.branch(), self.at_work(), refs, index, self.files(), kept)


def difference(store, twin):
    """Where two looks differ, in a few words; empty where they do not."""
    found = []
    for field in dataclasses.fields(Look):
        one, other = getattr(store, field.name), getattr(twin, field.name)
        if one == other:
            continue
        if isinstance(one, dict):
            keys = sorted({*one, *other}, key=str)
            one = {key: one.get(key) for key in keys if one.get(key) != other.get(key)}
            other = {key: other.get(key) for key in one}
        found.append(f"{field.name}: {str(one)[:400]} and not {str(other)[:400]}")
    return "; ".join(found)
