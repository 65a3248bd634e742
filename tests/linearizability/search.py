"""Whether a history can be explained by one order of its operations.

The search of Wing and Gong with Lowe's memory of (what has been placed, state), as in Porcupine, but
the most promising place first instead of depth first. An operation is placed between its call and
its answer; one without answer may be placed at any time behind its call, or never. The model also
says what may happen by itself (a deadline that passed). Who runs out of time or memory has not
shown anything: that is `GaveUp`, and a failure."""

import collections
import dataclasses
import heapq
import time

INFINITE = float("inf")


@dataclasses.dataclass(frozen=True)
class Prices:
    """A place is the better the more answers it explains, and the less it assumes that nobody saw. So
    a contradiction is looked for near the place where it shows, first with little assumed. Prices
    decide where is looked first, never what is an explanation."""

    answer: float = 0.25  # what an answer that is explained is worth
    optional: float = 0.3
    claim: float = 1
    by_itself: float = 0.7
    unseen: float = 0.5
    # What is unanswered has mostly been done, or not, when the others that were under way were
    # answered.
    age: float = 0.2  # a second
    age_max: float = 2


# One after the other, when a search runs out of its bounds: where much happened that nobody saw, the
# second finds in seconds what the first does not in minutes.
ATTEMPTS = (Prices(), Prices(unseen=0.2, by_itself=0.3), Prices(answer=0.8))


class GaveUp(Exception):
    """The history was neither explained nor refuted within the bounds. `verdict`: the best try."""

    def __init__(self, text, verdict):
        super().__init__(text)
        self.verdict = verdict


class Verdict:
    """What the search found: an order, or how far it came at most."""

    def __init__(self, good, node, blocked, nodes):
        self.good = good
        self.order = node.order()  # operations, and texts for what happened by itself
        self.state = node.state    # behind it
        self.blocked = blocked     # refuted: what had to come next and could not
        self.nodes = nodes


class Node:
    """A place in the search: what has been placed, and the state behind it."""
    __slots__ = ("placed", "state", "parent", "what", "first", "price", "window", "claims_next")

    def __init__(self, placed, state, parent, what, first, price):
        self.placed = placed
        self.state = state
        self.parent = parent
        self.what = what          # was placed last
        self.first = first        # every answered operation before it has been placed
        self.price = price
        self.window = None
        self.claims_next = False  # all but the unanswered claims have been tried from here

    def order(self):
        order = []
        node = self
        while node.parent is not None:
            order.append(node.what)
            node = node.parent
        return order[::-1]


def explained(model, operations):
    """The verdict of the first attempt that comes to one."""
    for attempt in ATTEMPTS:
        try:
            return Search(model, operations, seconds_max=60, prices=attempt).run()
        except GaveUp as gave_up:
            last = gave_up
    raise last


