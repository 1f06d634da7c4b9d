"""Running a command under strace: counting its calls, failing one of them, killing it at one."""

import collections
import os
import re
import subprocess

import faults

LINE = re.compile(r"^(\d+) +(\w+)\(")
# Far above what any command takes here: what reaches it hangs.
HANG_SECONDS = 120

ENVIRONMENT = {
    **{k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "SYNCLINE_"))},
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "A Person", "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "A Person", "GIT_COMMITTER_EMAIL": "person@example.org",
    "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
    "LC_ALL": "C.UTF-8",
}


class Result:
    def __init__(self, command, code, out, err, hit=False, hung=False):
        self.command, self.code, self.out, self.err = command, code, out, err
        self.hit, self.hung = hit, hung  # hit: a call of it was failed

    def text(self):
        return f"exit {self.code}: {(self.out + ' ' + self.err).strip()[:600]}"


def run(command, **options):
    options.setdefault("env", ENVIRONMENT)
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                              stdin=options.pop("stdin", subprocess.DEVNULL),
                              timeout=HANG_SECONDS, check=False, **options)
    except subprocess.TimeoutExpired:
        return Result(command, -9, "", "", hung=True)
    return Result(command, done.returncode, done.stdout, done.stderr)


def strace(log, call, what, command):
    # seccomp-bpf: only the call that is failed stops for the tracer.
    return run(["strace", "-f", "--seccomp-bpf", "-qq", "-e", "signal=none", "-e", f"trace={call}",
                "-e", f"inject={call}:{what}", "-o", log, *command])


def failing(log, injection, command):
    """Runs `command` with one call failed; .hit says whether it came to that call."""
    result = strace(log, injection.call, f"error={injection.error}:when={injection.when()}",
                    command)
    with open(log, encoding="utf-8", errors="replace") as trace:
        result.hit = any("(INJECTED)" in line for line in trace)
    return result


def killed(log, call, nth, command):
    return strace(log, call, f"signal=SIGKILL:when={nth}", command)


def count(log, root, command):
    """The sites of every call of faults.ERRORS that `command` makes once it has come to `root`.

    strace counts occurrences for each thread by itself. What the main thread does before it names
    the store is the loader's; another thread's calls below that count can not be told from it.
    """
    calls = ",".join(faults.ERRORS)
    result = run(["strace", "-f", "-qq", "-s", "300", "-e", "signal=none", "-e",
                  f"trace=execve,{calls}", "-o", log, *command])
    if result.code != 0:
        raise RuntimeError(f"{' '.join(command)} under strace: {result.text()}")
    made = collections.defaultdict(collections.Counter)
    before = None
    main = None
    with open(log, encoding="utf-8", errors="replace") as trace:
        for line in trace:
            match = LINE.match(line)
            if not match:
                continue
            thread, call = match.groups()
            main = main or thread
            if before is None and call != "execve" and (root in line or call == "getcwd"):
                before = made[main].copy()
            made[thread][call] += 1
    before = before or collections.Counter()
    sites = {}
    total = 0
    for call in faults.ERRORS:
        most = max(counts[call] for counts in made.values())
        total += sum(counts[call] for counts in made.values()) - before[call]
        if most > before[call]:
            sites[call] = faults.Sites(before[call] + 1, most)
    return sites, total
