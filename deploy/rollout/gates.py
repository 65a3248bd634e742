"""Whether a new revision is as good as the old one: numbers in, verdicts with a sentence out.

No I/O and no clock. A Count says how many of how many went wrong. A gate fails when the new one's
share of what went wrong is above what the old one had, doubled, and above the gate's own floor: an
outage that both have does not send anybody back, and noise does not either.
"""

from collections import namedtuple

PASS, FAIL, MORE = "pass", "fail", "more"  # MORE: too little is known, look longer
WORSE_FACTOR = 2

Count = namedtuple("Count", "bad total")
Verdict = namedtuple("Verdict", "gate kind sentence")

# name: for --skip and reports. what: of what, in words. floor: the share that is always allowed.
# bad_min: fewer than that never fail. samples_min: fewer than that prove nothing (None: what
# --samples says). patient: what is wrong may pass within the hold, as when an instance starts.
Gate = namedtuple("Gate", "name what floor bad_min samples_min patient")

GATES = (
    # Gateways send 1011 for a defect of ours only, so one is one too many.
    Gate("closed_1011", "1011 sent by a gateway, for each upgrade", 0.0, 1, None, False),
    Gate("failed_handshakes", "upgrades refused", 0.02, 3, None, False),
    # Clients that reconnect during a rollout leave some behind them.
    Gate("stale_generations", "refusals of stale generations, for each claim", 0.05, 3, None,
         False),
    Gate("five_of_five", "agent runs without all five kinds of events", 0.02, 3, None, False),
    Gate("readiness", "instances that are not ready", 0.0, 1, 1, True),
)
NAMES = tuple(gate.name for gate in GATES)


def share(count):
    return count.bad / count.total if count.total > 0 else 0.0


def in_words(count):
    return "nothing known" if count is None else f"{count.bad:.0f} of {count.total:.0f}"


def judge(gate, new, old, samples_min):
    """The gate's verdict over the new revision's Count and the old one's; None: not known."""
    needed = samples_min if gate.samples_min is None else gate.samples_min
    if new is None:
        return Verdict(gate.name, MORE, f"{gate.what}: nothing is known of the new revision")
    old_share = 0.0 if old is None else share(old)
    allowed = max(gate.floor, WORSE_FACTOR * old_share)
    text = (f"{gate.what}: {in_words(new)}, allowed are {100 * allowed:.1f} % "
            f"(the old one: {in_words(old)})")
    # With `needed` samples it would still be too many, however the others turn out.
    too_many = new.bad > allowed * max(new.total, needed)
    if new.bad >= gate.bad_min and too_many:
        return Verdict(gate.name, FAIL, text)
    if new.total < needed:
        return Verdict(gate.name, MORE, f"{text}; at least {needed} are needed to judge")
    if allowed >= 1:
        # Nothing could be worse, so that nothing is shown.
        return Verdict(gate.name, MORE, f"{text}; the old one is too bad to compare with")
    return Verdict(gate.name, PASS, text)


def decide(verdicts, elapsed_s, hold_s, hold_s_max):
    """What follows at this moment of a step: (PASS, ...) go on, (FAIL, why) go back, or
    (MORE, what for) keep looking."""
    patient = {gate.name for gate in GATES if gate.patient}
    for verdict in verdicts:
        if verdict.kind == FAIL and (verdict.gate not in patient or elapsed_s >= hold_s):
            return FAIL, f"{verdict.gate}: {verdict.sentence}"
    if elapsed_s < hold_s:
        return MORE, "the hold is not over"
    waiting = [verdict for verdict in verdicts if verdict.kind == MORE]
    if not waiting:
        return PASS, "every gate passed"
    reasons = "; ".join(f"{verdict.gate}: {verdict.sentence}" for verdict in waiting)
    if elapsed_s < hold_s_max:
        return MORE, f"too little is known, held longer: {reasons}"
    return FAIL, f"after {elapsed_s:.0f} s too little is known: {reasons}"


class Baseline:
    """What the old revision was last known to be like: at 100 % it serves nobody any more."""

    def __init__(self, samples_min):
        self.samples_min = samples_min
        self.known = {}

    def of(self, name, old):
        """The Count to compare with, given what the old one's is now."""
        if old is not None and old.total >= self.samples_min:
            self.known[name] = old
        best = self.known.get(name)
        return old if best is None else best