class Search:
    """`model` has initial(), step(state, operation) -> states, by_itself(state, until) ->
    [(state, text)], over(state, operation): an unanswered operation cannot matter any more, and
    party(state): the only one whose unanswered operations (`claim`) matter now, but for those of the
    kinds `claim` and `abandon`, which always may. Answers name numbers that never go back:
    names(operation) -> a tuple of them, passed(state, names): an answer with these can come no more,
    and unseen(before, after, names): how much this step assumes that no answer will show, when these
    are the lowest ones to come."""

    def __init__(self, model, operations, nodes_max=1_000_000, seconds_max=30, prices=Prices()):
        self.model = model
        self.prices = prices
        self.nodes_max = nodes_max
        self.seconds_max = seconds_max
        ordered = sorted(operations, key=lambda one: one.call)
        self.required = [one for one in ordered if one.answer is not None]
        optional = [one for one in ordered if one.answer is None]
        self.bits = {id(one): 1 << number for number, one in enumerate(self.required + optional)}
        self.all_required = (1 << len(self.required)) - 1
        self.of_anybody = [one for one in optional if one.kind in ("claim", "abandon")]
        self.of_party = collections.defaultdict(list)
        for one in optional:
            if one.kind not in ("claim", "abandon"):
                self.of_party[one.claim].append(one)
        self.names = [model.names(one) for one in self.required]
        self.names_behind = [model.names(None)]  # the lowest ones from each place on
        for names in reversed(self.names):
            self.names_behind.append(tuple(map(min, names, self.names_behind[-1])))
        self.names_behind.reverse()
        self.by_bit = [(self.bits[id(one)], one) for one in optional]
        self.nodes = 0

    def run(self):
        deadline = time.process_time() + self.seconds_max
        root = Node(0, self.model.initial(), None, None, 0, 0)
        seen = {(0, root.state)}
        waiting = [(0, 0, root)]
        pushed = 0
        best = root
        while waiting:
            price, _, node = heapq.heappop(waiting)
            if node.placed & self.all_required == self.all_required:
                return Verdict(True, node, (), self.nodes)
            if self.nodes > self.nodes_max or time.process_time() > deadline:
                raise GaveUp(f"after {self.nodes} steps, with {self._answers(best)} of "
                             f"{len(self.required)} answers explained", self._refuted(best))
            for what, bit, after, more in self._choices(node):
                self.nodes += 1
                placed = node.placed | bit
                memory = (self._canonical(placed, after), after)
                if memory in seen:
                    continue
                seen.add(memory)
                child = Node(placed, after, node, what, node.first, node.price + more)
                pushed += 1
                heapq.heappush(waiting, (child.price, -pushed, child))
                if self._answers(child) > self._answers(best):
                    best = child
            if not node.claims_next:
                node.claims_next = True
                pushed += 1
                heapq.heappush(waiting, (price + self.prices.claim, -pushed, node))
        return self._refuted(best)

    def _answers(self, node):
        return (node.placed & self.all_required).bit_count()

    def _refuted(self, best):
        return Verdict(False, best, self._window(best.placed, 0)[2], self.nodes)

    def _canonical(self, placed, state):
        """Unanswered operations that cannot matter any more are all alike."""
        if placed > self.all_required:
            for bit, one in self.by_bit:
                if placed & bit and self.model.over(state, one):
                    placed &= ~bit
        return placed

    def _window(self, placed, first):
        """The first answered operation not placed, until when the next one must come, which ones
        may, latest answer first, and the lowest names of all that will."""
        required = self.required
        while first < len(required) and placed >> first & 1:
            first += 1
        until = INFINITE
        candidates = []
        names = self.names_behind[-1]
        end = len(required)
        for number in range(first, len(required)):
            one = required[number]
            if one.call > until:
                end = number
                break
            if not placed >> number & 1:
                candidates.append(one)
                names = tuple(map(min, names, self.names[number]))
                until = min(until, one.answer)
        candidates = [one for one in candidates if one.call <= until]
        candidates.sort(key=lambda one: -one.answer)
        return first, until, candidates, tuple(map(min, names, self.names_behind[end]))

    def _choices(self, node):
        """(what, its bit or 0, the state behind it, its price); of equal prices the last is tried
        first."""
        model, placed, state, prices = self.model, node.placed, node.state, self.prices
        if node.window is None:
            node.window = self._window(placed, node.first)
        node.first, until, candidates, names = node.window
        if model.passed(state, names):
            return
        unanswered = self.of_anybody if node.claims_next else self.of_party[model.party(state)]
        now = min((one.call for one in candidates), default=INFINITE)
        for one in unanswered:
            bit = self.bits[id(one)]
            if one.call > until or placed & bit:
                continue
            price = prices.claim if node.claims_next else prices.optional
            price += min(prices.age * max(0, now - one.call), prices.age_max)
            for after in model.step(state, one):
                if after != state:
                    unseen = model.unseen(state, after, names)
                    yield one, bit, after, price + prices.unseen * unseen
        if node.claims_next:
            return
        for after, text in model.by_itself(state, until):
            yield text, 0, after, prices.by_itself
        for one in candidates:
            for after in model.step(state, one):
                unseen = model.unseen(state, after, names)
                yield one, self.bits[id(one)], after, prices.unseen * unseen - prices.answer
