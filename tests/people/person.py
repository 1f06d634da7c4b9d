"""A person at the keyboard: what they do is chosen by one seed, from what their own work looks like.

Every choice asks the twin (pair.py), so the same seed gives the same commands whatever the store
does meanwhile. They are polite: they rewrite only commits that nobody else has, and do not commit
what they did not look at.
"""

import collections
import os
import re
import shlex
import time

from pair import PERSON, Repository, difference, ours

# Steps of their own between two that may need publishes: most follow at once, some after a while
# in which the store may publish.
PAUSES = ((0.7, 0.15), (0.2, 0.8), (0.1, 3.0))
REPEATS = 5
QUIET_SECONDS = 2  # after they moved HEAD
AT_ONCE = "a publish within two seconds after a commit of theirs"
SHOWN = 14  # commands before the one that is complained about
# What a publish cannot keep from a person (README, "Beside your git") is a figure and no fault: on
# a busy machine that it holds index.lock for a moment, and always that a kill leaves the lock there.
LOCK_HELD = "index.lock held by a publish"
LOCK_LEFT = "index.lock left by a publish that was killed"
TOLERATED = (LOCK_HELD, AT_ONCE)
STOPPED_AT = ("REBASE_HEAD", "CHERRY_PICK_HEAD", "MERGE_HEAD", "REVERT_HEAD")
# What a command says that could not go on because of the store, and how it is counted.
IN_THE_WAY = (
    (LOCK_HELD, re.compile(r"index\.lock|could not write index|Cannot save the current|"
                          r"^The stash entry is kept in case you need it again\.\s*$")),
    ("file of ours in the way of a stash", re.compile(r"already exists, no checkout")),
    ("HEAD or branch moved or locked", re.compile(r"cannot lock ref|HEAD\.lock|\.lock': File exists")),
    ("untracked file of ours in the way", re.compile(r"untracked working tree files")),
    ("change of ours in the way", re.compile(r"local changes|would be overwritten|unstaged changes|"
                                             r"uncommitted changes|not uptodate")),
    ("conflict in a file of ours", re.compile(r"CONFLICT.*memory/")),
)


class Differs(Exception):
    """Their repository is not what it would be without the store."""


