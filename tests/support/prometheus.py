"""Debian's Prometheus, with what deploy/monitoring ships, scraping a stack of this test's own."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.parse

import yaml

from stack import SOURCE, free_port, http_get

MONITORING = SOURCE / "deploy" / "monitoring"
INTERVAL = "1s"  # instead of the shipped 15: of scrapes and of evaluations
PATIENCE_S = 30


class Prometheus:
    """The shipped files in a folder of its own. Three things are changed there and no more: the
    targets, the intervals, and how long the alerts named in `hurried` wait before they fire."""

    def __init__(self, stack, hurried=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-prometheus-"))
        self.port = free_port()
        self.process = None
        self.log_path = self.folder / "log"
        self.copy(stack, hurried)

    def copy(self, stack, hurried):
        config = self.load("prometheus.yml")
        config["global"] = {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL}
        self.save("prometheus.yml", config)
        rules = self.load("alerts.yml")
        left = set(hurried)
        for group in rules["groups"]:
            for rule in group["rules"]:
                if rule.get("alert") in left:
                    left.remove(rule["alert"])
                    rule["for"] = INTERVAL
        assert not left, f"alerts.yml has no alert {left}"
        self.save("alerts.yml", rules)
        for name, services in (("coordinators", stack.coordinators), ("gateways", stack.gateways)):
            self.save(f"{name}.yml", [
                {"targets": [f"127.0.0.1:{service.http_port}" for service in services]}])

    def load(self, name):
        return yaml.safe_load((MONITORING / name).read_text(encoding="utf-8"))

    def save(self, name, content):
        (self.folder / name).write_text(yaml.safe_dump(content), encoding="utf-8")

    def __enter__(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.folder}/prometheus.yml",
                 f"--storage.tsdb.path={self.folder}/data", "--log.level=warn",
                 f"--web.listen-address=127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        try:
            self.wait(self.is_ready, "Prometheus to be ready")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def is_ready(self):
        assert self.process.poll() is None, self.log_tail()
        try:
            return http_get(f"http://127.0.0.1:{self.port}/-/ready")[0] == 200
        except OSError:
            return False

    def wait(self, condition, what, timeout_s=PATIENCE_S):
        """Until it holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s} s in vain for {what}:\n{self.log_tail()}")
            time.sleep(0.1)

    def log_tail(self, lines=20):
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def ask(self, path, **query):
        """`data` of an answer of the HTTP API."""
        status, text = http_get(
            f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}")
        assert status == 200, text
        return json.loads(text)["data"]

    def value(self, expression):
        """{labels as a sorted tuple: value} now."""
        return {tuple(sorted(one["metric"].items())): float(one["value"][1])
                for one in self.ask("query", query=expression)["result"]}

    def targets(self):
        return self.ask("targets", state="active")["activeTargets"]

    def rules(self):
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def firing(self):
        """[labels] of the alerts that fire now."""
        return [alert for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"]

    def ever_fired(self):
        """The names of all alerts that have fired since the beginning."""
        found = self.value('count by (alertname) (max_over_time(ALERTS{alertstate="firing"}[1h]))')
        return {dict(labels)["alertname"] for labels in found}
