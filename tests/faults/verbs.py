"""The verbs that are swept: what each is given, and what must hold after a fault and after it.

Every verb has one store that grows; each case records under keys of its own. A case is:
  arrange   undisturbed: what the verb needs to have something to do; gives the command
  judge     after the command with the fault: what its exit code promises is true
  again     undisturbed, the same command with the same key: done, once
"""

import json
import os
import re
import shutil
import signal

import traced
from store import Store, answer

# design.md's codes that a fault of the machine can end in. Not 3: no fault of the moment may set a
# record aside for good. Not 5, 6, 10, 64: they blame the user; nor 12, which calls a sound store
# damaged. 2 and signals never.
POSSIBLE = {0, 1, 11, 74, 75}


def blames_the_disk(injection, result):
    """12 is true where the medium itself refused to be read: EIO of a read of the journal, or of
    the database, which SQLite calls malformed then (SQLITE_IOERR_CORRUPTFS)."""
    told = answer(result) or {}
    message = str(told.get("stopped") or told.get("error", {}).get("message", ""))
    return (result.code == 12 and injection.error == "EIO" and
            injection.call in ("pread64", "preadv", "read", "newfstatat") and
            ("unreadable" in message or "disk image is malformed" in message))


class Verb:
    name = ""
    profile = "notes"
    injection = None  # of the case
    bound = 150  # cases before a new store, so that its calls stay near those that were counted

    def __init__(self, binary, directory):
        self.binary, self.directory = binary, directory
        self.records = 0  # that the store must hold
        self.stores = 0
        self.store = None

    def renew(self):
        self.stores += 1
        if self.store:
            shutil.rmtree(self.store.root, ignore_errors=True)
        self.store = Store(self.binary, f"{self.directory}/{self.name}-{self.stores}", self.profile)
        self.store.init()
        self.records = 0
        for n in range(3):
            self.must("record", *self.kind(f"warm {n}", n), "--key", f"warm {n}")
            self.records += 1
        self.must("sync")

    def consolidate_after(self, packs):
        config = f"{self.store.root}/syncline.toml"
        with open(config, encoding="utf-8") as file:
            text = file.read()
        with open(config, "w", encoding="utf-8") as file:
            file.write(text.replace("[sync]", f"[sync]\nconsolidate_packs = {packs}", 1))
        self.store.git("commit", "-qam", f"packs by {packs}")

    def must(self, *arguments):
        done = self.store.run(*arguments)
        if done.code != 0:
            raise Undone(f"undisturbed `{' '.join(arguments)}`: {done.text()}")
        return answer(done)

    def kind(self, title, n):
        if self.profile == "elf":
            return ["heuristic", "--domain", f"d{n // 40}", "--rule", title]
        return ["note", "--title", title, "--body", "text of it"]

    def root(self):
        return self.store.root

    def arrange(self, n):
        raise NotImplementedError

    def judge(self, n, result):
        return []

    def again(self, n, result):
        raise NotImplementedError

    def finish(self):
        return self.store.at_rest(self.records) if self.store else []


class Undone(Exception):
    """What nothing disturbed failed: the store does not go on after a fault."""


class Record(Verb):
    name = "record"

    def title(self, n):
        return f"case {n} of {self.name}"

    def arrange(self, n):
        return self.store.command("record", *self.kind(self.title(n), n), "--key", self.title(n),
                                  "--timeout", "2")

    def judge(self, n, result):
        if result.code == 0:
            return self.store.titled(self.title(n))
        return []

    def again(self, n, result):
        receipt = self.must("record", *self.kind(self.title(n), n), "--key", self.title(n))
        self.records += 1
        found = self.store.titled(self.title(n))
        if result.code in (1, 75) and receipt["duplicate"]:
            found.append(f"exit {result.code} says that nothing was written; it was")
        if result.code in (0, 11) and not receipt["duplicate"]:
            found.append(f"exit {result.code} acknowledged a record that was lost")
        said = answer(result)
        if result.code in (0, 11) and said and said.get("seq") != receipt["seq"]:
            found.append(f"acknowledged as seq {said.get('seq')}, there as {receipt['seq']}")
        if receipt.get("set_aside") is not None:
            found.append(f"set aside: {receipt['set_aside']}")
        return found


