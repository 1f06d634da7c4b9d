"""Processes that record while the person works; what they were told is kept for the end."""

import collections
import json
import random
import signal
import subprocess
import threading

import traced

DOMAINS = ("git", "build", "naming")
# What a call may answer while a person's git is at work: done, not yet, and try again.
ANSWERS = {0, 11, 75}


class Recorders:
    """`record` one after another and several at once, an open `ingest -`, `sync`, and kill -9.

    `calm` is held by who publishes without regard to a person's pace, and by a person who counts
    on the pace being kept.
    """

    def __init__(self, binary, root, seed):
        self.binary, self.root, self.seed = binary, root, seed
        self.wanted = {}  # key: the line that ingest takes
        self.acknowledged = set()
        self.complaints = []
        self.counts = collections.Counter()
        self.calm = threading.Lock()
        self.guard = threading.Lock()
        self.over = threading.Event()
        self.threads = []

    def start(self):
        for n, work in enumerate((self.one_by_one, self.at_once, self.streaming, self.syncing)):
            dice = random.Random(self.seed * 10 + n)
            thread = threading.Thread(target=self.guarded, args=(work, dice))
            thread.start()
            self.threads.append(thread)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def guarded(self, work, dice):
        try:
            work(dice)
        except Exception as error:  # pylint: disable=broad-except; it is the run's failure
            self.complaints.append(f"{work.__name__}: {type(error).__name__}: {error}")

    def fresh(self, name, dice):
        """A new record: its key and the call that makes it."""
        with self.guard:
            key = f"{name}-{len(self.wanted)}"
            if dice.random() < 0.3:
                fields = {"domain": dice.choice(DOMAINS), "rule": f"rule of {key}"}
                kind = "heuristic"
            else:
                fields = {"title": f"title of {key}", "domain": dice.choice(DOMAINS),
                          "summary": "what happened\n\nand why"}
                kind = dice.choice(("failure", "success"))
            self.wanted[key] = {"kind": kind, "key": key, "fields": fields}
        return key

    def call(self, key, *more):
        line = self.wanted[key]
        fields = [word for name, value in line["fields"].items() for word in (f"--{name}", value)]
        return [self.binary, "--store", self.root, "record", line["kind"], *fields, "--key", key,
                "--json", *more]

    def judge(self, key, result):
        self.counts[f"record {result.code}"] += 1
        if result.hung or result.code not in ANSWERS:
            self.complaints.append(f"record {key}: {result.text()}")
        if result.code in (0, 11):
            with self.guard:
                self.acknowledged.add(key)

    def one_by_one(self, dice):
        while not self.over.wait(dice.expovariate(1 / 0.4)):
            key = self.fresh("one", dice)
            if dice.random() < 0.15:
                self.killed(key, dice)
            elif dice.random() < 0.1:
                with self.calm:
                    self.judge(key, traced.run(
                        self.call(key, "--wait", "published", "--timeout", "1")))
            else:
                self.judge(key, traced.run(self.call(key)))

    def killed(self, key, dice):
        with subprocess.Popen(self.call(key), env=traced.ENVIRONMENT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            self.over.wait(dice.random() * 0.15)
            process.send_signal(signal.SIGKILL)
        self.counts["killed"] += 1

    def at_once(self, dice):
        while not self.over.wait(dice.expovariate(1 / 4)):
            keys = [self.fresh("at-once", dice) for _ in range(dice.randint(2, 6))]
            threads = [threading.Thread(target=lambda key: self.judge(key, traced.run(
                self.call(key))), args=(key,)) for key in keys]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def streaming(self, dice):
        """An open ingest, ended and begun again now and then."""
        while not self.over.is_set():
            keys = []
            with subprocess.Popen([self.binary, "--store", self.root, "ingest", "-", "--json"],
                                  env=traced.ENVIRONMENT, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True) as process:
                for _ in range(dice.randint(5, 20)):
                    keys.append(self.fresh("stream", dice))
                    process.stdin.write(json.dumps(self.wanted[keys[-1]]) + "\n")
                    process.stdin.flush()
                    if self.over.wait(dice.expovariate(1 / 0.7)):
                        break
                if dice.random() < 0.2:
                    process.send_signal(signal.SIGKILL)
                    self.counts["ingest killed"] += 1
                out, err = process.communicate(timeout=traced.HANG_SECONDS)
            self.counts[f"ingest {process.returncode}"] += 1
            if process.returncode == 0:
                with self.guard:
                    self.acknowledged.update(keys)
            elif process.returncode not in {*ANSWERS, -signal.SIGKILL}:
                self.complaints.append(f"ingest: exit {process.returncode}: {out} {err}")

    def syncing(self, dice):
        while not self.over.wait(dice.expovariate(1 / 5)):
            with self.calm:
                result = traced.run([self.binary, "--store", self.root, "sync", "--timeout", "1",
                                     "--json"])
            self.counts[f"sync {result.code}"] += 1
            if result.hung or result.code not in ANSWERS:
                self.complaints.append(f"sync: {result.text()}")

    def sync_now(self):
        traced.run([self.binary, "--store", self.root, "sync", "--timeout", "1", "--json"])

    def again(self):
        """Every record once more by its key, in one stream: each is there then."""
        lines = "".join(json.dumps(line) + "\n" for line in self.wanted.values())
        done = subprocess.run([self.binary, "--store", self.root, "ingest", "-", "--json"],
                              env=traced.ENVIRONMENT, input=lines, capture_output=True, text=True,
                              timeout=traced.HANG_SECONDS, check=False)
        report = json.loads(done.stdout or "{}")
        if done.returncode != 0 or report.get("rejected") != 0:
            return [f"all records again: exit {done.returncode}: {done.stdout} {done.stderr}"]
        if report["duplicates"] < len(self.acknowledged):
            return [f"{report['duplicates']} of {len(self.wanted)} records were there, but "
                    f"{len(self.acknowledged)} were acknowledged"]
        return []
