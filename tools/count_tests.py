#!/usr/bin/env python3
"""Counts what the test runners themselves reported in meson build directories.

usage: count_tests.py BUILD_DIR...   prints "<passed> <failed> <skipped>", names of failures on stderr

Google Test's own report of every test case reaches meson-logs/testlog.junit.xml. A program that
failed although its report names no failed case (it crashed, timed out, or a sanitizer spoke after
the last test) counts as one failure more, so nothing that went wrong can hide in a report.
"""

import json
import os
import sys
import xml.etree.ElementTree


def count(build):
    logs = os.path.join(build, "meson-logs")
    passed = skipped = 0
    failures = []
    failed_programs = set()
    reported = set()
    for suite in xml.etree.ElementTree.parse(os.path.join(logs, "testlog.junit.xml")).iter("testsuite"):
        for case in suite.iter("testcase"):
            name = f'{suite.get("name")}.{case.get("name")}'
            if case.find("failure") is not None or case.find("error") is not None:
                failures.append(name)
                # "project.program.Suite" for Google Test; the program is the case itself otherwise.
                parts = suite.get("name").split(".")
                failed_programs.add(parts[1] if len(parts) > 1 else case.get("name"))
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                skipped += 1
                for reason in case.iter("skipped"):
                    text = " ".join((reason.get("message") or "").split())
                    print(f"skipped: {name}: {text}", file=sys.stderr)
            else:
                passed += 1
            reported.add(name)
    with open(os.path.join(logs, "testlog.json"), encoding="utf-8") as log:
        for line in log:
            run = json.loads(line)
            program = run["name"].split(" / ")[-1].split(":")[-1]
            if run["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and program not in failed_programs:
                failures.append(f'{program}: {run["result"]} (exit {run.get("returncode")})')
    return passed, failures, skipped


def main():
    passed = failed = skipped = 0
    for build in sys.argv[1:]:
        one_passed, failures, one_skipped = count(build)
        for failure in failures:
            print(f"failed: {os.path.basename(build)}: {failure}", file=sys.stderr)
        passed += one_passed
        failed += len(failures)
        skipped += one_skipped
    print(passed, failed, skipped)


if __name__ == "__main__":
    main()
