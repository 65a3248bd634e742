"""The end of what each failed test of a JUnit file printed, so that a run can end with it.

    failed_tests.py SUITE JUNIT_FILE

The services' log lines are left out: what a test says about itself stands between them.
"""

import sys
import xml.etree.ElementTree as ElementTree

LINES_MAX = 40
COLUMNS_MAX = 300


def end_of(output):
    lines = [line[:COLUMNS_MAX] for line in output.splitlines() if not line.startswith('{"severity"')]
    return lines[-LINES_MAX:]


def main():
    suite, path = sys.argv[1:]
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.get("status") != "fail":
            continue
        why = case.find("failure")
        print(f"-- {suite}: {case.get('name')}: {why.get('message') if why is not None else 'failed'}")
        print("\n".join(end_of(case.findtext("system-out") or "")))


main()
