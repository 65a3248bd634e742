"""What the callers saw, one JSON object a line, and what it means to the model.

`claim`, `operate`, `abandon`, `get`: unary calls, with `asked` and `told` (no `told`: nobody knows).
`socket`: one WebSocket of a real gateway, from the upgrade to its end. `fault`: what was done to
whom, and when. Times are seconds of one steady clock."""

import collections
import json

from record_model import (AUTHENTICATED, DEGRADED, NEVER, PROCESSING_READY, RECONNECTING,
                          SERVICES_READY, ACCEPTED, CONNECTING, Claim, Limits, Operation,
                          RecordModel)

SUPERSEDED = 4500
# Answers that say that nothing was decided.
NOTHING_DONE = ("not sent", "not now", "store away", "gateway expired")
STEPS = {ACCEPTED, AUTHENTICATED, SERVICES_READY, PROCESSING_READY, DEGRADED}


class Timing:
    """The deadlines of the coordinator under test, in ticks of a second; None: not there yet."""

    # A coordinator stamps a renewal with a tick of up to three ticks ago, where others have written
    # newer ones meanwhile, and the one under way does not count.
    LAG = 4

    def __init__(self, lease_ttl=None, heartbeat=1.0, resume_window=None, setup=None,
                 retention=None, coordinators=1):
        self.coordinators = coordinators
        self.lease_ttl = lease_ttl
        self.heartbeat = heartbeat
        self.resume_window = resume_window
        self.setup = setup
        self.retention = retention

    def limits(self):
        """A deadline of n ticks takes n seconds at least: the tick under way does not count."""
        return Limits(*(NEVER if ticks is None else ticks - 0.1
                        for ticks in (self.resume_window, self.setup, self.retention)))

    def lag(self):
        return self.LAG if self.coordinators > 1 else 0

    def alive(self):
        """For so long the lease of a gateway without stream surely stands behind a granted claim:
        it was renewed within a third of its time, and more than all of it must pass."""
        if self.lease_ttl is None:
            return NEVER
        return max(0.0, self.lease_ttl - self.lease_ttl // 3 - 0.1 - self.lag())


def dump(lines, path):
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def load(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Leases:
    """When the lease of a gateway may have run out, and when it surely had."""

    RECOVERY_S = 2.5  # until a healed gateway has attached again and renewed

    def __init__(self, lines, timing):
        self.timing = timing
        self.granted = collections.defaultdict(list)
        self.expired = collections.defaultdict(list)
        self.disturbed = collections.defaultdict(list)
        self.number_of_id = {}
        for line in lines:
            if line["kind"] == "gateways":
                self.number_of_id = line["ids"]
            elif line["kind"] == "fault":
                self.disturbed[line["whom"]].append((line["from"], line["until"]))
            elif line["kind"] == "claim" and line["told"] is not None:
                seen = {"granted": self.granted, "gateway expired": self.expired}.get(
                    line["told"]["answer"])
                if seen is not None:
                    seen[line["gateway"]].append((line["call"], line["answer"]))

    def problems(self):
        """Grants to a gateway that had been refused for good, and refusals that came too early."""
        for gateway, refusals in self.expired.items():
            first = min(answer for _, answer in refusals)
            for call, _ in self.granted[gateway]:
                if call > first:
                    yield f"gateway {gateway} had expired by {first:.3f} and was granted a claim " \
                          f"that it asked at {call:.3f}"
            stood = self.of_caller(gateway, 0.0)[0]
            if first < stood:
                yield f"the lease of gateway {gateway} stood until {stood:.3f} at least, and had " \
                      f"expired by {first:.3f}"

    def of_caller(self, gateway, call):
        """(may have run out from, had run out by)

        A grant shows that the lease stood, or that it was just running out: then, only the next grant
        shows that it stood."""
        if self.timing.lease_ttl is None:
            return NEVER, NEVER
        alive_until = call
        grants = sorted(self.granted[gateway])
        for number, (asked, answered) in enumerate(grants):
            later = any(other > answered for other, _ in grants[number + 1:])
            if number == 0 or later or answered <= alive_until:
                alive_until = asked + self.timing.alive()
            else:
                alive_until = asked
        dead = min((answer for _, answer in self.expired[gateway]), default=NEVER)
        return alive_until, dead

    def of_gateway(self, number, call):
        """From when the lease of the gateway that claimed at `call` may have run out."""
        if self.timing.lease_ttl is None:
            return NEVER
        for begin, end in self.periods(number):
            if end + self.RECOVERY_S < call:
                continue
            runs_out = begin - self.timing.heartbeat - 0.3 + self.timing.lease_ttl - self.timing.lag()
            if runs_out <= end + self.RECOVERY_S:
                return max(call, runs_out)
        return NEVER

    def troubled(self, number, begin, end):
        """Whether anything was done to the way between this gateway and the coordinator."""
        return any(begin <= until + self.RECOVERY_S and since <= end
                   for since, until in self.periods(number))

    def periods(self, number):
        """Times of trouble: those that lie near each other are one."""
        merged = []
        for whom, times in self.disturbed.items():
            if whom.startswith(("coordinator", "store")) or whom in (
                    f"gateway-{number}", f"link-{number}", "machine"):
                merged += times
        merged.sort()
        periods = []
        for begin, end in merged:
            if periods and begin <= periods[-1][1] + self.RECOVERY_S:
                periods[-1][1] = max(periods[-1][1], end)
            else:
                periods.append([begin, end])
        return periods


class KeyHistory:
    """The operations of one key, for the search."""

    def __init__(self, lines, leases, timing):
        self.leases = leases
        self.numbers = {}
        self.claims = []
        self.operations = []
        for line in sorted(lines, key=lambda one: one["call"]):
            if line["kind"] == "socket":
                self.add_socket(line)
            else:
                self.add_unary(line)
        asked = collections.Counter(one.claim for one in self.operations
                                    if one.kind in ("claim", "abandon"))
        repeated = frozenset(claim for claim, times in asked.items() if times > 1)
        stale = frozenset(one.claim for one in self.operations
                          if one.told and one.told["answer"] in ("stale", "refused"))
        times = [at for one in self.operations for at in (one.call, one.answer) if at is not None]
        limits = timing.limits()
        if times and limits.retention > max(times) - min(times):
            limits = limits._replace(retention=NEVER)
        self.model = RecordModel(self.claims, limits, repeated, stale, leases.number_of_id,
                                 timing.coordinators > 1)
        for one in self.operations:
            if one.kind == "claim" and one.told and one.told["answer"] == "granted":
                self.model.granted_by[one.told["generation"]] = one.claim
                self.model.granted[one.claim] = one.told["generation"]

    def number_of(self, line):
        """The number of a claim id, which several calls may carry."""
        answered = NEVER if line["answer"] is None else line["answer"]
        if line["claim"] not in self.numbers:
            self.numbers[line["claim"]] = len(self.claims)
            may, surely = self.leases.of_caller(line["gateway"], line["call"])
            self.claims.append(Claim(line["gateway"], line["call"], answered, may, surely))
        number = self.numbers[line["claim"]]
        claim = self.claims[number]
        if answered > claim.last_answer and line["kind"] == "claim":
            self.claims[number] = claim._replace(last_answer=answered)
        return number

    def add(self, kind, call, answer, claim, asked=None, told=None, source=""):
        asked = dict(asked or {})
        if "attempt" in asked:
            asked["attempt"] = tuple(asked["attempt"])  # states are values, also from a file
        self.operations.append(Operation(kind, call, answer, claim, asked, told, source))

    def add_unary(self, line):
        told = line["told"]
        if told is not None and told["answer"] in NOTHING_DONE:
            return
        if line["kind"] == "get":
            if told is not None:
                self.add("get", line["call"], line["answer"], -1, {}, told, line["who"])
            return
        self.add(line["kind"], line["call"], line["answer"] if told is not None else None,
                 self.number_of(line), line["asked"], told, line["who"])

    # ---- sockets ----

    def add_socket(self, line):
        call = line["call"]
        number = len(self.claims)
        answered = line["hello"] if line["hello"] is not None else line["refused"] or NEVER
        self.claims.append(Claim(None, call, answered,
                                 self.leases.of_gateway(line["gateway"], call),
                                 number=line["gateway"]))
        asked = dict(line["asked"], through=AUTHENTICATED if line["backend"] else PROCESSING_READY)
        if line["refused"] is not None:
            self.add("claim", call, line["refused"], number, asked, {"answer": "refused"},
                     line["who"])
            if self.leases.troubled(line["gateway"], call, line["refused"]):
                # The gateway asks again when its stream breaks: what was refused then had perhaps
                # been granted, and somebody else after it.
                self.add("claim", call, None, number, asked, None, line["who"])
            return
        if line["hello"] is None:
            self.add("claim", call, None, number, asked, None, line["who"])
            moves = [(None, (SERVICES_READY,)), (None, (PROCESSING_READY, DEGRADED))]
        else:
            told = {"answer": "granted", "generation": line["generation"]}
            steps, moves = self.split(line)
            if steps is not None:
                told["steps"] = steps
            self.add("claim", call, line["hello"], number, asked, told, line["who"])
        for at, to in moves if line["backend"] else ():
            self.add("moved", call, at, number, {"to": to}, None, line["who"])
        # Who did not say 1000 has only lost its socket, or its gateway has.
        left_first = line["left"] is not None and (line["code"] or 0) < 4000
        begins = line["left"] if left_first else call
        perhaps = (["close"] if line["said_done"] else []) + (["fail"] if line["backend"] else [])
        self.add("ended", begins, None, number, {"perhaps": perhaps}, None, line["who"])
        if line["code"] == SUPERSEDED and line["generation"] is not None:
            self.add("superseded", call, line["ended"], number,
                     {"generation": line["generation"]}, None, line["who"])

    @staticmethod
    def split(line):
        """(the steps of the grant or None, the steps that the session took: (until, states))"""
        frames = line["frames"]
        states = [state for _, state in frames]
        if not line["backend"]:  # all of it was one grant
            before_ready = line["frames_before_ready"]
            return None if before_ready is None else states[:before_ready], []
        if not frames:
            return None, [(None, (SERVICES_READY,)), (None, (PROCESSING_READY, DEGRADED))]
        length = 1 if states[0] == RECONNECTING else 3
        granted = states[:length] if len(states) >= length else None
        if states[0] == CONNECTING and granted != [CONNECTING, ACCEPTED, AUTHENTICATED]:
            granted = None  # a repeated answer does not tell all of them
        moves = [(at, (state,)) for at, state in frames[length:] if state in STEPS]
        if SERVICES_READY not in states:
            moves.append((None, (SERVICES_READY,)))
        moves.append((None, (PROCESSING_READY, DEGRADED)))
        return granted, moves


def keys_of(lines):
    by_key = collections.defaultdict(list)
    for line in lines:
        if "key" in line:
            by_key[line["key"]].append(line)
    return by_key


def owners_agree(lines):
    """A generation has one owner, and one caller was told that it is its own."""
    owners = {}
    granted = {}
    for line in lines:
        told = line.get("told")
        if line["kind"] == "get" and told and told.get("owner"):
            name = (line["key"], told["generation"])
            if owners.setdefault(name, told["owner"]) != told["owner"]:
                yield f"{name[0]}: two owners of generation {name[1]}"
        elif line["kind"] == "claim" and told and told["answer"] == "granted":
            name = (line["key"], told["generation"])
            if granted.setdefault(name, line["claim"]) != line["claim"]:
                yield f"{name[0]}: generation {name[1]} was granted twice"
        elif line["kind"] == "socket" and line["generation"] is not None:
            name = (line["key"], line["generation"])
            if granted.setdefault(name, line["who"]) != line["who"]:
                yield f"{name[0]}: generation {name[1]} was granted twice"
