"""The processes of a row: coordinators, and gateways without clients."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import machine
import stack
from rounds import Failure


MEMORY = "/dev/shm"


class Gateway:
    """One bench_gateway."""

    def __init__(self, port, name, folder):
        self.name = name
        self.log_path = folder / f"{name}.log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(machine.BIN / "bench_gateway"), str(port), name], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def hear(self):
        """What it answered: its tally."""
        line = self.process.stdout.readline()
        if not line:
            said = self.log_path.read_text(errors="replace").splitlines()[-1:]
            raise Failure(f"the gateway {self.name} ended: {' '.join(said) or 'without a word'}")
        return json.loads(line)

    def tell(self, command):
        self.say(command)
        return self.hear()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stdin.close()


class Asked:
    """A program that prints one JSON object on each line."""

    def __init__(self, program, *words):
        self.words = [program, *map(str, words)]
        self.process = subprocess.Popen(
            [str(machine.BIN / program), *self.words[1:]], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            said = self.process.stderr.read().strip().splitlines()[-1:]
            raise Failure(f"{' '.join(self.words)}: {' '.join(said) or 'ended without a word'}")
        return json.loads(line)

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def go_on(self):
        self.say("")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


def run(program, *words):
    """The one object that a program prints."""
    asked = Asked(program, *words)
    try:
        return asked.hear()
    finally:
        asked.end()


class Processes:
    """What is started within, is ended with it, each by its process id."""

    def __init__(self, work):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=work))
        # Not on the disk whose syncs are measured: the kernel writes 30 MB of lines there at once,
        # and a sync waits for them. A service's log goes into a pipe where it matters.
        self.logs = pathlib.Path(tempfile.mkdtemp(dir=MEMORY if os.path.isdir(MEMORY) else work))
        self.services = []
        self.gateways = []
        self.asked = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for asked in self.asked:
            asked.end()
        for gateway in self.gateways:
            if gateway.process.poll() is None:
                gateway.kill()
        for service in self.services:
            if service.process.poll() is None:
                service.kill()
        shutil.rmtree(self.logs)

    def pids(self):
        processes = [one.process for one in self.services + self.gateways + self.asked]
        return [process.pid for process in processes if process.poll() is None]

    def coordinator(self, name, *flags):
        """On a store of its own, with the settings that it has by itself but for these."""
        return self.coordinator_over(name, f"rocksdb:{self.folder}/{name}-store", *flags)

    def coordinator_over(self, name, store, *flags):
        port, http_port = stack.free_port(), stack.free_port()
        service = stack.Service(
            name, "interlock-coordinator",
            [f"--listen=127.0.0.1:{port}", f"--http_listen=127.0.0.1:{http_port}",
             f"--store={store}", "--auth=none", *flags], http_port, self.logs)
        service.start()
        self.services.append(service)
        service.wait_ready()
        service.port = port
        return service

    def gateway(self, coordinator, name):
        """Attached, or about to be: its first answer is still to be heard."""
        gateway = Gateway(coordinator.port, name, self.folder)
        self.gateways.append(gateway)
        return gateway

    def real_gateway(self, coordinator, *flags):
        """interlock-gateway, for real sockets."""
        port, http_port = stack.free_port(), stack.free_port()
        service = stack.Service(
            f"gateway-{port}", "interlock-gateway",
            [f"--listen=127.0.0.1:{port}", f"--http_listen=127.0.0.1:{http_port}",
             f"--coordinator=127.0.0.1:{coordinator.port}", "--auth=none", *flags],
            http_port, self.logs)
        service.start()
        self.services.append(service)
        service.wait_ready()
        service.port = port
        return service

    def echo_backend(self):
        """The port of a backend that answers at once; ended with everything else."""
        port = stack.free_port()
        asked = Asked("bench_events", "backend", port)
        self.asked.append(asked)
        asked.hear()
        return port

    def ask(self, *words):
        """bench_events, under way: tell() it to go on, or hear() its answer."""
        asked = Asked("bench_events", *words)
        self.asked.append(asked)
        return asked

    def holding(self, coordinator, prefix, gateways, connections):
        """So many attached gateways that hold so many connections together."""
        made = [self.gateway(coordinator, f"{prefix}{number}") for number in range(gateways)]
        for gateway in made:
            gateway.hear()
        for gateway in made:
            gateway.say(f"claim {connections // gateways} 500")
        for gateway in made:
            check(gateway.hear(), connections // gateways)
        return made


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise Failure("a process has ended whose memory was to be measured")


def check(tally, granted):
    """That exactly so many connections are held."""
    if tally != {"granted": granted, "refused": 0, "lost": 0}:
        raise Failure(f"{granted} connections should be held, and it is {tally}")
