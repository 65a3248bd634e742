"""An etcd cluster of the test's own: Debian's program, folders for its data, ports on loopback."""

import base64
import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from process_tree import kill_tree
from stack import BIN, free_port

PATIENCE_S = 30
STALL = BIN / "tests" / "stall_sync"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Member:
    """One process of the cluster."""

    def __init__(self, cluster, number):
        self.cluster = cluster
        self.number = number
        self.port = free_port()
        self.peer_port = free_port()
        self.advertised_peer_port = self.peer_port  # a proxy's, where a test cuts members off
        self.data = cluster.folder / f"data{number}"
        self.stall = cluster.folder / f"stall{number}"  # while it exists its disk stalls
        self.process = None
        self.paused = False

    def peer_url(self):
        return f"http://127.0.0.1:{self.advertised_peer_port}"

    def start(self):
        listens = f"http://127.0.0.1:{self.port}"
        initial = ",".join(f"m{member.number}={member.peer_url()}"
                           for member in self.cluster.members)
        with open(self.cluster.folder / f"log{self.number}", "ab") as log:
            self.process = subprocess.Popen(
                [*([STALL, self.stall] if self.cluster.can_stall else []),
                 "etcd", "--name", f"m{self.number}", "--data-dir", str(self.data),
                 "--listen-client-urls", listens, "--advertise-client-urls", listens,
                 "--listen-peer-urls", f"http://127.0.0.1:{self.peer_port}",
                 "--initial-advertise-peer-urls", self.peer_url(), "--initial-cluster", initial,
                 "--logger", "zap", "--log-level", "error", *self.cluster.flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def pause(self):
        assert not self.cluster.can_stall, "what it runs within would be paused"
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True

    def resume(self):
        self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def kill(self):
        """SIGKILL; start() brings it back with the data that it had."""
        if self.process is not None:
            kill_tree(self.process)
        self.process = None

    def call(self, path, body=None, timeout=2):
        """The answer of etcd's JSON gateway (/v3/...)."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}",
                                         json.dumps(body or {}).encode())
        with _OPENER.open(request, timeout=timeout) as answer:
            return json.loads(answer.read())

    def leads(self):
        """Whether it says of itself that it is the leader, and that there is one."""
        try:
            status = self.call("/v3/maintenance/status")
        except (OSError, ValueError):
            return False
        return status.get("leader", "0") == status["header"]["member_id"]


class Etcd:
    """`members` of them, started within, ended with it; the disk of each can be made to stall
    (stall_sync.cc) with `can_stall`."""

    def __init__(self, members=3, flags=(), can_stall=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-etcd-"))
        self.flags = tuple(flags)
        self.can_stall = can_stall
        self.members = []
        self.members += [Member(self, number) for number in range(members)]
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in self.members)
        self.url = f"etcd://{hosts}/interlock"

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        """Those that do not run; returns when the cluster takes writes."""
        for member in self.members:
            if member.process is None:
                member.start()
        self.wait_until_it_writes()

    def kill(self):
        for member in self.members:
            if member.paused:
                member.resume()
            member.kill()

    def wait_until_it_writes(self):
        key = base64.b64encode(b"test/writes").decode()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for member in self.members:
                try:
                    if member.process is not None and not member.paused:
                        member.call("/v3/kv/put", {"key": key, "value": key})
                        return
                except (OSError, ValueError):
                    pass
            if time.monotonic() > deadline:
                raise AssertionError(f"etcd takes no writes after {PATIENCE_S} s:\n" + self.logs())
            time.sleep(0.05)

    def leader(self):
        """The member that leads; waits for an election to end."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for member in self.members:
                if member.process is not None and not member.paused and member.leads():
                    return member
            time.sleep(0.05)
        raise AssertionError(f"etcd has no leader after {PATIENCE_S} s:\n" + self.logs())

    def logs(self):
        return "\n".join((self.folder / f"log{member.number}").read_text(errors="replace")[-1000:]
                         for member in self.members
                         if (self.folder / f"log{member.number}").exists())