class Append(Record):
    name = "append"
    profile = "elf"

    # Each call publishes, and makes two packs. That git repacks them is a verb of its own here.
    def renew(self):
        super().renew()
        self.consolidate_after(1000)
        # The last to move HEAD is then the store, and no section waits for a person's quiet.
        self.must("record", *self.kind("warm again", 0), "--key", "warm again")
        self.records += 1
        self.must("sync")

    def judge(self, n, result):
        found = super().judge(n, result)
        # Where git's state could not be looked at, a file that git may track waits, and status
        # says so (G7); the row is there.
        rows = self.store.sql("SELECT id FROM heuristics WHERE rule = ?", self.title(n))
        if found and len(rows) == 1 and self.must("status")["files_waiting"] == 1:
            return []
        return found


class SameKey(Record):
    name = "same-key"

    def arrange(self, n):
        self.must("record", *self.kind(self.title(n), n), "--key", self.title(n))
        return super().arrange(n)

    def judge(self, n, result):
        found = super().judge(n, result)
        said = answer(result)
        if result.code == 0 and said and not said["duplicate"]:
            found.append("the same key was recorded as another record")
        return found

    def again(self, n, result):
        # Nothing was written by the call that failed; the record was there before it.
        return super().again(n, traced.Result([], 74, "", ""))


class Ingest(Verb):
    name = "ingest"
    bound = 60
    batch = 8

    def titles(self, n):
        return [f"case {n} of ingest, line {i}" for i in range(self.batch)]

    def file(self, n):
        path = f"{self.directory}/ingest-{n % 2}.ndjson"
        with open(path, "w", encoding="utf-8") as file:
            for title in self.titles(n):
                file.write(json.dumps({"kind": "note", "key": title, "fields": {"title": title}}))
                file.write("\n")
        return path

    def arrange(self, n):
        return self.store.command("ingest", self.file(n), "--timeout", "3")

    def judge(self, n, result):
        if result.code != 0:
            return []
        found = [c for title in self.titles(n) for c in self.store.titled(title)]
        said = answer(result)
        if said and said["accepted"] != self.batch:
            found.append(f"exit 0 and {said['accepted']} of {self.batch} accepted")
        return found

    def again(self, n, result):
        said = self.must("ingest", self.file(n))
        self.records += self.batch
        found = [c for title in self.titles(n) for c in self.store.titled(title)]
        if said["accepted"] + said["duplicates"] != self.batch or said["rejected"]:
            found.append(f"again: {said}")
        before = answer(result) or {}
        if before.get("accepted", 0) > said["duplicates"]:
            found.append(f"{before['accepted']} were accepted, {said['duplicates']} are there")
        return found


class Sync(Verb):
    name = "sync"

    def arrange(self, n):
        self.path = self.must("record", *self.kind(f"case {n} of sync", n), "--key",
                              f"case {n} of sync")["path"]
        self.records += 1
        return self.store.command("sync", "--timeout", "2")

    def published(self):
        listed = self.store.git("ls-tree", "--name-only", "HEAD", self.path)
        return [] if listed.out.strip() == self.path else [f"{self.path} is not at HEAD"]

    def judge(self, n, result):
        return self.published() if result.code == 0 else []

    def again(self, n, result):
        self.must("sync")
        return self.published() + self.store.titled(f"case {n} of sync")


