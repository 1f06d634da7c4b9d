"""Which system calls fail, with which errors, and at which of their occurrences.

Left out on purpose, because strace would tell a lie that no kernel tells:
  - short reads and writes: strace can replace a result but not shorten the call; limits.py gets
    real ones from RLIMIT_FSIZE and a full tmpfs;
  - close: an injected close leaves the descriptor (and its flock) open, Linux never does;
  - io_uring's own operations, which strace does not see: the simulation's seam fails those;
  - munmap, mprotect, brk, futex: not the store's own calls (RLIMIT_AS, in limits.py, gets to malloc).
"""

import dataclasses
import random

OPENING = ["ENOSPC", "EDQUOT", "EIO", "EROFS", "EMFILE", "ENFILE", "ENOMEM", "EACCES", "EINTR"]
NAMING = ["EIO", "ENOSPC", "EDQUOT", "EROFS", "ENOMEM", "EACCES"]

# Every call is legal with every error named here: its manual page, or Linux, gives it.
ERRORS = {
    "openat": OPENING,
    "openat2": [*OPENING, "ENOSYS"],
    "mkdirat": NAMING,
    "mkdir": NAMING,
    "renameat": NAMING,
    "renameat2": [*NAMING, "ENOSYS"],
    "rename": NAMING,
    "linkat": [*NAMING, "EMLINK"],
    "link": NAMING,
    "unlinkat": NAMING,
    "unlink": NAMING,
    "symlinkat": NAMING,
    "write": ["ENOSPC", "EDQUOT", "EIO", "EINTR", "EFBIG"],
    "pwrite64": ["ENOSPC", "EDQUOT", "EIO", "EINTR", "EFBIG", "EROFS"],
    "pwritev": ["ENOSPC", "EDQUOT", "EIO", "EINTR"],
    "pwritev2": ["ENOSPC", "EDQUOT", "EIO", "EINTR"],
    "fallocate": ["ENOSPC", "EDQUOT", "EIO", "EOPNOTSUPP", "EINTR"],
    "ftruncate": ["ENOSPC", "EIO", "EROFS", "EINTR"],
    "fsync": ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR"],
    "fdatasync": ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR"],
    "syncfs": ["EIO", "ENOSPC", "EDQUOT"],
    "fchmod": ["EIO", "EROFS", "EPERM"],
    "fchown": ["EIO", "EROFS", "EPERM"],
    "utimensat": ["EIO", "EROFS"],
    "read": ["EIO", "EINTR"],
    "pread64": ["EIO", "EINTR"],
    "preadv": ["EIO", "EINTR"],
    "getdents64": ["EIO", "ENOMEM"],
    "newfstatat": ["EIO", "ENOMEM", "EACCES"],
    "statx": ["EIO", "ENOMEM", "ENOSYS"],
    "fstatfs": ["EIO", "ENOSYS", "EINTR"],
    "readlink": ["EIO", "ENOMEM", "EACCES"],
    "access": ["EIO", "ENOMEM", "EACCES"],
    "faccessat2": ["EIO", "ENOMEM", "ENOSYS"],
    "getcwd": ["ENOMEM", "ENOENT"],
    "flock": ["ENOLCK", "EINTR"],
    "fcntl": ["ENOLCK", "EINTR", "EAGAIN", "EIO"],
    "mmap": ["ENOMEM", "EAGAIN"],
    "getrandom": ["ENOSYS", "EINTR"],
    "memfd_create": ["EMFILE", "ENFILE", "ENOMEM"],
    "pipe2": ["EMFILE", "ENFILE"],
    "clone3": ["EAGAIN", "ENOMEM", "ENOSYS"],
    "io_uring_setup": ["EPERM", "ENOSYS", "EMFILE", "ENOMEM"],
    "io_uring_register": ["ENOMEM", "EINVAL"],
    "io_uring_enter": ["EINTR", "EAGAIN", "EBUSY"],
}
# Read-only and many: sampled where there are more than a few. The other calls change something or
# guard a change: every occurrence, sampled only where there are dozens.
CHATTY = {"newfstatat", "fcntl", "pread64", "openat", "readlink", "read", "getdents64", "access",
          "mmap"}
# What is taken back after an error goes through these too.
WAYS_BACK = {"openat2", "unlinkat"}


@dataclasses.dataclass(frozen=True)
class Injection:
    call: str
    error: str
    nth: int
    sticky: bool
    burst: bool = False  # three in a row: an error, and the way back from it failing too

    def when(self):
        if self.burst:
            return f"{self.nth}..{self.nth + 2}"
        if not self.sticky:
            return str(self.nth)
        # A call that is interrupted, or told to come again, for ever is not a kernel's doing.
        if self.error in ("EINTR", "EAGAIN") and self.call not in ("clone3", "mmap"):
            return f"{self.nth}..{self.nth + 2}"
        return f"{self.nth}+"

    def __str__(self):
        return f"{self.call}:{self.error}:{self.when()}"


@dataclasses.dataclass(frozen=True)
class Sites:
    """Where one verb makes one call: occurrences first..last of the thread that makes most."""
    first: int
    last: int

    def __len__(self):
        return max(0, self.last - self.first + 1)


def choose(sites, seed, scale):
    """The injections of one verb's sweep: each chosen site once, and sticky."""
    dice = random.Random(seed)
    chosen = []
    for call in sorted(sites):
        errors = ERRORS[call]
        positions = list(range(sites[call].first, sites[call].last + 1))
        bound = (2 if call in CHATTY else 12) * scale
        if len(positions) > bound:
            positions = sorted(dice.sample(positions, bound))
        # Two stickies side by side differ by one call that went well: where there are many, and no
        # more time was asked for, every other one does.
        thin = scale == 1 and len(positions) > 8
        for at, nth in enumerate(positions):
            for sticky in (False,) if thin and at % 2 else (False, True):
                for error in dice.sample(errors, min(len(errors), scale)):
                    chosen.append(Injection(call, error, nth, sticky))
            if call in WAYS_BACK and not (thin and at % 2 == 0):
                chosen.append(Injection(call, dice.choice(errors), nth, sticky=False, burst=True))
    return chosen
