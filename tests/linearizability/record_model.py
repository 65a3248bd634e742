"""The sequential model of one record: what Claim, Abandon, Operate and Get answer, one at a time.

Written from the design, not from the program: its transition table and its rules are its own. A
state is a value. A generation that nobody has been told yet is 0, with the bound above which it
lies; the first answer that names it fixes it."""

from typing import NamedTuple, Optional

(CONNECTING, ACCEPTED, AUTHENTICATED, SERVICES_READY, PROCESSING_READY, PROCESSING, IDLE, DEGRADED,
 RECONNECTING, CLOSING, CLOSED, FAILED) = range(1, 13)
NAMES = ["absent", "CONNECTING", "ACCEPTED", "AUTHENTICATED", "SERVICES_READY", "PROCESSING_READY",
         "PROCESSING", "IDLE", "DEGRADED", "RECONNECTING", "CLOSING", "CLOSED", "FAILED"]
SETUP = {CONNECTING, ACCEPTED, AUTHENTICATED, SERVICES_READY}
OPERATIONAL = {PROCESSING_READY, PROCESSING, IDLE, DEGRADED}
FINAL = {CLOSED, FAILED}
ENDS = {FAILED, CLOSED}
TABLE = {
    CONNECTING: {ACCEPTED} | ENDS,
    ACCEPTED: {AUTHENTICATED} | ENDS,
    AUTHENTICATED: {SERVICES_READY, DEGRADED} | ENDS,
    SERVICES_READY: {PROCESSING_READY, DEGRADED} | ENDS,
    PROCESSING_READY: {PROCESSING, IDLE, DEGRADED, RECONNECTING, CLOSING} | ENDS,
    PROCESSING: {PROCESSING_READY, IDLE, DEGRADED, RECONNECTING, CLOSING} | ENDS,
    IDLE: {PROCESSING, PROCESSING_READY, DEGRADED, RECONNECTING, CLOSING} | ENDS,
    DEGRADED: {PROCESSING_READY, PROCESSING, IDLE, RECONNECTING, CLOSING} | ENDS,
    RECONNECTING: {SERVICES_READY, PROCESSING_READY, DEGRADED} | ENDS,
    CLOSING: {CLOSED},
    CLOSED: set(),
    FAILED: set(),
}
OWNERS_STATES = {ACCEPTED, AUTHENTICATED, SERVICES_READY, PROCESSING_READY, IDLE, DEGRADED, CLOSING}
SPENT_SURE = 6     # a record remembers 8 claim ids, perhaps in another order than the model's
NEVER = float("inf")
NOBODY = -1


class State(NamedTuple):
    """One record. Claims are named by their number in the history, and stand for their owner."""
    state: int = 0                # 0: there is no record
    generation: int = 0           # 0: not told to anybody yet
    above: int = 0                # every later generation lies above this
    owner: int = NOBODY
    last_op: int = 0
    claim: int = NOBODY           # of the current grant, also when its owner has gone
    attempt: Optional[tuple] = None
    spent: tuple = ()             # (claim id that matters again, how many were spent since)
    total: int = 0                # transitions of this record
    since: float = 0.0            # state or owner did not change before this
    revision: int = 0             # the last one seen


class Operation(NamedTuple):
    """`answer` is None when nobody knows whether it was done."""
    kind: str
    call: float
    answer: Optional[float]
    claim: int = NOBODY           # whose claim this is, or whose grant it acts under
    asked: dict = {}
    told: Optional[dict] = None
    source: str = ""              # for people


class Claim(NamedTuple):
    """What is known of a claim from the whole history."""
    gateway: Optional[str]        # its gateway's id; None: one of those of a real gateway
    call: float
    last_answer: float
    sweep_from: float = NEVER     # from when its gateway's lease may have run out
    surely_dead: float = NEVER    # since when somebody knows that it has
    number: int = NOBODY          # of the real gateway


class Limits(NamedTuple):
    """The deadlines in seconds that surely pass first: ticks, less the one under way."""
    resume_window: float = NEVER
    setup: float = NEVER
    retention: float = NEVER


def believable(attempt, newest):
    return attempt if attempt is not None and attempt[0] <= newest else None


