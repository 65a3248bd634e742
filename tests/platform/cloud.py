"""Both services on the stand-in platform, each behind its edge, over one PostgreSQL; and a sample
backend, which stands elsewhere."""

import asyncio
import json
import pathlib
import shutil
import tempfile

from audit import Audit
from balancer_grpc import GrpcBalancer
from balancer_http import HttpBalancer
from clients import PlatformClient
from instance import Instance
from service import RunService
from stack import BIN, free_port

FIRST = "first"
# Leases of seconds, so that scenarios need not wait for a quarter of a minute.
SHORT_LEASES = ["--lease_ttl=8s", "--heartbeat=1s"]
SHORT_HOLDS = ["--hold_after=3s", "--give_up_after=20s"]


class Cloud:
    """`binaries` are the folder of the first revision's programs; with `token` the backend and the
    operators of a scenario prove themselves."""

    def __init__(self, store, coordinators=2, gateways=2, coordinator_flags=(), gateway_flags=(),
                 agent_pause="20ms", binaries=BIN, agent=True, backend_streams_max=None, token=None):
        self.store = store
        self.coordinator_flags = [*SHORT_LEASES, *coordinator_flags]
        self.gateway_flags = [*SHORT_HOLDS, *gateway_flags]
        self.agent_pause = agent_pause
        self.binaries = binaries
        self.sizes = (coordinators, gateways)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-platform-"))
        self.token_file = None
        if token:
            self.token_file = self.folder / "token"
            self.token_file.write_text(token)
        self.coordinators = RunService("coordinator")
        self.gateways = RunService("gateway")
        self.coordinator_edge = GrpcBalancer(self.coordinators, free_port())
        self.gateway_edge = HttpBalancer(self.gateways, free_port())
        self.agent = self.make_agent() if agent else None
        # Where a backend runs on the platform too: behind an edge of its own.
        self.backends = RunService("backend")
        self.backend_edge = None
        if backend_streams_max:
            self.backend_edge = GrpcBalancer(self.backends, free_port(), backend_streams_max)
        self.clients = []
        self.audit = Audit(self.coordinator_edge.port, token)

    # ---- instances ----

    def coordinator(self, name, binaries=None, flags=()):
        port, http_port = free_port(), free_port()
        command = [(binaries or self.binaries) / "interlock-coordinator",
                   f"--listen=127.0.0.1:{port}", f"--http_listen=127.0.0.1:{http_port}",
                   f"--store={self.store}", "--auth=none", *self.coordinator_flags, *flags]
        return Instance(name, command, port, http_port, self.folder)

    def gateway(self, name, binaries=None, flags=(), **options):
        port, http_port = free_port(), free_port()
        backend = []
        if self.agent:
            backend = [f"--backend=127.0.0.1:{(self.backend_edge or self.agent).port}"]
        command = [(binaries or self.binaries) / "interlock-gateway",
                   f"--listen=127.0.0.1:{port}", f"--http_listen=127.0.0.1:{http_port}",
                   f"--coordinator=127.0.0.1:{self.coordinator_edge.port}", "--auth=none",
                   *backend, *self.gateway_flags, *flags]
        return Instance(name, command, port, http_port, self.folder, **options)

    def make_agent(self):
        port, http_port = free_port(), free_port()
        command = [BIN / "interlock-demo-agent", f"--listen=127.0.0.1:{port}",
                   f"--http_listen=127.0.0.1:{http_port}", f"--pause={self.agent_pause}",
                   f"--coordinator=127.0.0.1:{self.coordinator_edge.port}"]
        if self.token_file:
            command.append(f"--coordinator_token_file={self.token_file}")
        return Instance("agent", command, port, http_port, self.folder)

    # ---- life ----

    async def __aenter__(self):
        try:
            await self.coordinator_edge.start()
            await self.gateway_edge.start()
            await self.coordinators.deploy(FIRST, self.coordinator, self.sizes[0], share=100)
            if self.backend_edge:
                await self.backend_edge.start()
                await self.backends.deploy(FIRST, lambda _: self.agent, share=100)
            elif self.agent:
                await self.agent.come_up()
            await self.gateways.deploy(FIRST, self.gateway, self.sizes[1], share=100)
            await self.audit.start()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, *_):
        try:
            await asyncio.gather(*(client.leave() for client in self.clients))
            await self.audit.stop()
            await self.gateways.stop()
            if self.agent:
                await self.agent.terminate()
            await self.coordinators.stop()
            if self.backend_edge:
                await self.backend_edge.stop()
            await self.gateway_edge.stop()
            await self.coordinator_edge.stop()
        finally:
            for one in [*self.gateways.all_instances(), *self.coordinators.all_instances()]:
                one.destroy()
            if self.agent:
                self.agent.destroy()
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- clients and operators ----

    def url(self, query):
        text = "&".join(f"{name}={value}" for name, value in query.items())
        return f"ws://127.0.0.1:{self.gateway_edge.port}/ws?{text}"

    async def connect(self, number, prefix="client", **options):
        """So many more clients, all ready."""
        fresh = [PlatformClient(self.url, f"{prefix}{n}", **options).start()
                 for n in range(number)]
        self.clients += fresh
        await asyncio.gather(*(client.served() for client in fresh))
        return fresh

    async def ctl(self, *words):
        """(exit code, what interlockctl --json printed)."""
        token = [f"--token_file={self.token_file}"] if self.token_file else []
        process = await asyncio.create_subprocess_exec(
            BIN / "interlockctl", f"--coordinator=127.0.0.1:{self.coordinator_edge.port}", "--json",
            *token, *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE)
        said, _ = await asyncio.wait_for(process.communicate(), 60)
        return process.returncode, [json.loads(line) for line in said.decode().splitlines() if line]

    def served_by(self, session):
        """Instances that its sockets went to, oldest first."""
        return [name for target, name in self.gateway_edge.relayed
                if f"session={session}" in target.partition("?")[2].split("&")]

    def gateway_of(self, client):
        name = self.served_by(client.session)[-1]
        return next(one for one in self.gateways.all_instances() if one.name == name)

    def closes(self):
        """{code: number} over every gateway that there ever was, from their logs."""
        totals = {}
        for gateway in self.gateways.all_instances():
            for line in gateway.log_text().splitlines():
                if '"message":"Session ended."' in line:
                    code = json.loads(line)["code"]
                    totals[code] = totals.get(code, 0) + 1
        return totals
