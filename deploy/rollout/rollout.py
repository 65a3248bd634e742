"""A rollout: traffic moved in steps, watched, and given back when anything is not as it should be.

What is decided is decided in gates.py and traffic.py; here is the order of things, and that every
way out but success leads through `back`, which ends only when the old revision is seen to have all
of the traffic, when somebody else has set it meanwhile, or when its patience is over.
"""

import time

import gates
import traffic
from arguments import Refused
from gcloud import CallFailed
from waiting import Interrupted
from watch import Watch

# Exit statuses.
DONE, WENT_BACK, REFUSED, SET_BY_OTHERS, NOT_VERIFIED = 0, 1, 2, 3, 4

WINDOW_S_MIN = 60  # two scrapes of the sidecar's, so that a rate can be known
LOOK_S_MAX = 2.0  # between looks at something that is about to be done
BACKOFF_S_MAX = 30.0
SHORT = {gates.PASS: "ok", gates.FAIL: "BAD", gates.MORE: "too little known"}


class GoBack(Exception):
    """The text says why."""


class Others(Exception):
    """Traffic is not what was set here; the text says what it is."""


class Rollout:
    def __init__(self, wanted, gcloud, prometheus, waiting, say):
        self.wanted = wanted
        self.gcloud = gcloud
        self.watch = Watch(wanted, prometheus, say)
        self.waiting = waiting
        self.say = say
        self.old = ""
        self.base = ""  # the description to begin with; empty: the service as it is
        self.asked = []  # every share that was ever asked for here
        self.pinned = False
        self.unknown = False  # a call was made whose effect may still come
        self.others = False
        waiting.on_ignored = lambda name: say(f"{name}: already going back; that is finished first")

    def run(self):
        """The exit status."""
        try:
            self.find_old()
        except (CallFailed, Interrupted) as error:
            raise Refused(f"{error}; nothing was changed") from None
        if self.wanted.dry_run:
            self.plan()
            return DONE
        try:
            self.prepare()
            for percent in self.wanted.steps:
                self.step(percent)
            return self.finish()
        except Interrupted as error:
            why = f"interrupted by {error}"
        except Others as error:
            self.others = True
            why = str(error)
        except (GoBack, CallFailed) as error:
            why = str(error)
        except Exception as error:  # whatever it is, traffic must not stay where it is
            why = f"a defect of the rollout itself: {type(error).__name__}: {error}"
        return self.back(why)

    # ---- before ----

    def find_old(self):
        seen = self.gcloud.describe(self.wanted.service)
        if len(seen.shares) != 1:
            raise Refused(
                f"{self.wanted.service}'s traffic is split: {traffic.in_words(seen.shares)}. Is "
                "another rollout under way? If not, --back_to REVISION ends it; nothing was "
                "changed")
        self.old, = seen.shares
        self.pinned = seen.explicit
        if self.old == self.wanted.revision:
            raise Refused(f"{self.old} has the traffic already: choose another --suffix")
        self.base = self.read_description() if self.wanted.description else ""

    def read_description(self):
        path = self.wanted.description
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            named = traffic.name_of_description(text)
        except (OSError, ValueError, traffic.Nonsense) as error:
            raise Refused(f"{path}: {error}") from None
        if named != self.wanted.service:
            raise Refused(f"{path} is the description of {named}, not of {self.wanted.service}")
        return text

    def plan(self):
        wanted = self.wanted
        self.say(f"plan for {wanted.service}, a {wanted.kind}: from {self.old} to "
                 f"{wanted.revision}; nothing is changed now")
        if not self.pinned:
            self.show_call({self.old: 100})
        self.say(f"  {self.gcloud.in_words(['run', 'services', 'replace', 'DESCRIPTION'])}"
                 f"   (image {wanted.image}, no traffic)")
        for percent in wanted.steps:
            self.show_call(traffic.split(wanted.revision, self.old, percent))
            self.say(f"    watch for {wanted.hold:.0f} s, at most {wanted.hold_max:.0f} s")
        watched = [name for name in gates.NAMES if name not in wanted.skip]
        self.say(f"  gates: {', '.join(watched)}, of {wanted.prometheus}")
        self.say("  when one fails, when this is interrupted or a call fails, it goes back:")
        self.show_call({self.old: 100})

    def show_call(self, shares):
        words = self.gcloud.traffic_words(self.wanted.service, shares)
        self.say(f"  {self.gcloud.in_words(words)}")

    def prepare(self):
        """Traffic named, the old revision measured, the new one there without traffic."""
        wanted = self.wanted
        self.asked = [{self.old: 100}]
        if not self.pinned:
            self.say(f"traffic followed the latest revision; it is now fixed to {self.old}")
            self.move({self.old: 100})
        self.watch.before(self.old, max(WINDOW_S_MIN, round(wanted.hold)))
        base = self.base or self.gcloud.exported(wanted.service)
        try:
            text = traffic.next_description(base, wanted.image, wanted.revision, self.old)
        except traffic.Nonsense as error:
            raise GoBack(str(error)) from None
        self.say(f"deploying {wanted.revision} without traffic")
        self.check({self.old: 100})
        self.changing(lambda: self.gcloud.replace(text))
        self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + self.wanted.ready_timeout
        while True:
            ready, reason = self.gcloud.revision(self.wanted.revision)
            if ready:
                return
            if ready is False:
                raise GoBack(f"{self.wanted.revision} does not become ready: {reason}")
            if time.monotonic() >= deadline:
                raise GoBack(f"{self.wanted.revision} was not ready in "
                             f"{self.wanted.ready_timeout:.0f} s")
            self.waiting.sleep(min(self.wanted.poll, LOOK_S_MAX))

    # ---- one step ----

    def step(self, percent):
        shares = traffic.split(self.wanted.revision, self.old, percent)
        self.check(self.asked[-1])  # what was set meanwhile would be overwritten
        self.say(f"traffic: {traffic.in_words(shares)}")
        self.move(shares)
        began = time.monotonic()
        while True:
            self.waiting.sleep(self.wanted.poll)
            self.check(shares)
            ready, reason = self.gcloud.revision(self.wanted.revision)
            if ready is False:
                raise GoBack(f"{self.wanted.revision} is not ready any more: {reason}")
            elapsed = time.monotonic() - began
            verdicts = self.watch.verdicts(self.wanted.revision, self.old,
                                           max(WINDOW_S_MIN, round(elapsed)))
            self.waiting.check()
            elapsed = time.monotonic() - began
            kind, why = gates.decide(verdicts, elapsed, self.wanted.hold, self.wanted.hold_max)
            marks = ", ".join(f"{verdict.gate} {SHORT[verdict.kind]}" for verdict in verdicts)
            self.say(f"{percent} %, {elapsed:.0f} of {self.wanted.hold:.0f} s: {marks}")
            if kind == gates.FAIL:
                raise GoBack(why)
            if kind == gates.PASS:
                return
            if elapsed >= self.wanted.hold:
                self.say(why)

    def changing(self, call):
        try:
            call()
        except CallFailed as error:
            self.unknown = self.unknown or not error.outcome_known
            raise
        except Interrupted:
            self.unknown = True
            raise

    def move(self, shares):
        self.asked.append(shares)
        self.changing(lambda: self.gcloud.set_traffic(self.wanted.service, shares))
        deadline = time.monotonic() + self.wanted.ready_timeout
        while not self.check(shares, before=self.asked[:-1]):
            if time.monotonic() >= deadline:
                raise GoBack(f"traffic has not become {traffic.in_words(shares)} in "
                             f"{self.wanted.ready_timeout:.0f} s")
            self.waiting.sleep(min(self.wanted.poll, LOOK_S_MAX))

    def check(self, shares, before=()):
        """Whether these shares are served; Others when neither they nor those before were set."""
        seen = self.gcloud.describe(self.wanted.service)
        if seen.explicit and seen.shares == shares:
            return seen.settled
        if seen.explicit and seen.shares in before:
            return False
        raise Others(f"somebody else has changed the traffic: {traffic.in_words(seen.shares)}"
                     + ("" if seen.explicit else ", following the latest revision"))

    # ---- the two ends ----

    def finish(self):
        new = self.wanted.revision
        self.check({new: 100})
        self.say(f"done: {new} has all of the traffic. Sockets of {self.old} go on for up to an "
                 f"hour. To go back: rollout.sh {self.wanted.service} --back_to {self.old}")
        return DONE

    def back(self, why):
        """Until the old revision is seen to have all of the traffic; the exit status."""
        self.waiting.deaf = True
        self.say(f"GOING BACK to {self.old}: {why}")
        goal = {self.old: 100}
        words = self.gcloud.traffic_words(self.wanted.service, goal)
        deadline = time.monotonic() + self.wanted.patience
        steady_from = time.monotonic() + (self.wanted.settle if self.unknown else 0)
        backoff = self.wanted.pause
        while time.monotonic() < deadline:
            try:
                seen = self.seen_at_last()
                if seen is not None and seen.explicit and seen.shares not in self.asked:
                    self.say("somebody else has set the traffic, and it stays as it is: "
                             f"{traffic.in_words(seen.shares)}")
                    return SET_BY_OTHERS
                if seen is not None and seen.explicit and seen.shares == goal:
                    if seen.settled and time.monotonic() >= steady_from:
                        self.say(f"went back: {self.old} has all of the traffic. The reason: {why}")
                        return WENT_BACK
                    # What was cut off may still have its effect.
                    self.waiting.sleep(min(self.wanted.poll, LOOK_S_MAX))
                    continue
                if seen is not None or not self.others:
                    self.gcloud.set_traffic(self.wanted.service, goal)
                if seen is not None:
                    continue
            except Exception as error:  # whatever it is: giving up is no way back
                self.say(f"{error}; it is tried again. By hand: {self.gcloud.in_words(words)}")
                steady_from = time.monotonic() + self.wanted.settle
            self.waiting.sleep(backoff)
            backoff = min(2 * backoff, BACKOFF_S_MAX)
        self.say(f"TRAFFIC IS NOT KNOWN to be back after {self.wanted.patience:.0f} s. By hand: "
                 f"{self.gcloud.in_words(words)}. The reason for going back: {why}")
        return NOT_VERIFIED

    def seen_at_last(self):
        """None when it cannot be seen: the traffic is set all the same then."""
        try:
            return self.gcloud.describe(self.wanted.service)
        except CallFailed as error:
            self.say(str(error))
            return None
