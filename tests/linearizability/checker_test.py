"""The checker, shown histories of which it is known whether they are good."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from history import KeyHistory, Leases, Timing, owners_agree  # noqa: E402
from record_model import (ACCEPTED, AUTHENTICATED, CLOSED, CLOSING, CONNECTING,  # noqa: E402
                          FAILED, IDLE, PROCESSING_READY, RECONNECTING, SERVICES_READY)
from search import GaveUp, Search  # noqa: E402

A, B = "a" * 32, "b" * 32  # gateways
SETUP = [CONNECTING, ACCEPTED, AUTHENTICATED, SERVICES_READY, PROCESSING_READY]
UNKNOWN = None


class Story:
    """Lines of one key, one a second unless told otherwise."""

    def __init__(self, **timing):
        self.timing = Timing(**timing)
        self.lines = []
        self.now = 0.0

    def line(self, kind, told, call=None, answer=None, **more):
        call = self.now if call is None else call
        answer = call + 0.5 if answer is None else answer
        self.now = max(self.now + 1, answer + 0.1)
        self.lines.append(dict({"key": "anonymous:s", "who": kind, "kind": kind, "call": call,
                                "answer": answer, "told": told, "asked": {}}, **more))
        return self

    def claim(self, gateway, name, generation, steps, total=None, through=PROCESSING_READY, **more):
        asked = dict({"through": through}, **more.pop("asking", {}))
        told = UNKNOWN if generation is UNKNOWN else {
            "answer": "granted", "generation": generation, "steps": steps, "state": steps[-1]}
        return self.line("claim", told, gateway=gateway, claim=name, asked=asked, **more)

    def refused(self, gateway, name, told, asking=None, **more):
        asked = dict({"through": PROCESSING_READY}, **(asking or {}))
        return self.line("claim", told, gateway=gateway, claim=name, asked=asked, **more)

    def operate(self, gateway, name, generation, operations, told, **more):
        return self.line("operate", told, gateway=gateway, claim=name,
                         asked={"generation": generation, "operations": operations}, **more)

    def idle(self, gateway, name, generation, op=1, told="done", **more):
        if told == "done":
            told = done(op, IDLE, gateway, [IDLE])
        return self.operate(gateway, name, generation,
                            [{"op": op, "what": "advance", "to": IDLE}], told, **more)

    def get(self, state, generation, owner, last_op, total, revision=1, **more):
        return self.line("get", {"answer": "found", "state": state, "generation": generation,
                                 "owner": owner, "last_op": last_op, "total": total,
                                 "revision": revision}, **more)

    def abandon(self, gateway, name, told=True, **more):
        return self.line("abandon", {"answer": "settled"} if told else UNKNOWN, gateway=gateway,
                         claim=name, **more)

    def fault(self, whom, begin, end):
        self.lines.append({"kind": "fault", "what": "pause", "whom": whom, "from": begin,
                           "until": end})
        return self

    def search(self, **bounds):
        leases = Leases(self.lines, self.timing)
        of_key = [line for line in self.lines if "key" in line]
        history = KeyHistory(of_key, leases, self.timing)
        return Search(history.model, history.operations, **bounds)

    def verdict(self):
        leases = Leases(self.lines, self.timing)
        if list(leases.problems()) or list(owners_agree(self.lines)):
            return False
        return self.search().run().good


def done(last_op, state, owner, steps, refused=()):
    return {"answer": "done", "last_op": last_op, "state": state, "owner": owner,
            "steps": list(steps), "refused": [list(one) for one in refused]}


def stale(generation):
    return {"answer": "stale generation", "generation": generation}


def socket(story, who, call, **more):
    story.lines.append(dict({
        "key": "anonymous:s", "kind": "socket", "who": who, "gateway": 0, "backend": False,
        "asked": {}, "call": call, "hello": None, "generation": None, "frames": [],
        "frames_before_ready": None, "refused": None, "left": None, "said_done": False,
        "ended": None, "code": None}, **more))
    return story


class GoodHistories(unittest.TestCase):
    def check(self, story):
        self.assertTrue(story.verdict())

    def test_a_claim_its_steps_and_its_end(self):
        self.check(Story().claim(A, "1", 10, SETUP).get(PROCESSING_READY, 10, A, 0, 5)
                   .idle(A, "1", 10).get(IDLE, 10, A, 1, 6)
                   .operate(A, "1", 10, [{"op": 2, "what": "close"}],
                            done(2, CLOSED, "", [CLOSING, CLOSED]))
                   .get(CLOSED, 10, "", 2, 8))

    def test_a_takeover_fences_the_old_owner(self):
        self.check(Story().claim(A, "1", 10, SETUP)
                   .claim(B, "2", 12, [RECONNECTING, PROCESSING_READY])
                   .idle(A, "1", 10, told=stale(12)).get(PROCESSING_READY, 12, B, 0, 7))

    def test_a_repeated_operation_is_answered_with_what_stands(self):
        self.check(Story().claim(A, "1", 10, SETUP).idle(A, "1", 10)
                   .idle(A, "1", 10, told=done(1, IDLE, A, [])))

    def test_a_refused_operation_takes_its_number(self):
        self.check(Story().claim(A, "1", 10, [CONNECTING], through=CONNECTING)
                   .idle(A, "1", 10, told=done(1, CONNECTING, A, [],
                                               [(1, "illegal transition", CONNECTING)]))
                   .get(CONNECTING, 10, A, 1, 1))

    def test_overlapping_operations_may_take_effect_in_either_order(self):
        for state, last_op, total in ((PROCESSING_READY, 0, 5), (IDLE, 1, 6)):
            self.check(Story().claim(A, "1", 10, SETUP).idle(A, "1", 10, call=2.0, answer=4.0)
                       .get(state, 10, A, last_op, total, call=2.5, answer=3.0))

    def test_an_unknown_claim_may_have_been_granted_or_not(self):
        begin = Story().claim(A, "1", 10, SETUP)
        self.check(begin.claim(B, "2", UNKNOWN, None).get(PROCESSING_READY, 10, A, 0, 5))
        self.check(begin.get(PROCESSING_READY, 13, B, 0, 7))  # it lands later
        self.check(begin.idle(A, "1", 10, told=stale(13)))

    def test_an_unknown_operation_may_have_been_done_or_not(self):
        for state, last_op, total in ((PROCESSING_READY, 0, 5), (IDLE, 1, 6)):
            self.check(Story().claim(A, "1", 10, SETUP).idle(A, "1", 10, told=UNKNOWN)
                       .get(state, 10, A, last_op, total))

    def test_a_repeated_claim_gets_the_same_grant(self):
        self.check(Story().claim(A, "1", UNKNOWN, None).get(PROCESSING_READY, 10, A, 0, 5)
                   .claim(A, "1", 10, SETUP))

    def test_of_claims_that_wait_together_one_is_granted(self):
        self.check(Story()
                   .refused(A, "1", {"answer": "stale", "generation": 11}, call=0.0, answer=2.0)
                   .claim(B, "2", 11, SETUP, call=0.5, answer=2.0))

    def test_an_expired_owner_is_swept_once_its_lease_can_have_run_out(self):
        self.check(Story(lease_ttl=3).claim(A, "1", 10, SETUP)
                   .get(RECONNECTING, 10, "", 0, 6, call=2.6)
                   .refused(A, "3", {"answer": "gateway expired"}, call=5.0))

    def test_the_resume_window_ends_who_does_not_come_back(self):
        self.check(Story(resume_window=4).claim(A, "1", 10, SETUP)
                   .operate(A, "1", 10, [{"op": 1, "what": "detach"}],
                            done(1, RECONNECTING, "", [RECONNECTING]))
                   .get(CLOSED, 10, "", 1, 7, call=9.0))

    def test_a_socket_shows_the_claim_of_its_gateway(self):
        story = Story().claim(A, "1", 10, SETUP)
        socket(story, "socket-1", 2.0, hello=2.2, generation=12, frames_before_ready=2,
               frames=[[2.3, RECONNECTING], [2.3, PROCESSING_READY]], left=3.0, ended=3.1)
        story.now = 4.0
        self.check(story.idle(A, "1", 10, told=stale(12)).get(RECONNECTING, 12, "", 1, 8))

    def test_a_socket_that_was_superseded_saw_a_higher_generation_granted(self):
        story = socket(Story(), "socket-1", 0.0, hello=0.2, generation=10, ended=3.0, code=4500)
        story.now = 2.0
        self.check(story.claim(B, "2", 12, [RECONNECTING, PROCESSING_READY]))


    def refused_socket(self, story):
        """Asked at 2.0 by gateway 0, seen granted as 12, refused at 5.0 since 14 was granted."""
        story.claim(A, "1", 10, SETUP)
        socket(story, "socket-1", 2.0, refused=5.0, asked={})
        story.get(PROCESSING_READY, 12, "c" * 32, 0, 7, call=3.0)
        return story.claim(B, "2", 14, [RECONNECTING], through=CONNECTING, call=4.0)

    def test_a_gateway_cut_off_may_be_refused_what_it_had_been_granted(self):
        self.check(self.refused_socket(Story(lease_ttl=30).fault("link-0", 1.8, 2.5)))
        self.check(self.refused_socket(Story(lease_ttl=30).fault("coordinator-1", 1.8, 2.5)))
        self.assertFalse(self.refused_socket(Story(lease_ttl=30)).verdict())
        self.assertFalse(self.refused_socket(
            Story(lease_ttl=30).fault("link-1", 1.8, 2.5)).verdict())

    def test_of_several_coordinators_one_may_name_a_generation_that_stood_before(self):
        def told(generation, **timing):
            return (Story(**timing).claim(A, "1", 10, SETUP)
                    .claim(B, "2", 12, [RECONNECTING], through=CONNECTING)
                    .claim(B, "3", 14, [RECONNECTING], through=CONNECTING)
                    .idle(A, "1", 10, told=stale(generation)))
        self.check(told(12, coordinators=2))
        self.assertFalse(told(12).verdict())
        self.assertFalse(told(10, coordinators=2).verdict())
        self.assertFalse(told(16, coordinators=2).verdict())

    def test_of_several_coordinators_one_may_end_a_lease_some_ticks_early(self):
        def swept(**timing):
            return (Story(lease_ttl=7, **timing).claim(A, "1", 10, SETUP)
                    .get(RECONNECTING, 10, "", 0, 6, call=3.0))
        self.check(swept(coordinators=2))
        self.assertFalse(swept().verdict())


class BadHistories(unittest.TestCase):
    def check(self, story):
        self.assertFalse(story.verdict())

    def test_a_stale_read(self):
        self.check(Story().claim(A, "1", 10, SETUP).idle(A, "1", 10)
                   .get(PROCESSING_READY, 10, A, 0, 5))

    def test_a_read_that_goes_back(self):
        self.check(Story().claim(A, "1", 10, SETUP).idle(A, "1", 10, told=UNKNOWN)
                   .get(IDLE, 10, A, 1, 6).get(PROCESSING_READY, 10, A, 0, 5))

    def test_a_revision_that_goes_back(self):
        self.check(Story().claim(A, "1", 10, SETUP).get(PROCESSING_READY, 10, A, 0, 5, 7)
                   .get(PROCESSING_READY, 10, A, 0, 5, 6))

    def test_two_owners_of_one_generation(self):
        self.check(Story().claim(A, "1", 10, SETUP)
                   .claim(B, "2", 10, [RECONNECTING, PROCESSING_READY]))
        self.check(Story().claim(A, "1", UNKNOWN, None).claim(B, "2", UNKNOWN, None)
                   .get(PROCESSING_READY, 10, A, 0, 5).get(PROCESSING_READY, 10, B, 0, 5))

    def test_a_lost_acknowledged_operation(self):
        self.check(Story().claim(A, "1", 10, SETUP).idle(A, "1", 10)
                   .idle(A, "1", 10, told=done(1, IDLE, A, [IDLE])))

    def test_a_lost_acknowledged_claim(self):
        self.check(Story().claim(A, "1", 10, SETUP).line("get", {"answer": "not found"}))

    def test_a_generation_that_goes_back(self):
        self.check(Story().claim(A, "1", 10, SETUP)
                   .claim(B, "2", 9, [RECONNECTING, PROCESSING_READY]))

    def test_a_superseded_owner_that_still_acts(self):
        self.check(Story().claim(A, "1", 10, SETUP)
                   .claim(B, "2", 12, [RECONNECTING, PROCESSING_READY]).idle(A, "1", 10))

    def test_a_late_detach_that_is_obeyed(self):
        self.check(Story().claim(A, "1", 10, SETUP)
                   .claim(B, "2", 12, [RECONNECTING, PROCESSING_READY])
                   .operate(A, "1", 10, [{"op": 1, "what": "detach"}], stale(12))
                   .get(RECONNECTING, 12, "", 0, 8))

    def test_a_jump_that_is_not_in_the_table(self):
        self.check(Story().claim(A, "1", 10, [CONNECTING], through=CONNECTING).idle(A, "1", 10))

    def test_a_refusal_of_what_is_in_the_table(self):
        self.check(Story().claim(A, "1", 10, SETUP).idle(A, "1", 10, told=done(
            1, PROCESSING_READY, A, [], [(1, "illegal transition", PROCESSING_READY)])))

    def test_a_healthy_owner_that_is_told_to_stop(self):
        self.check(Story().claim(A, "1", 10, SETUP).idle(A, "1", 10, told=stale(12))
                   .get(PROCESSING_READY, 10, A, 0, 5))

    def test_a_claim_that_is_granted_after_it_was_abandoned(self):
        self.check(Story().claim(A, "1", UNKNOWN, None).abandon(A, "1")
                   .claim(A, "1", 10, SETUP))

    def test_an_older_attempt_that_wins_the_key_back(self):
        asking = {"attempt": [10, 1]}
        self.check(Story().claim(A, "1", 10, SETUP)
                   .claim(B, "2", 12, [RECONNECTING, PROCESSING_READY],
                          asking={"attempt": [10, 2]})
                   .claim(A, "3", 14, [RECONNECTING, PROCESSING_READY], asking=asking))

    def test_a_live_owner_that_is_replaced_under_reject(self):
        self.check(Story().claim(A, "1", 10, SETUP)
                   .claim(B, "2", 12, [RECONNECTING, PROCESSING_READY], asking={"reject": True}))

    def test_a_live_owner_that_is_swept(self):
        self.check(Story(lease_ttl=3).claim(A, "1", 10, SETUP)
                   .claim(A, "2", 12, [RECONNECTING, PROCESSING_READY], call=1.2)
                   .get(RECONNECTING, 12, "", 0, 8, call=2.2, answer=2.4))

    def test_a_resume_window_that_is_too_short(self):
        self.check(Story(resume_window=10).claim(A, "1", 10, SETUP)
                   .operate(A, "1", 10, [{"op": 1, "what": "detach"}],
                            done(1, RECONNECTING, "", [RECONNECTING]))
                   .get(CLOSED, 10, "", 1, 7))

    def test_an_expired_gateway_that_comes_back(self):
        self.check(Story(lease_ttl=1).claim(A, "1", 10, SETUP)
                   .refused(A, "2", {"answer": "gateway expired"}, call=5.0)
                   .claim(A, "3", 14, [RECONNECTING, PROCESSING_READY]))

    def test_a_gateway_that_expires_at_once(self):
        self.check(Story(lease_ttl=3).claim(A, "1", 10, SETUP)
                   .refused(A, "2", {"answer": "gateway expired"}))

    def test_a_socket_that_was_superseded_by_nobody(self):
        story = socket(Story(), "socket-1", 0.0, hello=0.2, generation=10, ended=3.0, code=4500)
        story.now = 4.0
        self.check(story.claim(B, "2", 12, [RECONNECTING, PROCESSING_READY]))

    def test_a_socket_whose_grant_another_was_told_of(self):
        story = socket(Story(), "socket-1", 0.0, hello=0.2, generation=10)
        story.now = 1.0
        self.check(story.claim(B, "2", 10, [RECONNECTING, PROCESSING_READY]))


class GivingUp(unittest.TestCase):
    def test_out_of_steps_is_not_a_verdict(self):
        story = Story()
        for number in range(12):
            story.claim(B, f"u{number}", UNKNOWN, None)
        story.get(FAILED, 99, "", 7, 1000)
        with self.assertRaises(GaveUp):
            story.search(nodes_max=500).run()

    def test_out_of_time_is_not_a_verdict(self):
        story = Story()
        for number in range(12):
            story.claim(B, f"u{number}", UNKNOWN, None)
        story.get(FAILED, 99, "", 7, 1000)
        with self.assertRaises(GaveUp):
            story.search(seconds_max=0.0).run()


if __name__ == "__main__":
    unittest.main(verbosity=1)
