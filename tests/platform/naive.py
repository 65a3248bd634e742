"""The naive gateway as a service on the same platform, and clients of it."""

import asyncio
import collections
import json
import pathlib
import shutil
import sys
import tempfile
import urllib.request

import websockets

from balancer_http import HttpBalancer
from instance import Instance
from service import RunService
from stack import free_port

PROGRAM = pathlib.Path(__file__).with_name("naive_gateway.py")
PATIENCE_S = 1.0
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Visit = collections.namedtuple("Visit", "code events seconds")


class NaiveCloud:
    def __init__(self, instances=2, latency_s=0.0, backend=0, cold_s=0.0):
        self.number = instances
        self.latency_s = latency_s
        self.backend = backend
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-naive-"))
        self.service = RunService("naive", cold_s=cold_s)
        self.edge = HttpBalancer(self.service, free_port())

    def instance(self, name):
        port = free_port()
        return Instance(name, [sys.executable, PROGRAM, f"--port={port}",
                               f"--service=http://127.0.0.1:{self.edge.port}",
                               f"--latency={self.latency_s}", f"--backend={self.backend}"],
                        port, port, self.folder)

    async def __aenter__(self):
        await self.edge.start()
        await self.service.deploy("first", self.instance, self.number, share=100)
        return self

    async def __aexit__(self, *_):
        try:
            await self.edge.stop()
            await asyncio.gather(*(self.service.end(one, term_s=1)
                                   for one in self.service.instances()))
        finally:
            for one in self.service.all_instances():
                one.destroy()
            shutil.rmtree(self.folder, ignore_errors=True)

    async def visit(self, session, wait_s=0.0, messages=1, patience_s=PATIENCE_S, port=None):
        """Connects, sends messages, and takes what comes within a while: what the client saw.
        `port`: of an instance, where it matters which one it is."""
        loop = asyncio.get_running_loop()
        began, events, seconds, socket = loop.time(), [], None, None
        try:
            socket = await websockets.connect(
                f"ws://127.0.0.1:{port or self.edge.port}/ws?session={session}", close_timeout=0.5)
            await asyncio.sleep(wait_s)
            for number in range(messages):
                await socket.send(json.dumps({"id": f"m{number}"}))
            while len(events) < 5 * max(messages, 1):
                text = await asyncio.wait_for(socket.recv(), patience_s)
                events.append(json.loads(text)["event"])
                seconds = seconds or loop.time() - began
        except (OSError, asyncio.TimeoutError, websockets.WebSocketException):
            pass
        if socket is None:
            return Visit("refused", events, seconds)
        await socket.close()
        return Visit(socket.close_code, events, seconds)

    async def visits(self, number, **how):
        return await asyncio.gather(*(self.visit(f"v{n}", **how) for n in range(number)))

    async def debug(self, path="/debug"):
        """What each instance says of itself."""
        def ask(instance):
            with OPENER.open(f"http://127.0.0.1:{instance.port}{path}", timeout=5) as answer:
                return json.load(answer)
        return [await asyncio.to_thread(ask, one) for one in self.service.instances()]