class RecordModel:
    def __init__(self, claims, limits=Limits(), repeated=frozenset(), told_stale=frozenset(),
                 number_of_id=None, lagging=False):
        self.claims = claims
        self.lagging = lagging        # there are several coordinators
        self.number_of_id = number_of_id or {}  # real gateways', as far as known
        self.limits = limits
        self.repeated = repeated      # claims that are asked, or abandoned, more than once
        self.told_stale = told_stale  # claims that were refused so
        self.granted_by = {}      # generation: the claim that was told it
        self.granted = {}         # and the other way round
        self.steppers = {"claim": self._claim, "abandon": self._abandon, "get": self._get,
                         "operate": self._operate, "ended": self._ended,
                         "superseded": self._superseded, "moved": self._moved}

    @staticmethod
    def initial():
        return State()

    def step(self, state, operation):
        return self.steppers[operation.kind](state, operation)

    # ---- generations ----

    def _fix(self, state, generation, claim=None):
        """The state in which the present generation is this one, or None."""
        if state.generation:
            return state if state.generation == generation else None
        owner = self.granted_by.get(generation)
        if generation <= state.above or (owner is not None and owner != state.claim):
            return None
        if claim is not None and claim != state.claim:
            return None
        return state._replace(generation=generation, above=generation)

    # ---- how records move ----

    @staticmethod
    def _enter(state, to, at):
        return state._replace(state=to, total=state.total + 1, since=at)

    def _spend(self, state, claim):
        if claim == NOBODY or self._is_spent(state, claim):
            return state
        older = [(one, min(since + 1, SPENT_SURE)) for one, since in state.spent]
        if claim in self.repeated:
            older.append((claim, 0))
        return state._replace(spent=tuple(sorted(older)))

    @staticmethod
    def _is_spent(state, claim):
        return any(one == claim for one, _ in state.spent)

    @staticmethod
    def _surely_spent(state, claim):
        """And not one that the record may have forgotten."""
        return any(one == claim and since < SPENT_SURE for one, since in state.spent)

    def _let_go(self, state, at):
        if state.state in OPERATIONAL:
            state = self._enter(state, RECONNECTING, at)
        elif state.state in SETUP:
            state = self._enter(state, FAILED, at)
        elif state.state == CLOSING:
            state = self._enter(state, CLOSED, at)
        return state._replace(owner=NOBODY, since=at)

    # ---- Claim ----

    def _claim(self, state, operation):
        told = operation.told
        if told is None:
            results = self._granted(state, operation)
            if operation.claim in self.told_stale and state.state and (
                    self._decided_beside(state, operation)):
                results.append(self._spend(state, operation.claim))
            return results
        if told["answer"] == "granted":
            return self._again(state, operation) + self._granted(state, operation)
        return self._claim_refused(state, operation)

    def _again(self, state, operation):
        if state.claim != operation.claim or state.owner != operation.claim:
            return []
        told = operation.told
        fixed = self._fix(state, told["generation"], operation.claim)
        good = fixed and ("state" not in told or told["state"] == state.state)
        return [fixed] if good else []

    def _order(self, state, attempt):
        attempt = believable(attempt, state.above if state.generation else state.above + 1)
        if attempt is None:
            return "unordered"
        if attempt[0] == state.generation:
            return "newer"
        made = believable(state.attempt, state.above - 1 if state.generation else state.above)
        if made is None:
            return "unordered"
        return "newer" if attempt > made else "not newer"

    def _may_be_dead(self, owner, until):
        return self.claims[owner].sweep_from <= until

    def _granted(self, state, operation):
        """The states behind a new grant."""
        asked = operation.asked
        at = operation.call
        if state.state:
            if operation.claim == state.claim and state.owner == state.claim:
                return []
            if operation.claim == state.claim or self._surely_spent(state, operation.claim):
                return []
            order = self._order(state, asked.get("attempt"))
            if state.owner != NOBODY:
                if order == "not newer":
                    return []
                lives = not self._may_be_dead(
                    state.owner, NEVER if operation.answer is None else operation.answer)
                if asked.get("reject") and order != "newer" and lives:
                    return []
        after = state
        attempt = asked.get("attempt")
        if state.state:
            attempt = believable(attempt, state.above)
        if state.state in SETUP:
            after = self._enter(after, FAILED, at)
        elif state.state == CLOSING:
            after = self._enter(after, CLOSED, at)
        after = self._spend(after, state.claim)
        above = state.above if state.generation or not state.state else state.above + 1
        after = after._replace(claim=operation.claim, owner=operation.claim, attempt=attempt,
                               last_op=0, generation=0, above=above, since=at)
        after, steps = self._begin(after, asked.get("through", CONNECTING), at)
        told = operation.told
        if told is None:
            return [after]
        fixed = self._fix(after, told["generation"], operation.claim)
        if fixed is None or ("state" in told and told["state"] != after.state):
            return []
        return [fixed] if "steps" not in told or told["steps"] == steps else []

    def _begin(self, after, through, at):
        """The steps of a claim: (state, what its grant says)."""
        if after.state in FINAL or after.state == 0:
            after = self._enter(after, CONNECTING, at)
        elif after.state in OPERATIONAL:
            after = self._enter(after, RECONNECTING, at)
        steps = [after.state]
        if after.state == RECONNECTING:
            way = [through] if through in OPERATIONAL else []
        elif through == DEGRADED:
            way = [ACCEPTED, AUTHENTICATED, DEGRADED]
        else:
            way = range(ACCEPTED, through + 1)
        for to in way:
            after = self._enter(after, to, at)
            steps.append(to)
        return after, steps

    def _claim_refused(self, state, operation):
        told = operation.told
        if state.state == 0:
            return []
        order = self._order(state, operation.asked.get("attempt"))
        owned = state.owner != NOBODY
        spent = (operation.claim == state.claim != state.owner
                 or self._is_spent(state, operation.claim))
        older = owned and order == "not newer"
        rejected = (owned and operation.asked.get("reject") and order == "unordered"
                    and self.claims[state.owner].surely_dead > operation.call)
        beside = self._decided_beside(state, operation)
        fixed = self._fix(state, told["generation"]) if "generation" in told else state
        if fixed is None:
            return []
        results = []
        if told["answer"] != "owned" and (spent or older):
            results.append(fixed)
        # One that waited with the winner was judged beside it, and is told the winner's generation.
        if told["answer"] != "stale" and (
                rejected or (beside and operation.asked.get("reject"))):
            results.append(fixed)
        if told["answer"] != "owned" and beside:
            results.append(self._spend(fixed, operation.claim))
        return results

    def _decided_beside(self, state, operation):
        """Of claims that wait together one is granted: this one waited with the winner."""
        winner = self.claims[state.claim]
        answered = NEVER if operation.answer is None else operation.answer
        return winner.call <= answered and operation.call <= winner.last_answer

    # ---- Abandon ----

    def _abandon(self, state, operation):
        if state.state == 0:
            return [state] if operation.told == {"answer": "not found"} else []
        if operation.told is not None and operation.told["answer"] != "settled":
            return []
        after = self._spend(state, operation.claim)
        if state.claim == operation.claim == state.owner:
            return [self._let_go(after, operation.call)]
        if operation.told is None and operation.claim not in self.told_stale:
            return []  # that it was spent explains nothing
        return [after]

    # ---- Operate ----

    def _operate(self, state, operation):
        told = operation.told
        answer, after = self._decide(state, operation.asked, operation)
        if told is None:
            return [after]
        if told["answer"] != answer["answer"]:
            return []
        if told["answer"] == "stale generation":
            fixed = self._fix(after, told["generation"])
            if fixed:
                return [fixed]
            # Of several coordinators one may say so from its memory, which lags: then it names a
            # generation above the asked one that has stood, not surely the present one.
            lags = self.lagging and operation.asked["generation"] < told["generation"] <= after.above
            return [after] if lags else []
        return [after] if told == answer else []

    def _decide(self, state, asked, operation):
        operations = asked["operations"]
        if state.state == 0:
            return {"answer": "not found"}, state
        if state.claim != operation.claim or state.generation != asked["generation"]:
            return {"answer": "stale generation"}, state
        if operations[0]["op"] > state.last_op + 1:
            return {"answer": "invalid"}, state
        if operations[-1]["op"] > state.last_op and state.owner != operation.claim:
            return {"answer": "stale generation"}, state
        steps = []
        refused = []
        after = state
        for one in operations:
            if one["op"] <= state.last_op:
                continue
            after = after._replace(last_op=one["op"])
            after, new, why = self._apply(after, one, operation.call)
            steps += new
            if why is not None:
                refused.append([one["op"], *why])
        owner = self.claims[after.owner].gateway if after.owner != NOBODY else ""
        return {"answer": "done", "last_op": after.last_op, "state": after.state, "owner": owner,
                "steps": steps, "refused": refused}, after

    def _apply(self, state, one, at):
        """(state, steps, why it was refused or None)"""
        if state.owner == NOBODY:
            return state, [], ["stale generation", state.generation]
        what = one["what"]
        if what == "advance":
            to = one["to"]
            if to == state.state:
                return state, [], None
            if (to not in OWNERS_STATES or to not in TABLE[state.state]
                    or (state.state == RECONNECTING and to == SERVICES_READY)):
                return state, [], ["illegal transition", state.state]
            return self._enter(state, to, at), [to], None
        if what == "detach":
            after = self._let_go(state, at)
            return after, [after.state] if after.state != state.state else [], None
        if what == "close":
            steps = [CLOSING, CLOSED] if state.state in OPERATIONAL else [CLOSED]
            after = state
            for to in steps:
                after = self._enter(after, to, at)
            return after._replace(owner=NOBODY), steps, None
        if FAILED not in TABLE[state.state]:
            return state, [], ["illegal transition", state.state]
        return self._enter(state, FAILED, at)._replace(owner=NOBODY), [FAILED], None

    # ---- Get ----

    def _get(self, state, operation):
        told = operation.told
        if told["answer"] == "not found":
            return [state] if state.state == 0 else []
        if told["state"] != state.state or told["last_op"] != state.last_op:
            return []
        if told["total"] != state.total or told["revision"] < state.revision:
            return []
        if bool(told["owner"]) != (state.owner != NOBODY):
            return []
        if state.owner != NOBODY:
            claim = self.claims[state.owner]
            if claim.gateway is not None and claim.gateway != told["owner"]:
                return []
            if self.number_of_id.get(told["owner"], claim.number) != claim.number:
                return []
        fixed = self._fix(state, told["generation"])
        return [fixed._replace(revision=told["revision"])] if fixed else []

    # ---- what the socket of a real gateway shows, or may have caused ----

    def _ended(self, state, operation):
        """The session's last operation, or its abandoned claim: at most one of these."""
        if state.owner != operation.claim:
            return []
        at = operation.call
        abandoned = self._spend(self._let_go(state, at), operation.claim)
        numbered = state._replace(last_op=state.last_op + 1)
        results = [self._let_go(numbered, at), abandoned]
        for what in operation.asked.get("perhaps", ()):
            results.append(self._apply(numbered, {"what": what}, at)[0])
        return results

    def _superseded(self, state, operation):
        """4500 is never said without a higher generation."""
        lost = operation.asked["generation"]
        higher = state.above > lost or (state.generation == 0 and state.above >= lost)
        return [state] if state.state and higher else []

    def _moved(self, state, operation):
        """A step of the gateway's own session."""
        if state.owner != operation.claim:
            return []
        results = []
        for to in operation.asked["to"]:
            numbered = state._replace(last_op=state.last_op + 1)
            after, steps, why = self._apply(numbered, {"what": "advance", "to": to}, operation.call)
            if why is None and steps:
                results.append(after)
        return results

    # ---- what happens by itself ----

    def by_itself(self, state, until):
        results = []
        if state.state == 0:
            return results
        if state.owner != NOBODY and self.claims[state.owner].sweep_from <= until:
            at = max(state.since, self.claims[state.owner].sweep_from)
            results.append((self._let_go(state, at), "the lease of its gateway ran out"))
        for limit, applies, text in (
                (self.limits.resume_window, self._waits, "the resume window passed"),
                (self.limits.setup, self._stuck, "a setup took too long"),
                (self.limits.retention, self._final, "it was forgotten")):
            if applies(state) and state.since + limit <= until:
                results.append((self._due(state, state.since + limit), text))
        return results

    @staticmethod
    def _waits(state):
        return state.state == RECONNECTING and state.owner == NOBODY

    @staticmethod
    def _stuck(state):
        return state.state in SETUP or state.state == CLOSING or (
            state.state == RECONNECTING and state.owner != NOBODY)

    @staticmethod
    def _final(state):
        return state.state in FINAL

    def _due(self, state, at):
        if self._waits(state):
            return self._enter(state, CLOSED, at)
        if self._stuck(state):
            return self._let_go(state, at)
        above = state.above if state.generation else state.above + 1
        return State(above=above, revision=state.revision)

    # ---- what cannot matter any more ----

    @staticmethod
    def party(state):
        """Everything but a claim acts under the present grant, or does nothing."""
        return state.claim

    def over(self, state, operation):
        """Whether an unanswered operation can have no effect from here on."""
        if operation.kind == "claim":
            return operation.claim == state.claim or self._surely_spent(state, operation.claim)
        if operation.kind == "abandon":
            return self._surely_spent(state, operation.claim)
        # One that has been placed was under a grant that stood then.
        return operation.claim != state.claim or state.owner == NOBODY

    # ---- numbers that never go back ----

    def names(self, operation):
        """(generation, transitions) that the answer names."""
        if operation is None:
            return NEVER, NEVER
        told = operation.told
        if told is None:
            return self.granted.get(operation.claim, NEVER) if (
                operation.kind == "moved") else NEVER, NEVER
        generation = operation.asked["generation"] if told["answer"] == "done" else (
            told.get("generation", NEVER))
        if self.lagging and told["answer"] == "stale generation":
            generation = NEVER
        # A record that may be forgotten begins to count anew.
        counts = operation.kind == "get" and self.limits.retention == NEVER
        return generation, told.get("total", NEVER) if counts else NEVER

    @staticmethod
    def passed(state, names):
        least = state.above if state.generation else state.above + 1
        return names[0] < least or names[1] < state.total

    def unseen(self, before, after, names):
        """A grant that nobody was told of must be named next, or it is never seen."""
        if after.claim == before.claim:
            return 0
        replaced = before.generation == 0 and before.claim != NOBODY
        hidden = after.generation == 0 and (names[0] == NEVER or names[0] in self.granted_by)
        return replaced + hidden
