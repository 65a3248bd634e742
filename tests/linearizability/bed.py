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
    """One coordinator on rocksdb; three gateways, the first with a backend; a proxy before the
    coordinator for each gateway and one for the callers. `async with Bed(...)`."""

    def __init__(self, coordinator_flags, gateway_flags):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-lin-"))
        self.coordinator_port = free_port()
        http_port = free_port()
        self.coordinator = Service(
            "coordinator", "interlock-coordinator",
            [f"--listen=127.0.0.1:{self.coordinator_port}",
             f"--http_listen=127.0.0.1:{http_port}", f"--store=rocksdb:{self.folder}/store",
             "--auth=none", *coordinator_flags], http_port, self.folder)
        agent_port = free_port()
        http_port = free_port()
        self.agent = Service(
            "agent", "interlock-demo-agent",
            [f"--listen=127.0.0.1:{agent_port}", f"--http_listen=127.0.0.1:{http_port}",
             f"--coordinator=127.0.0.1:{self.coordinator_port}"], http_port, self.folder)
        self.links = [CutProxy(free_port(), self.coordinator_port) for _ in range(GATEWAYS)]
        self.callers_link = CutProxy(free_port(), self.coordinator_port)
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
        return [self.coordinator, self.agent, *self.gateways]

    def proxies(self):
        return [*self.links, self.callers_link]

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
        """Records that lost their owner because its lease ran out, as the coordinator says."""
        if not self.coordinator.log_path.exists():
            return 0
        text = self.coordinator.log_path.read_text(errors="replace")
        return text.count('"reason":"GATEWAY_EXPIRED"') + text.count('"reason": "GATEWAY_EXPIRED"')
