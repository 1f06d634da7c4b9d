#!/usr/bin/env python3
"""Every answer of every verb with --json is what tools/json/syncline.schema.json says; prints TAP.

usage: json_test.py SYNCLINE SCHEMA

Each case runs a verb in a store that the earlier ones have made what it is, and looks at each line that
it prints. At the end every shape of the schema that a verb prints must have been seen, and every verb
that takes --json must have answered.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

import jsonschema

# Not printed by a verb: parts of other shapes.
PARTS = {"stage", "time", "fields", "receipt", "receipt_of_file", "finding", "histogram", "adopted",
         "level", "old_way_level"}
WITHOUT_JSON = {"merge-sections", "completions", "help"}
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "SYNCLINE_"))},
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "LC_ALL": "C.UTF-8",
    "GIT_AUTHOR_NAME": "A Person", "GIT_AUTHOR_EMAIL": "person@example.org",
    "GIT_COMMITTER_NAME": "A Person", "GIT_COMMITTER_EMAIL": "person@example.org",
}


class Answers:
    def __init__(self, binary, schema):
        with open(schema, encoding="utf-8") as file:
            self.schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.binary = binary
        self.seen, self.verbs = set(), set()
        self.number = self.failed = 0

    def tell(self, name, complaints):
        self.number += 1
        for complaint in complaints:
            print("# " + complaint.replace("\n", "\n#   "))
        print(f"{'not ok' if complaints else 'ok'} {self.number} - {name}", flush=True)
        self.failed += bool(complaints)

    def faults_of(self, shape, text):
        try:
            value = json.loads(text)
        except ValueError as error:
            return [f"no JSON: {error}: {text[:200]}"]
        validator = jsonschema.Draft202012Validator(
            {"$ref": f"#/$defs/{shape}", "$defs": self.schema["$defs"]})
        return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
                for error in validator.iter_errors(value)][:5]

    def look(self, name, shape, lines):
        """Lines of a file, or of an answer."""
        self.seen.add(shape)
        faults = [] if lines else ["nothing was printed"]
        for line in lines:
            faults += self.faults_of(shape, line)
        self.tell(name, faults)
        return [json.loads(line) for line in lines] if not faults else []

    def ask(self, shape, *arguments, store=None, codes=(0,), given=None):
        command = [self.binary, *(["--store", store] if store else []), *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, input=given or "",
                              env=ENVIRONMENT, timeout=300, check=False)
        self.verbs.add(next(word for word in arguments if not word.startswith("-")))
        name = f"{' '.join(arguments)[:70]}: {shape}"
        if done.returncode not in codes:
            self.tell(name, [f"exit {done.returncode}: {done.stdout[:300]}{done.stderr[:300]}"])
            return None
        answers = self.look(name, shape, done.stdout.splitlines())
        return answers[0] if answers else None


def git(root, *arguments):
    subprocess.run(["git", "-C", root, *arguments], env=ENVIRONMENT, check=True, capture_output=True)


def notes(answers, scratch):
    store = os.path.join(scratch, "store")
    answers.ask("failure", "status", store=scratch, codes=(10,))
    answers.ask("init", "init", store)
    answers.ask("init", "init", store)
    answers.ask("record", "record", "note", "--title", "one", "--key", "k", store=store)
    answers.ask("record", "record", "note", "--title", "one", "--key", "k", store=store)
    answers.ask("failure", "record", "note", "--title", "other", "--key", "k", store=store, codes=(64,))
    answers.ask("failure", "record", "note", store=store, codes=(64,))
    answers.ask("replace", "record", "note", "--title", "two", "--replaces", "1", store=store)
    lines = '{"kind":"note","fields":{"title":"three"}}\nbroken\n{"kind":"note","key":"k3","fields":{"title":"four"}}\n'
    rejects = os.path.join(scratch, "rejects")
    answers.ask("ingest", "ingest", "-", "--rejects", rejects, store=store, codes=(5,), given=lines)
    with open(rejects, encoding="utf-8") as file:
        answers.look("the rejects file: reject", "reject", file.read().splitlines())
    answers.ask("sync", "sync", store=store)
    first = answers.ask("show", "show", "4", store=store)
    answers.ask("show", "show", "--key", "k3", store=store)
    answers.ask("show_file", "show", first["path"], store=store)
    answers.ask("failure", "show", "1000", store=store, codes=(1,))
    answers.ask("list", "list", store=store)
    answers.ask("log", "log", store=store)
    answers.ask("export", "export", store=store)
    answers.ask("retract", "retract", "4", store=store)
    answers.ask("status", "status", store=store)
    answers.ask("metrics", "metrics", store=store)
    answers.ask("verify", "verify", store=store)
    rows = sqlite3.connect(os.path.join(store, "syncline.db"))
    with rows:
        rows.execute("DELETE FROM notes WHERE title = 'two'")
        rows.execute("INSERT INTO notes SELECT id + 100, 'theirs', body, tags, 'nowhere.md', created_at FROM notes LIMIT 1")
    rows.close()
    answers.ask("verify", "verify", store=store, codes=(12,))
    answers.ask("repair", "repair", "--dry-run", store=store, codes=(0, 12))
    answers.ask("repair", "repair", store=store)
    answers.ask("repair", "repair", "--orphans", store=store)
    answers.ask("adopt", "adopt", "--dry-run", store=store, codes=(0, 5))
    answers.ask("restore", "repair", "--restore", "2", store=store)
    answers.ask("config_check", "config", "check", store=store)
    answers.ask("config_show", "config", "show", store=store)
    copy, again = os.path.join(scratch, "copy"), os.path.join(scratch, "again")
    answers.ask("copy", "backup", copy, store=store)
    answers.ask("copy", "restore", copy, "--into", again)
    replay = os.path.join(scratch, "replay")
    answers.ask("replay", "replay", "--into", replay, store=store)
    answers.ask("init", "init", replay, "--promote")
    answers.ask("failure", "no-such-verb", codes=(64,))
    return store


def sections(answers, scratch):
    """What people do with files; and a journal that is lost."""
    store = os.path.join(scratch, "elf")
    answers.ask("init", "init", store, "--profile", "elf")
    for rule in ("one", "two"):
        answers.ask("record", "record", "heuristic", "--domain", "d", "--rule", rule, store=store)
    answers.ask("record", "record", "failure", "--title", "t", "--domain", "d", store=store)
    answers.ask("sync", "sync", store=store)
    path = os.path.join(store, "memory/heuristics/d.md")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("two", "two, edited") + "\n## H-900: theirs\n\n**Confidence**: 0.5\n")
    git(store, "commit", "-qam", "edited")
    answers.ask("show", "show", "2", store=store)
    answers.ask("show_file", "show", "memory/heuristics/d.md", store=store)
    answers.ask("adopt", "adopt", store=store, codes=(0, 5))
    answers.ask("log", "log", store=store)
    answers.ask("verify", "verify", store=store, codes=(0, 12))
    journal = os.path.join(store, ".git/syncline/journal")
    for name in os.listdir(journal):
        if name.endswith(".seg"):
            with open(os.path.join(journal, name), "r+b") as file:
                file.truncate(8192)
    answers.ask("failure", "status", store=store, codes=(12,))
    answers.ask("loss", "repair", "--accept-loss", "--dry-run", store=store)
    answers.ask("loss", "repair", "--accept-loss", store=store)


def measured(answers, scratch):
    script = os.path.join(scratch, "old.sh")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\nexit 0\n")
    os.chmod(script, 0o755)
    answers.ask("stress", "stress", "--levels", "2", "--rounds", "1")
    answers.ask("bench", "bench", "--seconds", "1")


def main():
    binary, schema = sys.argv[1:3]
    answers = Answers(binary, schema)
    with tempfile.TemporaryDirectory(prefix="syncline-json-") as scratch:
        os.chdir(scratch)
        done = subprocess.run([binary, "--version", "--json"], capture_output=True, text=True, check=True)
        answers.look("--version: version", "version", done.stdout.splitlines())
        notes(answers, scratch)
        sections(answers, scratch)
        measured(answers, scratch)
    shapes = set(answers.schema["$defs"]) - PARTS
    answers.tell("every shape was seen", [f"never: {name}" for name in sorted(shapes - answers.seen)])
    told = subprocess.run([binary, "--help"], capture_output=True, text=True, check=True).stdout
    verbs = set(re.findall(r"^  ([a-z][a-z-]+) ", told, re.M)) - WITHOUT_JSON
    answers.tell("every verb has answered", [f"never: {name}" for name in sorted(verbs - answers.verbs)])
    print(f"1..{answers.number}")
    return 1 if answers.failed else 0


if __name__ == "__main__":
    sys.exit(main())
