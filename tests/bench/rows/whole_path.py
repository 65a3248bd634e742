"""The whole way of a message and its answer, over Interlock and over what a user would pick.

Ours is on the disk before the client sees it and arrives once, in order, across reconnects; theirs
is in no store, and is lost with a socket. Two gateways or servers, one backend, the same two cores.
"""

import dataclasses
import pathlib
import shutil
import subprocess

import rounds
import stack
from processes import Asked, Processes, run
from rows.sockets import EPOLL
from rows.transitions import Redis

SOURCE = pathlib.Path(__file__).parents[1] / "baselines" / "socketio"
MODULES = stack.BIN.parent / "bench-socketio"
SERVERS = 2


def installed():
    """The folder with the scripts and their packages, fetched once for each list of them."""
    lock = "package-lock.json"
    if not (MODULES / "node_modules").is_dir() or \
            (MODULES / lock).read_bytes() != (SOURCE / lock).read_bytes():
        shutil.rmtree(MODULES, ignore_errors=True)
        MODULES.mkdir(parents=True)
        for name in ("package.json", lock):
            shutil.copy(SOURCE / name, MODULES)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=MODULES,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False, timeout=120)
        if done.returncode != 0:
            shutil.rmtree(MODULES, ignore_errors=True)
            raise rounds.Failure(f"npm ci: {done.stderr.strip()[-300:]}")
    for script in SOURCE.glob("*.js"):
        shutil.copy(script, MODULES)
    return MODULES


class Script(Asked):
    """One of the scripts under Node.js."""

    def __init__(self, name, *words):
        self.words = [name, *map(str, words)]
        self.process = subprocess.Popen(
            ["node", str(installed() / name), *self.words[1:]], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class EpollRate:
    """Messages a second of as many clients, each with one under way, to a loop that only sends them
    back: as much as there is room for when nothing is done with them."""

    WHAT = "a bare epoll loop echoes no more of these clients' messages"
    MESSAGES = 100_000

    def __init__(self, processes, sizes):
        _, port = EPOLL(processes)
        self.clients = Asked("bench_sockets", "echo", port, sizes["clients"])
        processes.asked.append(self.clients)
        self.clients.hear()

    def measure(self):
        self.clients.say(str(self.MESSAGES))
        return self.clients.hear()["per_s"]


class RelayP99:
    """Durable, and else nothing: bytes through two relays, of which one syncs them."""

    WHAT = "two bare relays and a fdatasync, one message at a time"
    MESSAGES = 2_000

    def __init__(self, processes, _sizes):
        self.file = processes.folder / "relay"

    def measure(self):
        return run("bench_relay", self.MESSAGES, 200, self.file)["p99_us"]


class WholePath:
    SIZES = {"clients": 100, "seconds": 5, "rounds": 5, "budget_s": 150}
    SMALL = {"clients": 10, "seconds": 0.5, "rounds": 1, "budget_s": 40}
    # Of what the slower of the two reaches in a closed loop.
    OPEN_LOOP_SHARE = 0.5
    BOUNDS = {"per_s": EpollRate, "p99_us": RelayP99}
    measured = None  # by the row that came first; the other one looks at the same rounds

    def __init__(self, field, what, unit, goal, at_most):
        self.field, self.BOUND = field, self.BOUNDS[field].WHAT
        self.WHAT = f"client - gateway - backend - publish - client: {what} / Socket.IO over Redis"
        self.UNIT, self.GOAL, self.AT_MOST = unit, goal, at_most

    def measure(self, sizes, work):
        if WholePath.measured is None:
            WholePath.measured = self.both(sizes, work)
        return [dataclasses.replace(one, figure=one.details["ours"][self.field],
                                    baseline=one.details["theirs"][self.field],
                                    bound=one.details["bounds"][self.field])
                for one in WholePath.measured]

    def both(self, sizes, work):
        with Processes(work) as processes, Redis(processes.folder, durable=False) as redis:
            ours, theirs = self.ours(processes), self.theirs(processes, redis)
            bounds = {field: bound(processes, sizes) for field, bound in self.BOUNDS.items()}

            def loaded(kind, ports, per_s):
                return run("bench_whole_path", kind, ",".join(map(str, ports)), sizes["clients"],
                           sizes["seconds"], f"{per_s:.0f}")

            slow = min(loaded("interlock", ours, 100)["per_s"],
                       loaded("socketio", theirs, 100)["per_s"])

            def one_round():
                per_s = slow * self.OPEN_LOOP_SHARE
                here, there = loaded("interlock", ours, per_s), loaded("socketio", theirs, per_s)
                return rounds.Round(here["per_s"], there["per_s"], details={
                    "per_s": per_s, "ours": here, "theirs": there,
                    "bounds": {field: bound.measure() for field, bound in bounds.items()}})

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"],
                lambda: processes.pids() + redis.pids(),
                lambda one: "{:.0f}/s, Socket.IO {:.0f}; at {:.0f}/s p99 {} us, Socket.IO {}".format(
                    one.figure, one.baseline, one.details["per_s"],
                    *(one.details[who]["p99_us"] for who in ("ours", "theirs"))))

    @staticmethod
    def ours(processes):
        coordinator = processes.coordinator("coordinator")
        port = stack.free_port()
        backend = Asked("bench_whole_path", "backend", port, coordinator.port)
        processes.asked.append(backend)
        backend.hear()
        return [processes.real_gateway(coordinator, f"--backend=127.0.0.1:{port}").port
                for _ in range(SERVERS)]

    @staticmethod
    def theirs(processes, redis):
        ports = [stack.free_port() for _ in range(SERVERS)]
        for script in [Script("backend.js", redis.port),
                       *(Script("server.js", port, redis.port) for port in ports)]:
            processes.asked.append(script)
            script.hear()
        return ports
