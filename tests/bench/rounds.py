"""Rounds: each measures ours and what it is compared with; those that a neighbour disturbed are
repeated."""

import dataclasses
import time

import machine

QUIET_SHARE = 0.15  # of all cores, used by others: more disturbs a round


class Failure(Exception):
    """It could not be measured; a sentence says why."""


@dataclasses.dataclass
class Round:
    figure: float
    baseline: float | None = None
    details: dict = dataclasses.field(default_factory=dict)
    bound: float | None = None  # what no figure can be better than here, as the row's BOUND says
    others: float = 0.0  # how much of all cores neighbours used
    took_s: float = 0.0

    @property
    def value(self):
        """What is compared with the goal."""
        return self.figure if self.baseline is None else self.figure / self.baseline


def run(measure, wanted, budget_s, pids, show):
    """So many rounds without a neighbour, as long as they come: at most twice as many are run, and
    none is begun that would end behind the budget. Which ones count is decided by what the
    neighbours used, never by the figure. `measure` gives a Round; `show` words one. A neighbour can
    make one fail, too; then there is one less."""
    done = []
    failures = []
    deadline = time.monotonic() + budget_s
    while (len(done) + len(failures) < 2 * wanted
           and sum(one.others <= QUIET_SHARE for one in done) < wanted):
        began = time.monotonic()
        if len(done) >= wanted and began + done[-1].took_s > deadline:
            break
        neighbours = machine.Neighbours(pids)
        try:
            one = measure()
        except Failure as failure:
            others = neighbours.share()
            print(f"   a round failed: {failure} (others {others:.0%})", flush=True)
            failures.append(failure)
            if others <= QUIET_SHARE or time.monotonic() > deadline:
                break
            continue
        one.others = neighbours.share()
        one.took_s = time.monotonic() - began
        done.append(one)
        disturbed = ", disturbed" if one.others > QUIET_SHARE else ""
        print(f"   round {len(done)}: {show(one)} (others {one.others:.0%}{disturbed})", flush=True)
    if len(done) < wanted and failures:
        raise failures[-1]
    done.sort(key=lambda one: one.others)
    return done[:wanted]
