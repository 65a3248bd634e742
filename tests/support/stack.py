"""The real services on loopback, started and ended by a test, each by its process id."""

import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

BIN = pathlib.Path(os.environ["INTERLOCK_BIN_DIR"])
SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
READY_S_MAX = 30
STOP_S_MAX = 15
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


_given = set()


def free_port():
    """A loopback port below the ephemeral range that nobody listens on, and another one each time:
    who was given it may not listen yet."""
    while True:
        port = random.randint(20000, 32000)
        if port in _given:
            continue
        _given.add(port)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def http_get(url, timeout=5):
    """(status, text) whatever the status is."""
    try:
        with _OPENER.open(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def count(name, number):
    """Adds to what tests/run.sh prints at its end."""
    path = os.environ.get("INTERLOCK_COUNTS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{name} {number}\n")


class Service:
    """One process of ours."""

    def __init__(self, name, program, arguments, http_port, folder):
        self.name = name
        self.command = [str(BIN / program), *arguments]
        self.http_port = http_port
        self.log_path = folder / f"{name}.log"
        self.process = None

    def start(self):
        log = open(self.log_path, "ab")
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        return self

    def is_ready(self):
        try:
            return http_get(f"http://127.0.0.1:{self.http_port}/health/ready")[0] == 200
        except OSError:
            return False

    def store_is_away(self):
        """As a coordinator sees it."""
        return self.metric("interlock_store_away").get("") == 1

    def wait_ready(self):
        deadline = time.monotonic() + READY_S_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"{self.name} ended with {self.process.returncode}:\n{self.log_tail()}")
            try:
                if http_get(f"http://127.0.0.1:{self.http_port}/health/ready")[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"{self.name} was not ready in {READY_S_MAX} s:\n{self.log_tail()}")

    def kill(self):
        """SIGKILL: nothing of what it was doing is finished."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit code."""
        if self.process is None or self.process.poll() is not None:
            return None if self.process is None else self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop in {STOP_S_MAX} s") from None

    def log_tail(self, lines=20):
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def metric(self, name):
        """{labels as written: value} of one metric."""
        _, text = http_get(f"http://127.0.0.1:{self.http_port}/metrics")
        values = {}
        for line in text.splitlines():
            if line.startswith(name) and line[len(name):len(name) + 1] in ("{", " "):
                labels, value = line[len(name):].rsplit(" ", 1)
                values[labels.strip()] = float(value)
        return values


class Stack:
    """Coordinators (one, on rocksdb, unless a store that several can use is named, or one for each,
    where each reaches it by a way of its own), gateways, and the sample backend; all without authentication unless `gateway_flags` says otherwise. Each
    gateway asks another coordinator first; `pinned`: and knows of no other one."""

    def __init__(self, gateways=2, agent=True, agent_pause="40ms", gateway_flags=(),
                 coordinator_flags=(), coordinators=1, store=None, pinned=False):
        self.pinned = pinned
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-test-"))
        store = store or f"rocksdb:{self.folder}/store"
        self.stores = [store] * coordinators if isinstance(store, str) else store
        self.coordinators = []
        self.coordinator_ports = []
        for number, url in enumerate(self.stores):
            self.add_coordinator(f"coordinator-{number}", url, coordinator_flags)
        self.coordinator, self.coordinator_port = self.coordinators[0], self.coordinator_ports[0]
        self.agent = self.make_agent(agent_pause) if agent else None
        self.gateways = []
        self.gateway_ports = []
        for number in range(gateways):
            self.add_gateway(f"gateway-{number}", gateway_flags)

    def add_coordinator(self, name, store, flags=()):
        port = free_port()
        http_port = free_port()
        self.coordinators.append(Service(
            name, "interlock-coordinator",
            [f"--listen=127.0.0.1:{port}", f"--http_listen=127.0.0.1:{http_port}",
             f"--store={store}", "--auth=none", *flags], http_port, self.folder))
        self.coordinator_ports.append(port)
        return self.coordinators[-1]

    def make_agent(self, pause):
        self.agent_port = free_port()
        http_port = free_port()
        return Service(
            "agent", "interlock-demo-agent",
            [f"--listen=127.0.0.1:{self.agent_port}", f"--http_listen=127.0.0.1:{http_port}",
             f"--coordinator=127.0.0.1:{self.coordinator_port}", f"--pause={pause}"],
            http_port, self.folder)

    def add_gateway(self, name, flags=()):
        port = free_port()
        http_port = free_port()
        backend = [f"--backend=127.0.0.1:{self.agent_port}"] if self.agent else []
        first = len(self.gateways) % len(self.coordinator_ports)
        ports = self.coordinator_ports[first:] + self.coordinator_ports[:first]
        if self.pinned:
            ports = ports[:1]
        auth = [] if any(flag.startswith("--auth=") for flag in flags) else ["--auth=none"]
        self.gateways.append(Service(
            name, "interlock-gateway",
            [f"--listen=127.0.0.1:{port}", f"--http_listen=127.0.0.1:{http_port}",
             "--coordinator=" + ",".join(f"127.0.0.1:{port}" for port in ports),
             f"--static_dir={SOURCE}/deploy/demo/page", *auth, *backend, *flags],
            http_port, self.folder))
        self.gateway_ports.append(port)
        return self.gateways[-1]

    def services(self):
        return [*self.coordinators, *([self.agent] if self.agent else []), *self.gateways]

    def __enter__(self):
        try:
            # The coordinators first, so that each gateway finds the one that it asks first.
            for group in (self.coordinators, self.services()[len(self.coordinators):]):
                for service in group:
                    service.start()
                for service in group:
                    service.wait_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        failures = []
        for service in reversed(self.services()):
            try:
                service.stop()
            except AssertionError as error:
                failures.append(str(error))
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not failures, failures

    def url(self, gateway=0, **query):
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return f"ws://127.0.0.1:{self.gateway_ports[gateway]}/ws" + (f"?{text}" if text else "")

    def ctl(self, *arguments, check=True, coordinator=0):
        """What interlockctl --json printed, of this coordinator: a list of objects."""
        done = subprocess.run(
            [str(BIN / "interlockctl"),
             f"--coordinator=127.0.0.1:{self.coordinator_ports[coordinator]}", "--json",
             *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"interlockctl {arguments}: {done.returncode}: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def closes(self):
        """{code: number} over all gateways."""
        totals = {}
        for gateway in self.gateways:
            if gateway.process.poll() is not None:
                continue
            for labels, value in gateway.metric("interlock_closes_total").items():
                code = labels.split('code="')[1].split('"')[0]
                totals[code] = totals.get(code, 0) + value
        return totals
