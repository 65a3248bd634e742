"""What a gateway's sockets cost, beside a bare epoll loop and beside Beast as its users write it."""

import time

import machine
import rounds
import stack
from processes import Asked, Processes, resident_kib

PING_BYTES = 21  # of the frame that a client sends: {"type":"ping"}, masked
MANY = ("--sessions_max=16000", "--upgrades_per_second_max=0")


class Servers:
    """What can be compared, each started with `start(processes)`, which gives (pid, port)."""

    @staticmethod
    def gateway(processes):
        if not processes.services:
            processes.coordinator("coordinator")
        gateway = processes.real_gateway(processes.services[0], *MANY)
        return gateway.process.pid, gateway.port

    @staticmethod
    def baseline(program, *words):
        def start(processes):
            port = stack.free_port()
            server = Asked(program, port, *words)
            processes.asked.append(server)
            server.hear()
            return server.process.pid, port
        return start


EPOLL = Servers.baseline("bench_epoll_echo", PING_BYTES)
BEAST = Servers.baseline("bench_beast_echo")
LEAN = Servers.baseline("bench_beast_echo", "lean")


class Echo:
    """A ping of the protocol and its answer, which is all that a gateway answers by itself."""

    UNIT = "us"
    AT_MOST = True
    SIZES = {"clients": 400, "count": 200_000, "rounds": 5, "budget_s": 60}
    SMALL = {"clients": 10, "count": 1_000, "rounds": 1, "budget_s": 20}

    BOUND = "a bare epoll loop"

    def __init__(self, baseline, what, goal, bound=None):
        self.servers = [Servers.gateway, baseline, *([bound] if bound else [])]
        self.WHAT = f"CPU of a gateway for a client's message and its answer / {what}"
        self.GOAL = goal

    def measure(self, sizes, work):
        with Processes(work) as processes:
            asked = [self.client(start(processes), processes, sizes) for start in self.servers]

            def one_round():
                ours, theirs, *bound = (self.cpu_us(one, sizes) for one in asked)
                return rounds.Round(ours, theirs, bound=bound[0] if bound else None)

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"], processes.pids,
                lambda one: f"{one.figure:.2f} us, the baseline {one.baseline:.2f} us")

    @staticmethod
    def client(server, processes, sizes):
        pid, port = server
        asked = Asked("bench_sockets", "echo", port, sizes["clients"])
        processes.asked.append(asked)
        asked.hear()
        return pid, asked

    @staticmethod
    def cpu_us(server, sizes):
        pid, asked = server
        before = machine.cpu_s(pid)
        asked.say(str(sizes["count"]))
        asked.hear()
        return (machine.cpu_s(pid) - before) * 1e6 / sizes["count"]


class Crowd:
    """So many servers, each with so many clients that say nothing."""

    def __init__(self, start, work, servers, clients):
        self.start, self.work, self.servers, self.clients = start, work, servers, clients

    def __enter__(self):
        self.processes = Processes(self.work).__enter__()
        self.pids, self.before_kib, ports = [], 0, []
        for _ in range(self.servers):
            pid, port = self.start(self.processes)
            self.pids.append(pid)
            self.before_kib += resident_kib(pid)
            ports.append(port)
        asked = [Asked("bench_sockets", "idle", port, self.clients) for port in ports]
        self.processes.asked += asked
        for one in asked:
            one.hear()
        return self

    def __exit__(self, *error):
        self.processes.__exit__(*error)

    def bytes_each(self):
        now_kib = sum(resident_kib(pid) for pid in self.pids)
        return (now_kib - self.before_kib) * 1024 / (self.servers * self.clients)


class IdleMemory:
    """Resident memory that the connections added."""

    UNIT = "B"
    AT_MOST = True
    SIZES = {"servers": 5, "clients": 10_000, "rounds": 5, "budget_s": 200}
    SMALL = {"servers": 1, "clients": 200, "rounds": 1, "budget_s": 20}

    def __init__(self, baseline, what, goal):
        self.baseline = baseline
        self.WHAT = f"a gateway's memory for each of 50,000 idle connections that are ready{what}"
        self.GOAL = goal

    def measure(self, sizes, work):
        def held(start):
            with Crowd(start, work, sizes["servers"], sizes["clients"]) as crowd:
                return crowd.bytes_each()

        def one_round():
            ours = held(Servers.gateway)
            return rounds.Round(ours, held(self.baseline) if self.baseline else None)

        return rounds.run(
            one_round, sizes["rounds"], sizes["budget_s"], lambda: [],
            lambda one: f"{one.figure:.0f} bytes a connection"
                        + (f", the baseline {one.baseline:.0f}" if one.baseline else ""))


class IdleCpu:
    """Of connections that answer a ping every 25 s and do nothing else."""

    WHAT = "CPU of a gateway for an idle connection with a ping every 25 s, in a second"
    UNIT = "us/s"
    GOAL = 1.5
    AT_MOST = True
    SIZES = {"clients": 10_000, "seconds": 25, "rounds": 5, "budget_s": 150}
    SMALL = {"clients": 200, "seconds": 1, "rounds": 1, "budget_s": 20}

    def measure(self, sizes, work):
        with Crowd(Servers.gateway, work, 1, sizes["clients"]) as crowd:
            def one_round():
                before = machine.cpu_s(crowd.pids[0])
                time.sleep(sizes["seconds"])
                used = machine.cpu_s(crowd.pids[0]) - before
                return rounds.Round(used * 1e6 / sizes["seconds"] / sizes["clients"])

            return rounds.run(one_round, sizes["rounds"], sizes["budget_s"], crowd.processes.pids,
                              lambda one: f"{one.figure:.2f} us of each second")
