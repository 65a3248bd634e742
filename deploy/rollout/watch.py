"""Asks for what the gates need, and has them judge it."""

import gates
from gcloud import CallFailed
from metrics import COUNTED_BY, NoAnswer


class Watch:
    def __init__(self, wanted, prometheus, say):
        self.wanted = wanted
        self.prometheus = prometheus
        self.say = say
        self.baseline = gates.Baseline(wanted.samples)
        self.gates = [gate for gate in gates.GATES if gate.name not in wanted.skip]

    def before(self, old, window_s):
        """What the old revision is like, and the other service with it, while nothing has moved."""
        for gate in self.gates:
            try:
                self.baseline.of(gate.name, self.count(gate.name, old, window_s))
            except NoAnswer as error:
                self.say(f"what it was like before is not known: {error}")
                return

    def verdicts(self, new, old, window_s):
        """One for each gate; after the first question without an answer no more are asked."""
        found = []
        unanswered = ""
        for gate in self.gates:
            if not unanswered:
                try:
                    found.append(self.judged(gate, new, old, window_s))
                    continue
                except NoAnswer as error:
                    unanswered = str(error)
            found.append(gates.Verdict(gate.name, gates.MORE, unanswered))
        return found

    def judged(self, gate, new, old, window_s):
        own = COUNTED_BY.get(gate.name, self.wanted.kind) == self.wanted.kind
        new_count = self.count(gate.name, new, window_s)
        # What the other service counts has one number, now: it is compared with that of before.
        old_count = self.count(gate.name, old, window_s) if own else None
        return gates.judge(gate, new_count, self.baseline.of(gate.name, old_count),
                           self.wanted.samples)

    def count(self, name, revision, window_s):
        try:
            return self.prometheus.count(name, self.wanted.kind, revision, window_s)
        except CallFailed as error:  # of the token
            raise NoAnswer(str(error)) from None
