"""deploy/rollout.sh against a gcloud and a Prometheus of the test's own, a second or so each."""

import concurrent.futures
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.parse

SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
FAKE = pathlib.Path(__file__).resolve().parent / "fake_gcloud.py"
ROLLOUT = SOURCE / "deploy" / "rollout.sh"
SERVICE, OLD, NEW = "interlock-gateway", "interlock-gateway-old", "interlock-gateway-new"
IMAGE = "registry.example/gateway@sha256:1"
LATE_S = 1.2  # after which even what the fake does late is done
RUN_S_MAX = 60
WORKERS = 6  # a drill mostly waits
HURRIED = {"hold": "150ms", "hold_max": "500ms", "poll": "100ms", "call_timeout": "20s",
           "ready_timeout": "1s", "settle": "1500ms", "patience": "20s", "pause": "20ms"}
UNANSWERED = ("hang", "done_then_hang", "late")
UNANSWERED_TIMEOUT = "2s"  # shorter than what a late call takes, longer than a busy machine
SUM = re.compile(r"sum\(increase\((\w+)\{(.*?)\}\[\d+s\]\)\)")
HEALTHY = {"interlock_handshake_seconds_count": 100, "interlock_upgrades_refused_total": 1,
           "interlock_closes_total": 0, "interlock_stale_generation_refusals_total": 1,
           "interlock_claims_total": 100, "interlock_agent_runs_total": 60,
           "interlock_agent_run_events_total": 60, "unready": 0, "instances": 2}
UNHEALTHY = {"closed_1011": ("interlock_closes_total", 1),
             "failed_handshakes": ("interlock_upgrades_refused_total", 30),
             "stale_generations": ("interlock_stale_generation_refusals_total", 30),
             "five_of_five": ("interlock_agent_run_events_total", 40),
             "readiness": ("unready", 1)}


class FakePrometheus:
    """Answers what rollouts ask; `bad` is the gate that the new revision fails from `bad_from`
    percent on; `broken` is how it answers from then on instead: 500, nonsense, empty, hang."""

    def __init__(self, folder, bad="", bad_from=0, broken="", token=""):
        self.folder = folder
        self.token = token
        self.bad, self.bad_from, self.broken = bad, bad_from, broken
        self.released = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)["query"][0]
                outer.answer(self, query)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def is_bad(self):
        traffic = json.loads((self.folder / "state.json").read_text())["traffic"]
        share = sum(one["percent"] for one in traffic if one.get("revisionName") == NEW)
        return share > 0 and share >= self.bad_from

    def value(self, metric, labels, bad):
        unhealthy, number = UNHEALTHY.get(self.bad, ("", 0))
        whose = OLD not in labels  # the new one's, or everybody's
        return number if metric == unhealthy and bad and whose else HEALTHY[metric]

    def answer(self, handler, query):
        bad = self.is_bad()
        if self.token and handler.headers["Authorization"] != f"Bearer {self.token}":
            handler.send_error(401)
            return
        if bad and self.broken == "hang":
            self.released.wait(RUN_S_MAX)
            return
        if bad and self.broken == "500":
            handler.send_error(500)
            return
        text = SUM.sub(lambda match: str(self.value(match[1], match[2], bad)), query)
        if text.startswith(("count", "(count")):
            text = str(self.value("unready" if "==" in text else "instances", text, bad))
        number = eval(text.replace(" or vector(0)", ""), {})  # sums and differences of numbers
        silent = bad and self.broken == "empty"
        found = [] if silent else [{"metric": {}, "value": [0, f"{number}"]}]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": found}})
        if bad and self.broken == "nonsense":
            body = "<html>"
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(body.encode())


class Drill:
    """One rollout. `how`, from the call `first` to `last`: as fake_gcloud.py says."""

    def __init__(self, how="", first=0, last=None, follows_latest=False, prometheus=None, kind="",
                 state=None, arguments=(), **options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-rollout-"))
        traffic = [{"latestRevision": True, "percent": 100}] if follows_latest else \
            [{"revisionName": OLD, "percent": 100}]
        template = {"metadata": {"name": OLD}, "spec": {"containers": [
            {"name": "app", "image": "old", "ports": [{"containerPort": 8080}]},
            {"name": "collector", "image": "sidecar"}]}}
        self.save("state.json", {
            "service": SERVICE, "latest": OLD, "revisions": [OLD, "somebody-elses"],
            "traffic": traffic, "generation": 1, "template": template, "calls": 0, "history": [],
            "ready": {"status": "True"}, **(state or {})})
        self.save("script.json",
                  {"how": how, "first": first, "last": first if last is None else last})
        self.prometheus = FakePrometheus(self.folder, **(prometheus or {}))
        own = {"call_timeout": UNANSWERED_TIMEOUT} if how in UNANSWERED else {}
        self.command = [
            str(ROLLOUT), SERVICE, IMAGE, "--suffix=new", "--project=p", "--region=r",
            f"--gcloud=/usr/bin/python3 -ISB {FAKE} {self.folder}",
            f"--prometheus={self.prometheus.url}", "--steps=25,100",
            *(f"--{name}={value}" for name, value in
              {**HURRIED, **own, **options}.items()),
            *([f"--kind={kind}"] if kind else []), *arguments]
        self.status, self.output = None, ""

    def save(self, name, content):
        (self.folder / name).write_text(json.dumps(content), encoding="utf-8")

    def run(self):
        """Itself, when the rollout and whatever it set going are over."""
        try:
            with self.prometheus:
                done = subprocess.run(self.command, stdin=subprocess.DEVNULL, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      timeout=RUN_S_MAX, check=False)
            self.end(done.returncode, done.stdout)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
        return self

    def end(self, status, output):
        script = json.loads((self.folder / "script.json").read_text())
        if script["how"] == "late":
            time.sleep(LATE_S)
        self.status, self.output = status, output
        self.state = json.loads((self.folder / "state.json").read_text())
        lines = (self.folder / "calls.jsonl").read_text().splitlines() \
            if (self.folder / "calls.jsonl").exists() else []
        self.calls = [json.loads(line) for line in lines]

    def traffic(self):
        """{revision: percent}; a share that follows the latest revision is called so."""
        return {one.get("revisionName", "latest"): one["percent"] for one in self.state["traffic"]}

    def changes(self):
        return [words for words in self.calls
                if words[2] in ("replace", "update-traffic")]


def drilled(drills):
    """[(what, drill that was run)] of [(what, drill)]."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda pair: (pair[0], pair[1].run()), drills))
