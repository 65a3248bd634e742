"""What README.md says of metrics and alerts: its tables, read."""

import os
import pathlib
from collections import namedtuple

README = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "README.md"

Metric = namedtuple("Metric", "type labels")


def table(heading):
    """The rows of the table whose first column has this heading, as lists of cells."""
    lines = README.read_text(encoding="utf-8").splitlines()
    first = next((number for number, line in enumerate(lines) if line.startswith(f"| {heading} |")),
                 None)
    if first is None:
        raise AssertionError(f"README.md has no table with the heading {heading}")
    rows = []
    for line in lines[first + 2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def metrics(service):
    """{name: Metric} of "Coordinator" or "Gateway"."""
    found = {}
    for name, kind, labels, meaning in table(f"{service}'s metric"):
        assert name not in found, f"{name} is in README.md twice"
        assert meaning, f"README.md does not say what {name} is"
        found[name] = Metric(kind, frozenset(labels.replace(",", " ").split()))
    return found


def alerts():
    """{name: severity}"""
    return {name: severity for name, severity, _, _ in table("Alert")}
