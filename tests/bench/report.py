"""What was measured, as a table, as JSON, and as one sentence."""

import dataclasses
import json
import statistics


def number(value):
    """Three digits that count."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


@dataclasses.dataclass
class Result:
    name: str
    what: str
    unit: str             # of figure and baseline
    goal: float
    at_most: bool         # or at least
    figure: float | None = None
    baseline: float | None = None
    value: float | None = None   # compared with the goal: the median of the rounds
    low: float | None = None
    high: float | None = None
    bound: float | None = None   # of the value, as it was measured in these rounds
    bound_what: str = ""
    met: bool = False
    failure: str = ""
    rounds: list = dataclasses.field(default_factory=list)
    took_s: float = 0.0

    @classmethod
    def of(cls, name, row, goal, rounds):
        values = [one.value for one in rounds]
        value = statistics.median(values)
        baselines = [one.baseline for one in rounds if one.baseline is not None]
        bounds = [one.bound / (one.baseline or 1) for one in rounds if one.bound is not None]
        return cls(name, row.WHAT, row.UNIT, goal, row.AT_MOST,
                   figure=statistics.median(one.figure for one in rounds),
                   baseline=statistics.median(baselines) if baselines else None,
                   value=value, low=min(values), high=max(values),
                   bound=statistics.median(bounds) if bounds else None,
                   bound_what=getattr(row, "BOUND", ""),
                   met=value <= goal if row.AT_MOST else value >= goal,
                   rounds=[dataclasses.asdict(one) | {"value": one.value} for one in rounds])

    @classmethod
    def failed(cls, name, row, goal, why):
        return cls(name, row.WHAT, row.UNIT, goal, row.AT_MOST, failure=why)

    def goal_text(self):
        return f"{'<=' if self.at_most else '>='} {number(self.goal)}"

    def sentence(self):
        if self.failure:
            return f"{self.name} was not measured: {self.failure}"
        at_best = f", at best {number(self.bound)} here" if self.bound is not None else ""
        return (f"{self.name}: {number(self.value)}, goal {self.goal_text()}: "
                f"{'met' if self.met else 'MISSED'}{at_best} ({self.took_s:.0f} s)")


def table(results):
    head = ("row", "ours", "baseline", "unit", "value", "spread", "goal", "met", "at best",
            "others")
    lines = [head]
    for one in results:
        spread = "-" if one.low is None else f"{number(one.low)} .. {number(one.high)}"
        others = max((of["others"] for of in one.rounds), default=0.0)
        lines.append((one.name, number(one.figure), number(one.baseline), one.unit,
                      number(one.value), spread, one.goal_text(),
                      "failed" if one.failure else "yes" if one.met else "NO", number(one.bound),
                      f"{others:.0%}"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
            for line in lines]
    return "\n".join(text + [f"{one.name}, at best: {one.bound_what}" for one in results
                             if one.bound is not None])


def facts_sentence(facts):
    sync = facts["fdatasync"]
    return (f"{facts['cores']} cores ({facts['processor']}), {facts['memory_gib']} GiB, load "
            f"{facts['load_before']} before, fdatasync p50 {sync['p50_us']} us, "
            f"p99 {sync['p99_us']} us of {sync['count']}")


def write_json(path, facts, results, small):
    document = {"machine": facts, "small": small,
                "rows": [dataclasses.asdict(one) for one in results],
                "met": sum(one.met for one in results), "of": len(results)}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def summary(results):
    values = ", ".join(
        f"{one.name} {'failed' if one.failure else number(one.value)} ({one.goal_text()}"
        f"{'' if one.met else ', MISSED'})" for one in results)
    return f"bench: {sum(one.met for one in results)} of {len(results)} goals met: {values}"
