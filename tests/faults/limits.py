"""Faults that need no tracer: descriptors, file sizes, memory, a full and a read-only tmpfs.

These are what strace can not give: real short writes, failures inside malloc, and an error that
stays until somebody gives space back. Each function answers (complaints, figures, why skipped).
"""

import os
import resource
import shutil
import subprocess

import traced
from store import Store, answer


def note(store, title, *more):
    return store.command("record", "note", "--title", title, "--key", title, *more)


def under(limit, value, command):
    def set_limit():
        resource.setrlimit(limit, (value, value))

    # Set after the fork: Python's own start must not fail of it.
    return traced.run(command, preexec_fn=set_limit)


def sweep(binary, directory, name, values, endings, run):
    """One record under each value of a limit, then the same record without it."""
    os.makedirs(directory)
    store = Store(binary, f"{directory}/store", "notes")
    store.init()
    complaints, exits = [], {}
    records = 0
    for value in values:
        title = f"{name} {value}"
        result = run(value, note(store, title, "--timeout", "2"))
        exits[result.code] = exits.get(result.code, 0) + 1
        found = []
        if result.code not in endings:
            found.append("an ending that is not among " + str(sorted(endings)))
        if result.code == 0:
            found += store.titled(title)
        after = traced.run(note(store, title))
        if after.code != 0:
            found.append(f"without the limit: {after.text()}")
            complaints += [f"{title}: {text}\n    {result.text()}" for text in found]
            return complaints, f"{name}: {exits}", None
        records += 1
        found += store.titled(title)
        if result.code in (1, 75) and answer(after)["duplicate"]:
            found.append(f"exit {result.code} says that nothing was written; it was")
        complaints += [f"{title}: {text}\n    {result.text()}" for text in found]
    complaints += store.at_rest(records)
    return complaints, f"{name}: {len(values)} values; exits {exits}", None


def open_files(binary, directory, scale):
    # Below some 6 the loader itself fails: 127.
    return sweep(binary, directory, "open files", range(3, 48), {0, 1, 11, 74, 75, 127},
                 lambda value, command: under(resource.RLIMIT_NOFILE, value, command))


def file_size(binary, directory, scale):
    # Writes that cross the limit come back short, those beyond it would be a SIGXFSZ.
    values = sorted({*range(1, 40), *range(41, 45_000, max(200, 1500 // scale)),
                     *range(45_000, 400_000, max(1000, 9000 // scale))})
    return sweep(binary, directory, "file size", values, {0, 1, 11, 74, 75},
                 lambda value, command: under(resource.RLIMIT_FSIZE, value, command))


def memory(binary, directory, scale):
    # From where the program just comes to run, to where it lacks nothing: no failed malloc may end
    # it by a signal. Below, exec or the loader fails.
    least = next(value for value in range(1 << 20, 1 << 30, 1 << 18)
                 if under(resource.RLIMIT_AS, value, [binary, "--version"]).code == 0)
    step = max(16, 256 // scale) << 10
    return sweep(binary, directory, "memory", range(least, least + (6 << 20), step),
                 {0, 1, 11, 74, 75, 127},
                 lambda value, command: under(resource.RLIMIT_AS, value, command))


class Tmpfs:
    """A mounted tmpfs of its own, or .mounted False where mounting needs more rights."""

    def __init__(self, directory, size):
        os.makedirs(directory)
        self.directory = directory
        self.mounted = self._mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory)

    def _mount(self, *arguments):
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0

    def remount(self, options):
        if not self._mount("-o", f"remount,{options}", self.directory):
            raise RuntimeError(f"cannot remount {options}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.mounted:
            subprocess.run(["umount", "-l", self.directory], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


SKIP_MOUNT = "no rights to mount a tmpfs"


def fill(path, left):
    """Takes all space of a file system but `left` bytes."""
    # What is free changes nothing else here: no other process writes there.
    room = os.statvfs(os.path.dirname(path))
    wanted = max(0, room.f_bavail * room.f_bsize - left)
    with open(path, "wb") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, wanted) if wanted else None
        except OSError:
            pass


def full_disk(binary, directory, scale):
    """Recording on a disk with so many bytes left answers 0 or 75; with the space back it goes on."""
    with Tmpfs(directory, 64 << 20) as disk:
        if not disk.mounted:
            return [], "full disk: not run", SKIP_MOUNT
        store = Store(binary, f"{directory}/store", "notes")
        store.init()
        complaints, exits = [], {}
        records = 0
        filler = f"{directory}/filler"
        for left in [4096 * pages for pages in range(0, 40 * min(scale, 3))]:
            title = f"{left} bytes left"
            fill(filler, left)
            body = os.path.join(directory, "..", "full-disk-body")
            with open(body, "w", encoding="utf-8") as file:
                file.write("x" * 20_000)
            result = traced.run(note(store, title, "--body-file", body, "--timeout", "2"))
            found = []
            exits[result.code] = exits.get(result.code, 0) + 1
            # 11: durable in the journal, but its row or file found no room yet.
            if result.code not in (0, 11, 75):
                found.append("neither done, accepted nor 75")
            if result.code == 0:
                found += store.titled(title)
            if result.code == 75:
                if store.sql("SELECT 1 FROM notes WHERE title = ?", title):
                    found.append("75, and a row")
            os.unlink(filler)
            after = traced.run(note(store, title, "--body-file", body))
            if after.code != 0:
                complaints.append(f"{title}: space is back: {after.text()}; before {result.text()}")
                break
            records += 1
            found += store.titled(title)
            if result.code == 75 and answer(after)["duplicate"]:
                found.append("75 says that nothing was written; it was")
            if result.code == 11 and not answer(after)["duplicate"]:
                found.append("11 acknowledged a record that was lost")
            complaints += [f"{title}: {text}\n    {result.text()}" for text in found]
            os.unlink(body)
        complaints += store.at_rest(records)
        return complaints, f"full disk: {records} fillings; exits {exits}", None


def read_only(binary, directory, scale):
    """A file system that turned read-only: refused, nothing half-done; writable again: goes on."""
    with Tmpfs(directory, 64 << 20) as disk:
        if not disk.mounted:
            return [], "read-only: not run", SKIP_MOUNT
        store = Store(binary, f"{directory}/store", "notes")
        store.init()
        complaints, exits = [], {}
        for n in range(3):
            title = f"read-only {n}"
            if n == 1:  # behind a process that died with its frame unflushed
                traced.killed(store.log + "-killed", "fdatasync", 1, note(store, "killed"))
                if traced.run(note(store, "killed")).code != 0:
                    complaints.append("the killed record can not be recorded again")
            disk.remount("ro")
            result = traced.run(note(store, title, "--timeout", "2"))
            exits[result.code] = exits.get(result.code, 0) + 1
            if result.code != 75:
                complaints.append(f"{title}: {result.text()}")
            for verb, code in (("status", 0), ("verify", 0), ("log", 0), ("sync", 75)):
                read = store.run(verb)
                if read.code != code:
                    complaints.append(f"{verb} of a read-only store: {read.text()}")
            disk.remount("rw")
            after = traced.run(note(store, title))
            if after.code != 0:
                complaints.append(f"{title}: writable again: {after.text()}")
            elif answer(after)["duplicate"]:
                complaints.append(f"{title}: refused, and yet written")
            else:
                complaints += store.titled(title)
        complaints += store.at_rest(4)
        return complaints, f"read-only: exits {exits}", None


ALL = {"limit-open-files": open_files, "limit-file-size": file_size, "limit-memory": memory,
       "full-disk": full_disk, "read-only": read_only}