class Retract(Verb):
    name = "retract"

    def arrange(self, n):
        title = f"case {n} of retract"
        self.receipt = self.must("record", *self.kind(title, n), "--key", title)
        self.must("sync")
        return self.store.command("retract", "--key", title, "--timeout", "2")

    def left(self):
        """What is left of the record in the table and in the work tree."""
        rows = self.store.sql("SELECT id FROM notes WHERE id = ?", self.receipt["id"])
        return [f"row {row[0]} is there" for row in rows]

    def judge(self, n, result):
        return self.left() if result.code == 0 else []

    def again(self, n, result):
        said = self.must("retract", str(self.receipt["seq"]))
        self.must("sync")
        self.store.retracted.append(self.receipt["id"])
        found = self.left()
        path = self.receipt["path"]
        if self.store.text(path) is not None:
            found.append(f"{path} is there")
        if self.store.git("ls-tree", "--name-only", "HEAD", path).out.strip():
            found.append(f"{path} is at HEAD")
        before = answer(result)
        if result.code in (1, 75) and said["duplicate"]:
            found.append(f"exit {result.code} says that nothing was written; it was")
        if result.code in (0, 11) and before and before.get("seq") != said["seq"]:
            found.append(f"acknowledged as seq {before.get('seq')}, there as {said['seq']}")
        return found


class Consolidate(Sync):
    """Every sync repacks: git runs as a child, whose calls fail as well. It may lose no object."""
    name = "consolidate"
    bound = 60

    def renew(self):
        super().renew()
        self.consolidate_after(2)

    def again(self, n, result):
        missing = self.store.unsound_git()
        return [f"git fsck: {missing}"] if missing else super().again(n, result)


class Status(Verb):
    name = "status"
    figures = ("journaled", "applied", "committed", "published", "set_aside")

    def arrange(self, n):
        if n % 20 == 0:
            self.must("record", *self.kind(f"case {n} of status", n))
            self.records += 1
        return self.store.command("status", "--timeout", "2")

    def again(self, n, result):
        true = self.must("status")
        said = answer(result)
        if result.code != 0 or not said:
            return []
        return [f"{figure} is {true[figure]}, told as {said.get(figure)}"
                for figure in self.figures if said.get(figure) != true[figure]]


class Verify(Verb):
    name = "verify"

    def arrange(self, n):
        return self.store.command("verify", "--timeout", "5")

    def judge(self, n, result):
        said = answer(result)
        if result.code == 0 and said and not said["ok"]:
            return ["exit 0 and not ok"]
        # A file that can not be read is a failure to check, not a finding.
        if said and said.get("findings"):
            return [f"a sound store was blamed: {json.dumps(said['findings'])[:300]}"]
        return []

    def again(self, n, result):
        self.must("verify")
        return []


class Repair(Verb):
    name = "repair"

    def arrange(self, n):
        receipt = self.must("record", *self.kind(f"case {n} of repair", n))
        self.records += 1
        self.must("sync")
        os.unlink(os.path.join(self.store.root, receipt["path"]))
        return self.store.command("repair", "--timeout", "5")

    def judge(self, n, result):
        return self.store.titled(f"case {n} of repair") if result.code == 0 else []

    def again(self, n, result):
        self.must("repair")
        self.must("verify")
        return self.store.titled(f"case {n} of repair")


class Replay(Verb):
    name = "replay"

    def into(self, n):
        return f"{self.directory}/replayed-{n}"

    def root(self):
        return self.directory

    def arrange(self, n):
        return self.store.command("replay", "--into", self.into(n), "--timeout", "10")

    def complaints(self, n):
        copy = Store(self.binary, self.into(n), self.profile)
        rows = "SELECT * FROM notes ORDER BY id"
        ref = ("for-each-ref", "--format=%(refname) %(objectname)", "refs/syncline")
        found = []
        if copy.sql(rows) != self.store.sql(rows):
            found.append("the replayed rows differ")
        if copy.git(*ref).out != self.store.git(*ref).out:
            found.append("the replayed commits differ")
        for (path,) in self.store.sql("SELECT path FROM notes"):
            if copy.text(path) != self.store.text(path):
                found.append(f"the replayed {path} differs")
        return found

    def judge(self, n, result):
        return self.complaints(n) if result.code == 0 else []

    def again(self, n, result):
        # A replay needs an empty directory; what a failed one left is its user's to take away.
        shutil.rmtree(self.into(n), ignore_errors=True)
        self.must("replay", "--into", self.into(n))
        found = self.complaints(n)
        shutil.rmtree(self.into(n), ignore_errors=True)
        return found


