#!/usr/bin/python3
"""What a rollout decides, without any rollout: gates, steps, and what is read of Cloud Run."""

import json
import os
import pathlib
import random
import re
import sys
import unittest

SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
sys.path[:0] = [str(SOURCE / "deploy" / "rollout"), str(SOURCE / "tests" / "support")]

import arguments  # noqa: E402
import documented  # noqa: E402
import gates  # noqa: E402
import metrics  # noqa: E402
import traffic  # noqa: E402
from gates import FAIL, MORE, PASS, Count  # noqa: E402

SAMPLES = 30
GATE = {gate.name: gate for gate in gates.GATES}
SHARES = GATE["failed_handshakes"]


def kind(gate, new, old, samples=SAMPLES):
    return gates.judge(gate, new, old, samples).kind


class Gates(unittest.TestCase):
    def test_as_good_as_the_old_one_passes(self):
        self.assertEqual(kind(SHARES, Count(5, 100), Count(50, 1000)), PASS)

    def test_more_than_twice_as_bad_fails_and_twice_as_bad_does_not(self):
        self.assertEqual(kind(SHARES, Count(10, 100), Count(50, 1000)), PASS)
        self.assertEqual(kind(SHARES, Count(11, 100), Count(50, 1000)), FAIL)

    def test_below_the_floor_nothing_fails_however_good_the_old_one_is(self):
        self.assertEqual(kind(SHARES, Count(20, 1000), Count(0, 1000)), PASS)
        self.assertEqual(kind(SHARES, Count(21, 1000), Count(0, 1000)), FAIL)

    def test_one_1011_of_a_gateway_is_one_too_many(self):
        self.assertEqual(kind(GATE["closed_1011"], Count(0, 1000), Count(0, 1000)), PASS)
        self.assertEqual(kind(GATE["closed_1011"], Count(1, 1000), Count(0, 1000)), FAIL)

    def test_a_1011_that_both_have_sends_nobody_back(self):
        self.assertEqual(kind(GATE["closed_1011"], Count(1, 1000), Count(10, 10000)), PASS)

    def test_too_few_samples_prove_nothing(self):
        self.assertEqual(kind(SHARES, Count(0, 29), Count(0, 1000)), MORE)
        self.assertEqual(kind(SHARES, Count(0, 30), Count(0, 1000)), PASS)
        self.assertEqual(kind(SHARES, None, Count(0, 1000)), MORE)

    def test_what_is_too_many_whatever_follows_fails_at_once(self):
        self.assertEqual(kind(SHARES, Count(3, 3), Count(0, 1000)), FAIL)

    def test_a_handful_of_failures_is_noise(self):
        self.assertEqual(kind(SHARES, Count(2, 31), Count(0, 1000)), PASS)

    def test_with_an_old_one_that_fails_always_nothing_can_be_shown(self):
        self.assertEqual(kind(SHARES, Count(100, 100), Count(100, 100)), MORE)

    def test_without_an_old_one_only_the_floor_counts(self):
        self.assertEqual(kind(SHARES, Count(1, 100), None), PASS)
        self.assertEqual(kind(SHARES, Count(5, 100), None), FAIL)

    def test_worse_never_turns_a_failure_into_a_pass(self):
        chance = random.Random(7)
        for _ in range(20_000):
            total = chance.randint(0, 200)
            new = Count(chance.randint(0, total), total)
            old = chance.choice([None, Count(chance.randint(0, 100), 100)])
            gate = chance.choice(gates.GATES)
            if kind(gate, new, old) == FAIL and new.bad < total:
                self.assertEqual(kind(gate, Count(new.bad + 1, total), old), FAIL, (new, old))

    def test_every_sentence_says_the_numbers(self):
        for gate in gates.GATES:
            sentence = gates.judge(gate, Count(7, 77), Count(8, 88), SAMPLES).sentence
            for number in ("7 of 77", "8 of 88", gate.what):
                self.assertIn(number, sentence)


class Deciding(unittest.TestCase):
    def decided(self, kinds, elapsed, hold=600, hold_max=1800):
        verdicts = [gates.Verdict(name, one, "why") for name, one in kinds.items()]
        return gates.decide(verdicts, elapsed, hold, hold_max)[0]

    def test_a_failed_gate_goes_back_at_once(self):
        self.assertEqual(self.decided({"closed_1011": FAIL, "readiness": PASS}, 1), FAIL)

    def test_passing_gates_are_watched_to_the_end_of_the_hold(self):
        self.assertEqual(self.decided({"closed_1011": PASS}, 599), MORE)
        self.assertEqual(self.decided({"closed_1011": PASS}, 600), PASS)

    def test_an_instance_that_starts_has_until_the_end_of_the_hold(self):
        self.assertEqual(self.decided({"readiness": FAIL}, 599), MORE)
        self.assertEqual(self.decided({"readiness": FAIL}, 600), FAIL)

    def test_too_little_data_holds_longer_and_then_goes_back(self):
        self.assertEqual(self.decided({"closed_1011": PASS, "five_of_five": MORE}, 600), MORE)
        self.assertEqual(self.decided({"closed_1011": PASS, "five_of_five": MORE}, 1799), MORE)
        self.assertEqual(self.decided({"closed_1011": PASS, "five_of_five": MORE}, 1800), FAIL)

    def test_the_old_one_is_remembered_from_when_it_had_clients(self):
        baseline = gates.Baseline(SAMPLES)
        self.assertEqual(baseline.of("g", Count(5, 100)), Count(5, 100))
        self.assertEqual(baseline.of("g", Count(0, 2)), Count(5, 100))
        self.assertEqual(baseline.of("g", None), Count(5, 100))
        self.assertEqual(baseline.of("other", Count(0, 2)), Count(0, 2))


