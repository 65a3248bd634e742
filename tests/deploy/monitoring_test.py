"""deploy/monitoring without running anything: promtool's opinion of it, the alerts' own tests, and
that all of it speaks of metrics that exist (README.md lists them; e2e_metrics compares that list
with what the services show)."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
MONITORING = SOURCE / "deploy" / "monitoring"
SCENARIOS = SOURCE / "tests" / "deploy" / "alerts_test.yml"
sys.path[:0] = [str(SOURCE / "tests" / "support"), str(MONITORING)]
import cloud_monitoring  # noqa: E402
import documented  # noqa: E402
import grafana  # noqa: E402

SEVERITIES = {"page", "warning"}
TARGET_LABELS = {"job", "instance"}  # what a scrape adds
# Cloud Monitoring's bounds (google.monitoring.v3.AlertPolicy).
DOCUMENTATION_MAX, SUBJECT_MAX = 8192, 255
STEP_S = 30

NAME = re.compile(r"\binterlock_[a-z0-9_]+")
RECORDED = re.compile(r"\binterlock:\w+:\w+")
SELECTOR = re.compile(r"\b(interlock_[a-z0-9_]+)\{([^}]*)\}")
GROUPING = re.compile(r"\b(?:by|on|group_left|without)\s*\(([^)]*)\)")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def promtool(*arguments):
    done = subprocess.run(["promtool", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=100, check=False)
    return done.returncode, done.stdout + done.stderr


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules():
    return [rule for group in load(MONITORING / "alerts.yml")["groups"] for rule in group["rules"]]


def alerts():
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def known_series():
    """{series: its labels}, for either service: what a query may ask for."""
    found = {}
    for service in ("Coordinator", "Gateway"):
        for name, metric in documented.metrics(service).items():
            endings = ["_bucket", "_sum", "_count"] if metric.type == "histogram" else [""]
            for ending in endings:
                labels = metric.labels | ({"le"} if ending == "_bucket" else set())
                found.setdefault(name + ending, set()).update(labels | TARGET_LABELS)
    return found


def wrong_with(expression):
    """What the expression asks for that is not there, as sentences."""
    series = known_series()
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    names = NAME.findall(expression)
    wrong = [f"there is no series {name}" for name in names if name not in series]
    wrong += [f"there is no recorded series {name}" for name in RECORDED.findall(expression)
              if name not in recorded]
    for name, matchers in SELECTOR.findall(expression):
        wrong += [f"{name} has no label {label}" for label in MATCHER.findall(matchers)
                  if label not in series.get(name, ())]
    labels = set().union(*(series.get(name, set()) for name in names), TARGET_LABELS)
    if names:
        for group in GROUPING.findall(expression):
            wrong += [f"nothing in it has a label {label}" for label in
                      filter(None, re.split(r"[\s,]+", group)) if label not in labels]
    return wrong


class Prometheus(unittest.TestCase):
    def test_promtool_accepts_the_configuration_and_its_targets(self):
        code, text = promtool("check", "config", MONITORING / "prometheus.yml")
        self.assertEqual(code, 0, text)
        for job in load(MONITORING / "prometheus.yml")["scrape_configs"]:
            for name in job["file_sd_configs"][0]["files"]:  # promtool lets one be missing
                self.assertTrue(load(MONITORING / name)[0]["targets"])
        code, text = promtool("check", "rules", "--lint-fatal", MONITORING / "alerts.yml")
        self.assertEqual(code, 0, text)

    def test_every_rule_asks_for_what_exists(self):
        for rule in rules():
            with self.subTest(rule=rule.get("alert") or rule["record"]):
                self.assertEqual(wrong_with(rule["expr"]), [])

    def test_what_does_not_exist_is_noticed(self):
        for expression, wrong in (
                ("interlock_closes > 0", "there is no series interlock_closes"),
                ("interlock_handshake_seconds > 0", "there is no series"),
                ("interlock:closes:rate > 0", "there is no recorded series"),
                ('interlock_closes_total{colour="red"}', "has no label colour"),
                ("sum by (colour) (interlock_closes_total)", "nothing in it has a label colour")):
            with self.subTest(expression=expression):
                self.assertIn(wrong, " ".join(wrong_with(expression)))

    def test_every_alert_says_what_happened_and_what_shows_more(self):
        for name, rule in alerts().items():
            with self.subTest(alert=name):
                self.assertIn(rule["labels"]["severity"], SEVERITIES)
                self.assertLessEqual(set(rule["annotations"]), {"summary", "description"})
                self.assertTrue(rule["annotations"]["summary"])
                self.assertGreater(len(rule["annotations"]["description"]), 100)
                self.assertIn("`interlockctl ", rule["annotations"]["description"])

    def test_the_jobs_are_those_that_the_alerts_know(self):
        jobs = {job["job_name"] for job in load(MONITORING / "prometheus.yml")["scrape_configs"]}
        sidecars = {load(file)["metadata"]["name"] for file in MONITORING.glob("sidecar_*.yaml")}
        self.assertEqual(jobs, {"interlock-coordinator", "interlock-gateway"})
        self.assertEqual(sidecars, jobs)
        self.assertIn('job=~"interlock-.+"', alerts()["InterlockTargetDown"]["expr"])

    def test_the_readme_lists_every_alert(self):
        self.assertEqual(documented.alerts(), {name: rule["labels"]["severity"]
                                               for name, rule in alerts().items()})


class Scenarios(unittest.TestCase):
    def expectations(self):
        """(alert, labels of what is to fire, or nothing) of every expectation."""
        for test in load(SCENARIOS)["tests"]:
            for one in test["promql_expr_test"]:
                alert = re.search(r'alertname=~?"([^"]+)"', one["expr"])
                for name in alert[1].split("|") if alert else ():
                    samples = one["exp_samples"] or [{"labels": ""}]
                    for sample in samples:
                        yield name, set(MATCHER.findall(sample["labels"]))

    def test_every_alert_fires_when_it_should(self):
        code, text = promtool("test", "rules", SCENARIOS)
        self.assertEqual(code, 0, text)

    def test_every_alert_has_a_scenario_in_which_it_fires_and_one_in_which_it_does_not(self):
        fires = {name for name, labels in self.expectations() if labels}
        silent = {name for name, labels in self.expectations() if not labels}
        self.assertEqual(fires, set(alerts()))
        self.assertEqual(silent, set(alerts()))

    def test_texts_name_only_labels_that_the_alert_has(self):
        fires = {name: labels for name, labels in self.expectations() if labels}
        for name, rule in alerts().items():
            text = " ".join(rule["annotations"].values())
            with self.subTest(alert=name):
                named = set(re.findall(r"\{\{ \$labels\.(\w+) \}\}", text))
                self.assertLessEqual(named, fires[name])
                self.assertEqual(text.count("{{"), len(re.findall(r"\{\{ \$labels", text)))


class Grafana(unittest.TestCase):
    def expressions(self):
        board = json.loads(grafana.FILE.read_text(encoding="utf-8"))
        found = [(panel["title"], target["expr"]) for panel in board["panels"]
                 for target in panel.get("targets", [])]
        return found + [(one["name"], one["expr"]) for one in board["annotations"]["list"]]

    def test_the_dashboard_is_what_its_script_makes(self):
        self.assertEqual(grafana.FILE.read_text(encoding="utf-8"), grafana.text(),
                         "run deploy/monitoring/grafana.py")

    def test_every_panel_can_be_asked_and_asks_for_what_exists(self):
        expressions = self.expressions()
        self.assertGreater(len(expressions), 50)
        for title, expression in expressions:
            with self.subTest(panel=title):
                self.assertEqual(wrong_with(expression), [])
        rules_of_it = [{"record": f"panel:{number}", "expr":
                        expression.replace("$__rate_interval", "1m")}
                       for number, (_, expression) in enumerate(expressions)]
        with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
            yaml.safe_dump({"groups": [{"name": "panels", "rules": rules_of_it}]}, file)
            file.flush()
            code, text = promtool("check", "rules", file.name)
        self.assertEqual(code, 0, text)

    def test_panels_do_not_lie_on_each_other(self):
        taken = {}
        for panel in grafana.panels():
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], grafana.COLUMNS, panel["title"])
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, panel["title"])
                    taken[x, y] = panel["title"]

    def test_legends_name_only_labels_that_are_left(self):
        for panel in grafana.panels():
            for target in panel.get("targets", []):
                named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                if RECORDED.search(target["expr"]):
                    continue
                kept = set(re.split(r"[\s,]+", " ".join(GROUPING.findall(target["expr"]))))
                self.assertLessEqual(named, kept, panel["title"])


class CloudMonitoring(unittest.TestCase):
    def policies(self):
        return {file.name: load(file) for file in cloud_monitoring.FOLDER.iterdir()}

    def test_the_policies_are_what_their_script_makes(self):
        written = {file.name: file.read_text(encoding="utf-8")
                   for file in cloud_monitoring.FOLDER.iterdir()}
        self.assertEqual(written, cloud_monitoring.policies(),
                         "run deploy/monitoring/cloud_monitoring.py")

    def test_every_alert_is_there_with_an_expression_that_needs_no_recording(self):
        found = {}
        for policy in self.policies().values():
            condition, = policy["conditions"]
            query = condition.get("conditionPrometheusQueryLanguage")
            if query:
                found[query["alertRule"]] = query
        self.assertEqual(set(found), set(alerts()))
        for name, query in found.items():
            with self.subTest(alert=name):
                self.assertEqual(wrong_with(query["query"]), [])
                self.assertNotIn("interlock:", query["query"])
        rules_of_it = [{"alert": name, "expr": query["query"], "for": query["duration"]}
                       for name, query in found.items()]
        with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
            yaml.safe_dump({"groups": [{"name": "policies", "rules": rules_of_it}]}, file)
            file.flush()
            code, text = promtool("check", "rules", file.name)
        self.assertEqual(code, 0, text)

    def test_the_expressions_fire_in_the_same_scenarios(self):
        """As they stand there, with what was recorded written out."""
        rules_of_it = []
        for policy in self.policies().values():
            query = policy["conditions"][0].get("conditionPrometheusQueryLanguage")
            if query:
                severity = alerts()[query["alertRule"]]["labels"]["severity"]
                rules_of_it.append({"alert": query["alertRule"], "expr": query["query"],
                                    "for": query["duration"], "labels": {"severity": severity}})
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "policies.yml").write_text(
                yaml.safe_dump({"groups": [{"name": "policies", "rules": rules_of_it}]}),
                encoding="utf-8")
            scenarios = {**load(SCENARIOS), "rule_files": ["policies.yml"]}
            scenarios["tests"] = [test for test in scenarios["tests"] if "ALERTS" in str(test)]
            (folder / "test.yml").write_text(yaml.safe_dump(scenarios), encoding="utf-8")
            code, text = promtool("test", "rules", folder / "test.yml")
        self.assertEqual(code, 0, text)

    def test_policies_keep_to_the_bounds_of_the_service(self):
        for name, policy in self.policies().items():
            with self.subTest(policy=name):
                self.assertIn(policy["severity"], {"CRITICAL", "WARNING"})
                self.assertLess(len(policy["documentation"]["content"]), DOCUMENTATION_MAX)
                self.assertLess(len(policy["documentation"]["subject"]), SUBJECT_MAX)
                self.assertNotIn("{{", json.dumps(policy))
                condition, = policy["conditions"]
                query = condition.get("conditionPrometheusQueryLanguage")
                if query:
                    self.assertEqual(int(query["evaluationInterval"][:-1]) % STEP_S, 0)
                    self.assertRegex(query["duration"], r"^\d+s$")
                else:
                    self.assertIn("filter", condition["conditionMatchedLog"])
                    self.assertIn("notificationRateLimit", policy["alertStrategy"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