PROBE = re.compile(r"^_git2_[0-9a-f]{16}$")


class Init(Verb):
    name = "init"
    locks_left = 0

    def renew(self):
        self.stores += 1

    def root(self):
        return self.directory

    def arrange(self, n):
        self.store = Store(self.binary, f"{self.directory}/init-{n}", "notes")
        return [self.binary, "init", self.store.root, "--profile", "notes", "--json"]

    def judge(self, n, result):
        if result.code != 0:
            return []
        committed = self.store.git("show", "HEAD:syncline.toml")
        return [] if committed.code == 0 else ["exit 0 and no syncline.toml at HEAD"]

    def again(self, n, result):
        command = [self.binary, "init", self.store.root, "--profile", "notes", "--json"]
        done = traced.run(command)
        # A lock of git's that init could not take away again is like anybody's: it is named, and
        # init does not remove it. Done as a person would.
        locks = [f"{self.store.root}/.git/{name}.lock" for name in ("refs/heads/main", "HEAD", "index")]
        if done.code == 75 and any(lock in done.out for lock in locks):
            self.locks_left += 1
            for lock in filter(os.path.exists, locks):
                os.unlink(lock)
            done = traced.run(command)
        if done.code != 0:
            shutil.rmtree(self.store.root, ignore_errors=True)
            raise Undone(f"undisturbed `init` again: {done.text()}")
        self.take_probe()
        self.must("record", *self.kind("after init", n))
        found = self.store.titled("after init") + self.store.at_rest(1)
        shutil.rmtree(self.store.root, ignore_errors=True)
        return found

    def take_probe(self):
        """libgit2 tries the work tree's file system with a file that it then can not remove: one,
        of no use to anybody, and only where the failed call is its unlink."""
        probes = [name for name in os.listdir(self.store.root) if PROBE.match(name)]
        if self.injection.call == "unlink" and len(probes) == 1:
            os.unlink(os.path.join(self.store.root, probes[0]))

    def finish(self):
        return []


class Recovery(Record):
    """The first command after a kill -9, every other time behind a torn frame."""
    name = "recovery"
    bound = 60
    moments = [("fdatasync", 1), ("pwrite64", 3), ("renameat", 1), ("fdatasync", 2), ("linkat", 1),
               ("pwrite64", 30), ("fdatasync", 4), ("renameat", 3), ("ftruncate", 2)]

    def victim(self, n):
        return f"killed {n} of recovery"

    def arrange(self, n):
        call, nth = ("fdatasync", 1) if n % 2 == 0 else self.moments[n // 2 % len(self.moments)]
        self.died = traced.killed(self.store.log, call, nth, self.store.command(
            "record", *self.kind(self.victim(n), n), "--key", self.victim(n)))
        if n % 2 == 0 and self.died.code == -signal.SIGKILL:
            self.tear()
        return super().arrange(n)

    def tear(self):
        """Zeros the second half of the last sector written: the frame was not yet flushed."""
        journal = f"{self.store.root}/.git/syncline/journal"
        newest = max(name for name in os.listdir(journal) if name.endswith(".seg"))
        with open(f"{journal}/{newest}", "r+b") as segment:
            written = segment.read().rstrip(b"\0")
            if len(written) > 4096 * 4:
                segment.seek(len(written) - len(written) % 512)
                segment.write(bytes(len(written) % 512))

    def again(self, n, result):
        found = super().again(n, result)
        self.must("record", *self.kind(self.victim(n), n), "--key", self.victim(n))
        self.records += 1
        return found + self.store.titled(self.victim(n))


ALL = [Record, Append, SameKey, Ingest, Retract, Sync, Consolidate, Status, Verify, Repair, Replay, Init,
       Recovery]
