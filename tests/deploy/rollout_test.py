#!/usr/bin/python3
"""What a rollout does when all is well, what it refuses, and that each gate sends it back."""

import subprocess
import unittest

from rollout_drill import NEW, OLD, RUN_S_MAX, SERVICE, UNHEALTHY, Drill, drilled

STEPS = (25, 100)


class Rollout(unittest.TestCase):
    def assert_end(self, drill, status, traffic, *texts):
        self.assertEqual(drill.status, status, drill.output)
        self.assertEqual(drill.traffic(), traffic, drill.output)
        for text in texts:
            self.assertIn(text, drill.output)

    def test_traffic_moves_in_the_steps_asked_for_and_the_old_revision_keeps_none(self):
        drill = Drill(steps="5,25,50,100").run()
        self.assert_end(drill, 0, {NEW: 100}, f"--back_to {OLD}")
        self.assertEqual(drill.state["history"], [{NEW: 5, OLD: 95}, {NEW: 25, OLD: 75},
                                                  {NEW: 50, OLD: 50}, {NEW: 100}])

    def test_only_image_and_name_of_the_revision_change(self):
        template = Drill().run().state["template"]
        self.assertEqual(template["metadata"]["name"], NEW)
        images = [one["image"] for one in template["spec"]["containers"]]
        self.assertEqual(images, ["registry.example/gateway@sha256:1", "sidecar"])

    def test_the_new_revision_is_deployed_without_traffic(self):
        drill = Drill(state={"ready": {"status": "False", "message": "it crashed"}}).run()
        self.assert_end(drill, 1, {OLD: 100}, "it crashed")
        self.assertEqual(drill.state["history"], [])

    def test_a_revision_that_is_never_ready_gets_no_traffic(self):
        drill = Drill(state={"ready": {"status": "Unknown"}}).run()
        self.assert_end(drill, 1, {OLD: 100}, "was not ready in 1 s")
        self.assertEqual(drill.state["history"], [])

    def test_traffic_that_followed_the_latest_revision_is_named_first(self):
        drill = Drill(follows_latest=True).run()
        self.assert_end(drill, 0, {NEW: 100})
        self.assertEqual(drill.state["history"][0], {OLD: 100})

    def test_every_gate_at_every_step_goes_back(self):
        drills = [((kind, gate, step),
                   Drill(kind=kind, prometheus={"bad": gate, "bad_from": step}))
                  for kind in ("gateway", "coordinator") for gate in UNHEALTHY for step in STEPS]
        for (kind, gate, step), drill in drilled(drills):
            with self.subTest(kind=kind, gate=gate, step=step):
                self.assert_end(drill, 1, {OLD: 100}, f"GOING BACK to {OLD}: {gate}: ")
                self.assertEqual(drill.state["history"][-2].get(NEW), step)

    def test_a_gate_that_is_skipped_sends_nobody_back(self):
        drill = Drill(prometheus={"bad": "five_of_five"}, arguments=["--skip=five_of_five"]).run()
        self.assert_end(drill, 0, {NEW: 100})

    def test_metrics_that_do_not_come_hold_longer_and_then_go_back(self):
        drills = [((how, step), Drill(prometheus={"broken": how, "bad_from": step},
                                      **({"hold_max": "300ms"} if how == "hang" else {})))
                  for how in ("500", "nonsense", "empty", "hang") for step in STEPS]
        for (how, step), drill in drilled(drills):
            with self.subTest(how=how, step=step):
                self.assert_end(drill, 1, {OLD: 100}, "too little is known")

    def test_a_plan_changes_nothing_and_names_each_step(self):
        drill = Drill(arguments=["--dry_run"], follows_latest=True).run()
        self.assert_end(drill, 0, {"latest": 100}, f"--to-revisions={NEW}=25,{OLD}=75",
                        f"--to-revisions={NEW}=100", f"--to-revisions={OLD}=100")
        self.assertEqual(drill.changes(), [])

    def test_an_open_split_is_refused_and_left_alone(self):
        split = [{"revisionName": OLD, "percent": 70}, {"revisionName": NEW, "percent": 30}]
        drill = Drill(state={"traffic": split}).run()
        self.assert_end(drill, 2, {OLD: 70, NEW: 30}, "--back_to REVISION")
        self.assertEqual(drill.changes(), [])

    def test_nonsense_is_refused_with_a_sentence_before_anything_is_asked(self):
        for arguments, sentence in (
                (["--steps=50,25,100"], "must rise"), (["--steps=5,50"], "to 100"),
                (["--steps=0,100"], "from 1"), (["--steps=x"], "percentages"),
                (["--hold=10"], "'10' is no time"), (["--samples=0"], "1 at least"),
                (["--suffix=UP"], "cannot be called"),
                (["--suffix=" + "x" * 60], "cannot be called"),
                (["--skip=luck"], "invalid choice"), (["--luck"], "unrecognized arguments"),
                (["--description=/nowhere"], "/nowhere")):
            with self.subTest(arguments=arguments):
                drill = Drill(arguments=arguments).run()
                self.assert_end(drill, 2, {OLD: 100}, "refused: ", sentence)
                self.assertEqual(drill.changes(), [])

    def test_somebody_can_go_back_by_hand_from_any_split(self):
        split = [{"revisionName": OLD, "percent": 70}, {"latestRevision": True, "percent": 30}]
        drill = Drill(state={"traffic": split}, arguments=[f"--back_to={OLD}"])
        drill.command.remove("registry.example/gateway@sha256:1")
        self.assert_end(drill.run(), 0, {OLD: 100}, f"has all of the traffic of {SERVICE}")

    def test_metrics_are_asked_for_with_a_token_that_is_shown_nowhere(self):
        drill = Drill(arguments=["--prometheus_auth=gcloud"], prometheus={"token": "ya29.secret"})
        self.assert_end(drill.run(), 0, {NEW: 100})
        self.assertIn(["auth", "print-access-token", "--quiet"], drill.calls)
        self.assertNotIn("ya29", drill.output)
        drill = Drill(prometheus={"token": "ya29.secret"}).run()
        self.assert_end(drill, 1, {OLD: 100}, "Prometheus answered 401")

    def test_a_terminal_that_is_gone_does_not_keep_it_from_going_back(self):
        drill = Drill(prometheus={"bad": "closed_1011", "bad_from": 100})
        with drill.prometheus:
            process = subprocess.Popen(drill.command, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            process.stdout.readline()
            process.stdout.close()
            status = process.wait(RUN_S_MAX)
        drill.end(status, "")
        self.assert_end(drill, 1, {OLD: 100})
        self.assertEqual(drill.state["history"][-2], {NEW: 100})


if __name__ == "__main__":
    unittest.main(verbosity=2)
