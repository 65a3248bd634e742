"""The processes of a run, with a network of the test's own between them."""

import asyncio
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from cut_proxy import CutProxy  # noqa: E402
from stack import BIN, Service, free_port  # noqa: E402

GATEWAYS = 3


def has_flag(program, flag):
    text = subprocess.run([str(BIN / program), "--help"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30, check=False)
    return f"--{flag}" in text.stdout + text.stderr


class Bed:
    """Coordinators (one on rocksdb, unless a store for several is named); three gateways, the first
    with a backend, each attached to another coordinator where there are several; a proxy before the
    coordinator for each gateway, and one before each coordinator for the callers.
    `async with Bed(...)`."""

    def __init__(self, coordinator_flags, gateway_flags, coordinators=1, store=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-lin-"))
        self.coordinators = []
        self.coordinator_ports = []
        for number in range(coordinators):
            port = free_port()
            http_port = free_port()
            self.coordinators.append(Service(
                f"coordinator-{number}", "interlock-coordinator",
                [f"--listen=127.0.0.1:{port}", f"--http_listen=127.0.0.1:{http_port}",
                 f"--store={store or f'rocksdb:{self.folder}/store'}", "--auth=none",
                 *coordinator_flags], http_port, self.folder))
            self.coordinator_ports.append(port)
        agent_port = free_port()
        http_port = free_port()
        self.agent = Service(
            "agent", "interlock-demo-agent",
            [f"--listen=127.0.0.1:{agent_port}", f"--http_listen=127.0.0.1:{http_port}",
             f"--coordinator=127.0.0.1:{self.coordinator_ports[0]}"], http_port, self.folder)
        self.links = [CutProxy(free_port(), self.coordinator_ports[number % coordinators])
                      for number in range(GATEWAYS)]
        self.callers_links = [CutProxy(free_port(), port) for port in self.coordinator_ports]
        self.gateways = []
        self.gateway_ports = []
        for number, link in enumerate(self.links):
            port = free_port()
            http_port = free_port()
            backend = [f"--backend=127.0.0.1:{agent_port}"] if number == 0 else []
            self.gateways.append(Service(
                f"gateway-{number}", "interlock-gateway",
                [f"--listen=127.0.0.1:{port}", f"--http_listen=127.0.0.1:{http_port}",
                 f"--coordinator=127.0.0.1:{link.port}", "--auth=none", *backend,
                 *gateway_flags], http_port, self.folder))
            self.gateway_ports.append((port, number == 0))
        self.failures = []

    def services(self):
        return [*self.coordinators, self.agent, *self.gateways]

    def proxies(self):
        return [*self.links, *self.callers_links]

    async def __aenter__(self):
        try:
            for proxy in self.proxies():
                await proxy.start()
            for service in self.services():
                service.start()
            for service in self.services():
                await asyncio.to_thread(service.wait_ready)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_):
        """Ends every process by its id; one that had ended by itself is a failure."""
        for service in reversed(self.services()):
            if service.process is None:
                continue
            if service.process.poll() is not None:
                self.failures.append(f"{service.name} had ended with "
                                     f"{service.process.returncode}:\n{service.log_tail()}")
                continue
            service.process.send_signal(signal.SIGCONT)
            try:
                code = await asyncio.to_thread(service.stop)
                if code != 0:
                    self.failures.append(f"{service.name} stopped with {code}")
            except AssertionError as error:
                self.failures.append(str(error))
        for proxy in self.proxies():
            await proxy.stop()
        self.expiries = self.count_expiries()
        self.gateway_ids = self.read_gateway_ids()
        shutil.rmtree(self.folder, ignore_errors=True)

    def read_gateway_ids(self):
        """{id: number of the gateway} of those that the gateways' logs name."""
        ids = {}
        for number, gateway in enumerate(self.gateways):
            if gateway.log_path.exists():
                text = gateway.log_path.read_text(errors="replace")
                ids.update(dict.fromkeys(re.findall(r'"gateway_id": ?"([0-9a-f]{32})"', text),
                                         number))
        return ids

    def count_expiries(self):
        """Records that lost their owner because its lease ran out, as the coordinators say."""
        total = 0
        for coordinator in self.coordinators:
            if coordinator.log_path.exists():
                text = coordinator.log_path.read_text(errors="replace")
                total += len(re.findall(r'"reason": ?"GATEWAY_EXPIRED"', text))
        return total