def service(asked, served=None, generation=(1, 1)):
    return json.dumps({"metadata": {"generation": generation[0]}, "spec": {"traffic": asked},
                       "status": {"traffic": served or asked, "observedGeneration": generation[1]}})


class Traffic(unittest.TestCase):
    def test_shares_are_read_and_tags_without_a_share_are_not(self):
        seen = traffic.parse_service(service([
            {"revisionName": "a", "percent": 75}, {"revisionName": "b", "percent": 25},
            {"revisionName": "b", "tag": "t"}]))
        self.assertEqual(seen.shares, {"a": 75, "b": 25})
        self.assertEqual((seen.explicit, seen.settled), (True, True))

    def test_the_latest_revision_is_what_is_served_and_not_explicit(self):
        seen = traffic.parse_service(service(
            [{"latestRevision": True, "percent": 100}],
            [{"revisionName": "a", "latestRevision": True, "percent": 100}]))
        self.assertEqual((seen.shares, seen.explicit), ({"a": 100}, False))

    def test_what_was_asked_for_and_is_not_served_yet_has_not_settled(self):
        asked = [{"revisionName": "a", "percent": 100}]
        served = [{"revisionName": "b", "percent": 100}]
        self.assertFalse(traffic.parse_service(service(asked, served)).settled)
        self.assertFalse(traffic.parse_service(service(asked, generation=(2, 1))).settled)

    def test_nonsense_is_said_to_be_nonsense(self):
        good = service([{"revisionName": "a", "percent": 100}])
        for text in ("", "<html>", "[]", "null", "{}", '{"status": 3}', good[:-3],
                     service([{"revisionName": "a", "percent": 99}]),
                     service([{"percent": 100}]), service([{"revisionName": "a", "percent": "x"}]),
                     service([{"revisionName": 7, "percent": 100}]), service([7]),
                     service({"a": 100}), good.replace("100", "1e2")):
            with self.subTest(text=text), self.assertRaises(traffic.Nonsense):
                traffic.parse_service(text)

    def test_cut_descriptions_never_count_as_anything(self):
        good = service([{"revisionName": "a", "percent": 60}, {"revisionName": "b", "percent": 40}])
        for length in range(len(good)):
            with self.assertRaises(traffic.Nonsense):
                traffic.parse_service(good[:length])

    def test_a_share_of_everything_names_one_revision(self):
        self.assertEqual(traffic.argument(traffic.split("n", "o", 100)), "n=100")
        self.assertEqual(traffic.argument(traffic.split("n", "o", 5)), "n=5,o=95")

    def test_a_description_without_one_container_that_takes_requests_is_refused(self):
        for containers in ([], [{"image": "a"}, {"image": "b"}],
                           [{"image": "a", "ports": [{}]}, {"image": "b", "ports": [{}]}]):
            text = json.dumps({"spec": {"template": {"spec": {"containers": containers}}}})
            with self.subTest(containers=containers), self.assertRaises(traffic.Nonsense):
                traffic.next_description(text, "i", "n", "o")


class Arguments(unittest.TestCase):
    def test_durations_are_read_and_nonsense_is_not(self):
        for text, seconds in (("10m", 600), ("1m30s", 90), ("250ms", 0.25), ("1.5h", 5400)):
            self.assertEqual(arguments.duration(text), seconds)
        for text in ("", "10", "m", "10x", "10m!", "-5s", "5 m"):
            with self.subTest(text=text), self.assertRaises(Exception):
                arguments.duration(text)

    def test_the_revision_has_the_time_in_its_name(self):
        read = arguments.read(["x-gateway", "image", "--project=p"], 1_800_000_000)
        self.assertEqual(read.revision, "x-gateway-r20270115-080000")
        self.assertEqual((read.kind, read.prometheus_auth), ("gateway", "gcloud"))


class Queries(unittest.TestCase):
    def test_every_gate_asks_for_metrics_and_labels_that_there_are(self):
        known = {}
        for whose in ("Coordinator", "Gateway"):
            for name, metric in documented.metrics(whose).items():
                known.setdefault(name, set()).update(metric.labels)
                known.setdefault(name + "_count", set()).update(metric.labels)
        for gate in gates.NAMES:
            for kind_of_service in ("gateway", "coordinator"):
                bad, total = metrics.queries(gate, kind_of_service, 'revision_name="r"', 60)
                for query in (*bad, total):
                    found = metrics_of(query)
                    self.assertTrue(found, query)
                    for name, labels in found:
                        self.assertIn(name, known, query)
                        self.assertLessEqual(labels, known[name] | {"revision_name"}, query)


def metrics_of(query):

    return [(name, set(re.findall(r"(\w+)=", labels)))
            for name, labels in re.findall(r"(interlock_\w+)\{(.*?)\}", query)]


if __name__ == "__main__":
    unittest.main(verbosity=2)