class Person:
    def __init__(self, scratch, store, twin, recorders, dice):
        self.scratch, self.store, self.twin = scratch, store, twin
        self.recorders, self.dice = recorders, dice
        self.pairs = {"mate": (Repository(f"{scratch}/mate", {}),
                               Repository(f"{scratch}/twin-mate", {}))}
        self.script = []
        self.complaints = []
        self.failures = collections.Counter()  # commands that fail because of the store
        self.evidence = {}
        self.counts = collections.Counter()
        self.commits = self.topics = self.edits = 0
        self.may_meet = False  # created files of the store: they staged or stashed all there is
        self.with_ours = set()  # names of their commits that change files of the store
        self.removed, self.edited = {}, {}  # path: name; path: {line: name}
        self.seen = []

    # ---- commands ----

    def git(self, *words, given=None, records=False, look=True, **environment):
        """The command in both; the twin's result. `look`: and compare what they have then."""
        self.script.append("git " + shlex.join(words) + "".join(
            f"  {name}={value}" for name, value in environment.items() if name.startswith("PEOPLE")))
        own = dict(environment)
        if records:
            key = self.recorders.fresh("hook", self.dice)
            own["PEOPLE_RECORD"] = shlex.join(self.recorders.call(key))
        before = self.store.refs()["HEAD"]
        result = self.store.git(*[self.store.resolved(word) for word in words], given=given, **own)
        expected = self.twin.git(*[self.twin.resolved(word) for word in words], given=given,
                                 **environment)
        self.counts["commands"] += 1
        for _ in range(REPEATS):
            if result.code == expected.code:
                break
            self.fails(words, result, expected)
            if self.moved_by_themselves(before):
                break  # it was half done
            result = self.store.git(*[self.store.resolved(word) for word in words], given=given,
                                    **own)
        if result.code != expected.code:
            raise Differs(f"{self.script[-1]}: {result.text()} and not {expected.text()}")
        if look:
            self.compare()
        return expected

    def moved_by_themselves(self, before):
        """Has HEAD moved from there by anything but publishes?"""
        return bool(self.store.ask("log", "--format=%H", "--perl-regexp", "--author=^(?!Syncline)",
                                   f"{before}..HEAD").strip() or
                    self.store.ask("log", "--format=%H", f"HEAD..{before}").strip())

    def fails(self, words, result, expected):
        said = result.out + result.err
        kind = next((name for name, what in IN_THE_WAY if what.search(said)), None)
        lock = f"{self.store.root}/.git/index.lock"
        if kind == LOCK_HELD and os.path.exists(lock):
            time.sleep(0.1)  # a person who reads the message; a publish does not take so long
            if os.path.exists(lock):
                kind = LOCK_LEFT
        self.failures[kind or "other"] += 1
        self.evidence.setdefault(kind or "other", f"{self.tail()}\n{result.text()}")
        if kind is None or kind.startswith("change") or kind.startswith("conflict"):
            raise Differs(f"{shlex.join(words)}: {result.text()} and not {expected.text()}")
        if kind.startswith("untracked"):
            for path in re.findall(r"^\t?(memory/\S+)", said, re.M):
                path = path.rstrip(":")
                if ours(path) and os.path.exists(f"{self.store.root}/{path}"):
                    os.unlink(f"{self.store.root}/{path}")
        if kind == LOCK_LEFT:
            self.recorders.sync_now()

    def write(self, path, text):
        self.script.append(f"edit {path}")
        self.store.write(path, text)
        self.twin.write(path, text)

    def tail(self):
        return "\n".join(self.script[-SHOWN:])

    def traces(self):
        """What the store's git directory tells of who did what last, for a complaint."""
        git = f"{self.store.root}/.git"
        locks = [name for name in os.listdir(git) if name.endswith(".lock") or "syncline-" in name]
        moved = self.store.ask("reflog", "-8", "--date=raw")
        return f"{time.time():.2f}, locks {locks}, HEAD:\n{moved}"

    # ---- what must hold after each ----

    def compare(self):
        differs = difference(self.store.look(), self.twin.look())
        if differs:
            raise Differs(f"after {self.script[-1]}: {differs}")
        self.judge_commits()
        self.judge_status()

    def judge_commits(self):
        refs = self.store.refs()
        refs.pop("refs/stash", None)
        tips = sorted(set(refs.values()))
        if not set(tips).difference(self.seen):
            return
        listed = self.store.ask("log", "--no-merges", "--name-only", "--no-renames", "-z",
                                "--format=%x01%an%x02%s%x02", *tips, "--not", *self.seen)
        self.seen = tips
        for entry in listed.split("\1")[1:]:
            author, subject, names = entry.split("\2", 2)
            names = [name for name in names.replace("\n", "\0").split("\0") if name]
            if author != PERSON:
                theirs = [name for name in names if not ours(name)]
                if theirs and author == "Syncline":
                    raise Differs(f"our commit {subject!r} has theirs: {theirs}")
                self.counts["publishes seen"] += author == "Syncline"
                continue
            taken = [name for name in names if ours(name)]
            if not taken or subject.split(" ", 1)[0] in self.with_ours:
                continue
            if not self.may_meet:
                raise Differs(f"after {self.script[-1]}: their commit {subject!r} has ours: {taken}")
            self.with_ours.add(subject.split(" ", 1)[0])
            self.counts["created files taken along by add -A"] += len(taken)

    def brought_along(self):
        """Files of ours in the commit at which a rebase, pick or merge of theirs has stopped."""
        found = set()
        for name in STOPPED_AT if self.store.at_work() else ():
            if not os.path.exists(f"{self.store.root}/.git/{name}"):
                continue
            what = ("diff", f"HEAD...{name}") if name == "MERGE_HEAD" else ("diff", f"{name}^", name)
            found.update(self.store.ask(*what, "--name-only", "--no-renames", "-z").split("\0"))
        return found

    def judge_status(self):
        """No change of ours in index and work tree, but created files before their publish."""
        if self.may_meet:
            return
        brought = self.brought_along()
        until = time.monotonic() + 5
        while True:
            listed = self.store.ask("status", "--porcelain", "-z", "--no-renames",
                                    "--untracked-files=all").split("\0")
            changed = [line for line in listed if ours(line[3:]) and not line.startswith("??")
                       and line[3:] not in brought]
            if not changed:
                break
            if time.monotonic() > until:
                raise Differs(f"after {self.script[-1]}: changes of ours in their way: {changed[:5]}\n"
                              f"{self.traces()}")
        if self.store.branch() != "main":
            self.counts["untracked files of ours on another branch"] += sum(
                ours(line[3:]) for line in listed)

    # ---- what they know of their work ----

    def dirty(self):
        return bool(self.twin.ask("status", "--porcelain").strip())

    def conflicts(self):
        return self.twin.ask("diff", "--name-only", "--diff-filter=U").split()

    def rewritable(self):
        """Names of the newest commits that are on this branch alone, up to a merge."""
        branch = self.twin.branch()
        found = []
        if branch == "detached":
            return found
        listed = self.twin.ask("log", "--first-parent", "--format=%p\t%s", "HEAD", "--not",
                               f"--exclude={branch}", "--branches", "--remotes")
        for line in listed.splitlines():
            parents, subject = line.split("\t", 1)
            name = subject.split(" ", 1)[0]
            if len(parents.split()) != 1 or not re.fullmatch(r"p\d+", name) or name in found:
                break
            found.append(name)
        return found

    def own_files(self):
        return sorted(path for path in self.twin.files() if path.startswith(("work/", "memory/")))

    def topic_names(self):
        names = self.twin.ask("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        return [name for name in names if name != "main"]

    # ---- small steps ----

    def subject(self):
        self.commits += 1
        return f"p{self.commits} by hand"

    def edit(self, path=None):
        files = self.own_files()
        path = path or (self.dice.choice(files) if files else "work/first.txt")
        lines = (self.twin.text(path) or "\n" * 30).split("\n")
        self.edits += 1
        at = self.dice.randrange(len(lines))
        lines[at] = f"edit {self.edits} of line {at}"
        self.write(path, "\n".join(lines))
        return path

    def edit_some(self):
        for _ in range(self.dice.randint(1, 3)):
            self.edit()

    def new_file(self):
        self.edits += 1
        folder = self.dice.choice(("work", "work/deep", "memory/failures"))
        path = f"{folder}/mine-{self.edits}.txt"
        self.write(path, "".join(f"line {n} of {path}\n" for n in range(20)))
        return path

    def stage(self):
        how = self.dice.randrange(4)
        if how == 0:
            self.git("add", self.edit())
        elif how == 1:
            self.stage_part()
        elif how == 2:
            self.git("add", "work")
        else:
            self.git("add", self.new_file())

    def stage_part(self):
        """The first of two hunks, as `add -p` does it."""
        tracked = [path for path in self.twin.ask("diff", "--name-only", "--diff-filter=M").split()
                   if (self.twin.text(path) or "").count("\n") > 15]
        path = self.edit() if not tracked else self.dice.choice(tracked)
        patch = self.twin.ask("diff", "-U1", "--", path)
        if patch.count("\n@@ ") < 1:
            return
        first = "\n@@ ".join(patch.split("\n@@ ")[:2])
        self.git("apply", "--cached", "--recount", "-", given=first.rstrip("\n") + "\n")

    def stage_all(self):
        self.edit()
        self.may_meet = True
        self.git("add", "-A")
        self.git("commit", "-qm", self.subject())
        self.settle()

    def settle(self):
        """Back to where nothing of the store is staged or stashed: what was met is not ours."""
        self.git("reset", "-q")
        self.may_meet = False

    def commit(self):
        how = self.dice.randrange(5)
        if how == 0:
            return self.git("commit", "-qm", self.subject(), records=self.dice.random() < 0.3)
        if how < 3:
            if how == 1:
                self.edit_some()
            return self.git("commit", "-qam", self.subject())
        return self.with_editor("commit", "-qa" if self.dice.random() < 0.7 else "-q")

    def with_editor(self, *words):
        return self.git(*words, records=self.dice.random() < 0.4, PEOPLE_MESSAGE=self.subject(),
                        PEOPLE_MOMENT=f"{self.dice.random() * 1.2:.2f}")

    def clean_up(self):
        """They like to begin with nothing changed."""
        if self.dirty() and self.dice.random() < 0.85:
            self.git("commit", "-qam", self.subject())

    # ---- larger ones ----

    def calmly(self, then):
        """Commit, and at once the next command about that commit: no publish comes between."""
        self.edit_some()
        with self.recorders.calm:
            if self.git("commit", "-qam", self.subject(), look=False).code != 0:
                return self.compare()
            if self.store.ask("log", "-1", "--format=%an").strip() == PERSON:
                then()
            else:
                # By the commits' own times, as the twin's command may take longer than that.
                theirs, after = (int(self.store.ask("log", "-1", f"--author={name}", "--format=%ct"))
                                 for name in (PERSON, "Syncline"))
                if after < theirs + QUIET_SECONDS:
                    self.failures[AT_ONCE] += 1
                    self.evidence.setdefault(AT_ONCE, f"{self.tail()}\n{self.traces()}")
                self.compare()
        return None

    def amend(self):
        if self.dice.random() < 0.5:
            self.calmly(lambda: self.git("commit", "-q", "--amend", "-m", self.subject()))
        else:
            self.calmly(lambda: self.with_editor("commit", "-q", "--amend"))

    def undo(self):
        how = self.dice.choice(("--soft", "--mixed", "--hard"))
        self.calmly(lambda: self.git("reset", "-q", how, "HEAD~1"))

    def reset_hard(self):
        names = self.rewritable()
        if len(names) < 2:
            return self.commit()
        keep = self.dice.choice(names[1:4])
        return self.git("reset", "-q", "--hard", f"@{keep}")

    def rebase_some(self):
        names = self.rewritable()[:4]
        if len(names) < 2 or self.with_ours.intersection(names):
            self.edit_some()
            return self.commit()
        self.clean_up()
        names = self.rewritable()[:4]
        if len(names) < 2:
            return None
        last = names[0]
        plan = self.dice.choice(("swap", f"drop {last}", f"fixup {last}", f"reword {last}",
                                 f"edit {names[1]}", "keep"))
        result = self.git("rebase", "-q", "-i", f"@{names[-1]}^", PEOPLE_TODO=plan,
                          PEOPLE_MESSAGE=self.subject(), PEOPLE_MOMENT="0.2")
        if plan.startswith("edit") and result.code == 0 and self.twin.at_work():
            self.edit()
            self.pause()
            self.git("commit", "-qa", "--amend", "--no-edit")
            result = self.git("rebase", "--continue")
        return self.resolve(result, "rebase")

    def stash(self):
        self.edit_some()
        untracked = self.dice.random() < 0.3
        self.may_meet = untracked
        self.git("stash", *(["-u"] if untracked else []))
        self.pause()
        if self.dice.random() < 0.4:
            self.edit_some()
            self.git("commit", "-qam", self.subject())
            self.pause()
        self.pop()
        if untracked:
            self.settle()

    def pop(self):
        if not self.twin.ask("stash", "list"):
            return
        index = ["--index"] if self.dice.random() < 0.3 else []
        result = self.git("stash", "pop", *index)
        if result.code == 0:
            return
        if self.conflicts():
            self.solve_files()
            self.git("reset", "-q")
            self.git("stash", "drop")
        else:
            # Their changes are in its way: first those.
            self.git("commit", "-qam", self.subject())

    def topic(self):
        self.clean_up()
        names = self.rewritable()
        start = [f"@{self.dice.choice(names)}"] if names and self.dice.random() < 0.5 else []
        self.topics += 1
        if self.git("checkout", "-q", "-b", f"topic{self.topics}", *start).code != 0:
            return
        for _ in range(self.dice.randint(1, 3)):
            self.pause()
            self.edit_some()
            if self.dice.random() < 0.2:
                self.amend()
            self.git("commit", "-qam", self.subject())
        self.back()

    def back(self):
        if self.twin.at_work():
            return
        self.clean_up()
        if self.git(self.dice.choice(("checkout", "switch")), "-q", "main").code != 0:
            self.git("commit", "-qam", self.subject())
            self.git("checkout", "-q", "main")

    def merge(self):
        topics = self.topic_names()
        if not topics:
            return self.topic()
        self.clean_up()
        topic = self.dice.choice(topics)
        how = self.dice.randrange(3)
        if how == 0:
            self.resolve(self.git("rebase", "-q", "main", topic), "rebase")
            if self.twin.branch() != "main":
                self.back()
        elif how == 1:
            picked = [line.split(" ")[0] for line in
                      self.twin.ask("log", "--format=%s", f"main..{topic}").splitlines()]
            picked = [name for name in picked if re.fullmatch(r"p\d+", name)]
            if picked and not self.with_ours.intersection(picked):
                self.resolve(self.git("cherry-pick", f"@{picked[0]}@{topic}"), "cherry-pick")
        if self.twin.branch() != "main":
            return None
        result = self.git("merge", "-q", "--no-ff", "-m", f"Merge {topic}", topic)
        self.resolve(result, "merge")
        if self.dice.random() < 0.7:
            self.git("branch", "-q", "-D", topic)
        return None

    def revert(self):
        names = [name for name in self.rewritable() if name not in self.with_ours]
        if not names:
            return
        self.clean_up()
        result = self.git("revert", "--no-edit", f"@{self.dice.choice(names)}")
        self.resolve(result, "revert")

    def solve_files(self):
        for path in self.conflicts():
            text = self.twin.text(path)
            if text is None:
                text = "kept\n"
            kept = re.sub(r"^(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|).*\n", "", text, flags=re.M)
            self.write(path, kept)
            self.git("add", path)

    def resolve(self, result, command):
        """Through the conflicts of a command, or back out of it."""
        for _ in range(8):
            if not self.twin.at_work():
                return
            if self.dice.random() < 0.25:
                break
            self.pause()
            self.solve_files()
            if command == "merge":
                self.git("commit", "-q", "--no-edit")
            else:
                go = "--continue" if self.twin.ask("diff", "--cached", "--name-only") else "--skip"
                self.git(command, go)
        if self.twin.at_work():
            self.git(command, "--abort")

    def mate_pushes(self):
        """Another clone pushes: the same to both remotes."""
        self.edits += 1
        for mate in self.pairs["mate"]:
            mate.git("pull", "-q", "--rebase")
            mate.write("work/mate.txt", f"of the mate, {self.edits}\n")
            if self.edits % 3 == 0:
                text = mate.text("work/shared.txt") or ""
                lines = text.split("\n")
                lines[0] = f"the mate's {self.edits}"
                mate.write("work/shared.txt", "\n".join(lines))
            mate.git("add", "work")
            mate.git("commit", "-qm", f"m{self.edits} of a mate", GIT_AUTHOR_NAME="A Mate")
            pushed = mate.git("push", "-q")
            if pushed.code != 0:
                raise RuntimeError(f"the mate's push: {pushed.text()}")
        self.script.append(f"mate pushes {self.edits}")

    def pull(self):
        if self.dice.random() < 0.7:
            self.mate_pushes()
        self.clean_up()
        if self.dice.random() < 0.5:
            self.resolve(self.git("pull", "-q", "--rebase"), "rebase")
        else:
            self.resolve(self.git("pull", "-q", "--no-rebase", "--no-edit"), "merge")
        if self.dice.random() < 0.6 and not self.twin.at_work():
            self.git("push", "-q", "origin", "main")

    def keep_house(self):
        how = self.dice.choice((("gc", "-q"), ("maintenance", "run", "-q"), ("repack", "-adq"),
                                ("gc", "-q", "--auto"), ("pack-refs", "--all"), ("prune",),
                                ("tag", f"t{self.edits}-{self.commits}"), ("fetch", "-q")))
        self.git(*how)

    def move_own(self):
        files = [path for path in self.own_files() if "mine-" in path]
        if not files:
            return self.stage()
        path = self.dice.choice(files)
        if self.dice.random() < 0.5:
            return self.git("rm", "-qf", "--ignore-unmatch", path)
        self.edits += 1
        return self.git("mv", path, f"work/mine-{self.edits}.txt")

    def take_back(self):
        files = self.twin.ask("diff", "--name-only", "--diff-filter=M").split()
        if not files:
            return self.edit_some()
        path = self.dice.choice(files)
        if self.dice.random() < 0.5:
            return self.git("checkout", "-q", "--", path)
        return self.git("restore", "-q", "--staged", path)

    def clean(self):
        self.git("clean", "-qfd")

    def look_elsewhere(self):
        names = self.rewritable()
        self.clean_up()
        target = f"@{self.dice.choice(names)}" if names else "HEAD"
        if self.git("checkout", "-q", "--detach", target).code == 0:
            self.pause()
            self.back()

    def look_at_part(self):
        """For a while they want their own folder alone in the work tree."""
        self.clean_up()
        if self.dirty() or self.twin.at_work():
            return
        if self.git("sparse-checkout", "set", "--cone", "work").code != 0:
            return
        for _ in range(self.dice.randint(1, 3)):
            self.pause()
            self.edit_some()
            self.git("commit", "-qam", self.subject())
        self.git("sparse-checkout", "disable")

    def hook(self):
        path = f"{self.store.root}/.git/hooks/pre-commit"
        if os.path.exists(path):
            os.unlink(path)
            self.script.append("pre-commit hook off")
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\neval "$PEOPLE_RECORD" >/dev/null 2>&1 || exit 0\n')
        os.chmod(path, 0o755)
        self.script.append("pre-commit hook on")

    def change_ours(self):
        """A hand edit of one of the store's files, or its removal, committed with an edit of theirs."""
        if self.twin.branch() != "main":
            return
        self.clean_up()
        if self.dirty():
            return
        published = sorted(path for path in self.store.ask("ls-files", "memory").split()
                           if ours(path) and path not in self.removed and path not in self.edited)
        created = [path for path in published if "heuristics" not in path]
        if not created:
            return
        name = self.subject()
        commit = name.split(" ", 1)[0]
        path = self.dice.choice(published)
        self.with_ours.add(commit)
        with self.recorders.calm:
            if path in created and self.dice.random() < 0.4:
                self.script.append(f"rm {path} (ours)")
                os.unlink(f"{self.store.root}/{path}")
                self.removed[path] = commit
            else:
                line = f"A line of the person's, {commit}."
                self.script.append(f"edit {path} (ours)")
                text = self.store.text(path)
                if text is None:
                    return
                lines = text.split("\n")
                at = next((n for n, each in enumerate(lines) if each.startswith("**")), 1)
                lines.insert(at, line)
                self.store.write(path, "\n".join(lines))
                self.edited.setdefault(path, {})[line] = commit
            self.edit()
            self.git("commit", "-qam", name)

    # ---- all of it ----

    STEPS = (("edit_some", 8), ("stage", 10), ("commit", 12), ("amend", 5), ("undo", 4),
             ("reset_hard", 2), ("rebase_some", 6), ("stash", 8), ("pop", 1), ("topic", 6),
             ("merge", 6), ("revert", 3), ("pull", 6), ("keep_house", 5), ("move_own", 4),
             ("take_back", 4), ("clean", 2), ("look_elsewhere", 3), ("look_at_part", 2),
             ("hook", 2), ("stage_all", 3), ("change_ours", 3), ("new_file", 3))

    def pause(self):
        chance = self.dice.random()
        for share, longest in PAUSES:
            if chance < share:
                return time.sleep(self.dice.random() * longest)
            chance -= share
        return None

    def work(self, seconds, steps):
        until = time.monotonic() + seconds
        names, weights = zip(*self.STEPS)
        try:
            while time.monotonic() < until and (steps is None or self.counts["steps"] < steps):
                self.counts["steps"] += 1
                step = self.dice.choices(names, weights)[0]
                self.script.append(f"# {step}")
                getattr(self, step)()
                self.pause()
            self.come_home()
        except Differs as differs:
            self.complaints.append(f"{differs}\nafter\n{self.tail()}")
            return False
        return True

    def come_home(self):
        self.script.append("# come_home")
        for command in ("rebase", "merge", "cherry-pick", "revert"):
            if self.twin.at_work():
                self.git(command, "--abort")
        if self.twin.branch() != "main":
            if self.dirty():
                self.git("commit", "-qam", self.subject())
            self.git("checkout", "-q", "main")
        while self.twin.ask("stash", "list"):
            self.git("stash", "drop", "-q")  # what is away with one is waited for

    def lasting(self):
        """(paths of ours that their history has removed, lines that it has added to ours)."""
        known = {line.split(" ", 1)[0] for line in self.twin.ask("log", "--format=%s").splitlines()}
        removed = {path for path, commit in self.removed.items() if commit in known}
        edited = {path: [line for line, commit in lines.items() if commit in known]
                  for path, lines in self.edited.items()}
        return removed, edited
