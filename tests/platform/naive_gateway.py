#!/usr/bin/python3
"""The gateway of the incident, with its faults left in: this is what must NOT be done.

    naive_gateway.py --port=N --service=URL [--latency=SECONDS] [--backend=PORT]

Its state machines live in this process's memory and are made wherever somebody first needs one; a
sleep stands for an answer; messages are handled by a task that was started before accept() had
returned; a connection that is not known counts as ready; events go to whichever socket is in
memory, and are dropped unless the state is PROCESSING_READY. The scenarios of incident_test.py show
what each of these does to clients on this platform, and that Interlock does not do it."""

import argparse
import asyncio
import collections
import http
import json
import logging
import random
import urllib.parse

import websockets

FIVE = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
STABILIZE_S = 0.1        # "for Cloud Run to stabilize"
FIRST_HEARTBEAT_S = 0.15
AGENT_PAUSE_S = 0.02
NEXT = {"CONNECTING": {"ACCEPTED"}, "ACCEPTED": {"AUTHENTICATED"},
        "AUTHENTICATED": {"SERVICES_READY"}, "SERVICES_READY": {"PROCESSING_READY"}}


class Machine:
    def __init__(self):
        self.state = "CONNECTING"
        self.asked = []  # steps, allowed or not

    def go(self, to):
        self.asked.append([self.state, to])
        if to in NEXT.get(self.state, ()):
            self.state = to


class Registry:
    """One for each process, which is its fault."""

    def __init__(self):
        self.machines = {}
        self.duplicates = 0

    def register(self, key):
        """Notices a duplicate when it is already there, and lets the caller go on with its own."""
        machine = Machine()
        if key in self.machines:
            self.duplicates += 1
        else:
            self.machines[key] = machine
        return machine

    def is_ready(self, key):
        if key not in self.machines:
            return True  # a default for connections that nobody knows
        return self.machines[key].state == "PROCESSING_READY"


class HandshakeCoordinator:
    """Written, imported, and never called."""

    def __init__(self):
        self.handshakes = 0

    async def handshake(self, _key):
        self.handshakes += 1


class NaiveSocket:
    def __init__(self, socket, latency_s):
        self.socket = socket
        self.latency_s = latency_s
        self.accepted = False

    async def accept(self):
        await asyncio.sleep(random.random() * self.latency_s)  # what Cloud Run adds
        self.accepted = True

    def needs_accept(self):
        if not self.accepted:
            raise RuntimeError("WebSocket is not connected. Need to call 'accept' first.")


class NaiveGateway:
    def __init__(self, arguments):
        self.arguments = arguments
        self.registry = Registry()
        self.coordinator = HandshakeCoordinator()
        self.sockets = {}
        self.counts = collections.Counter()
        self.tasks = set()

    def spawn(self, job):
        task = asyncio.ensure_future(job)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, socket):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(socket.path).query)
        key = query.get("session", ["?"])[0]
        wrapped = NaiveSocket(socket, self.arguments.latency)
        self.counts["connections"] += 1
        messages = asyncio.ensure_future(self.handle_messages(wrapped, key))
        self.spawn(self.heartbeat(key))
        await wrapped.accept()
        await asyncio.sleep(STABILIZE_S)
        self.sockets[key] = wrapped
        own = self.registry.register(key)
        own.go("ACCEPTED")
        own.go("AUTHENTICATED")
        current = self.registry.machines[key]  # which may be another one
        current.go("SERVICES_READY")
        current.go("PROCESSING_READY")
        try:
            await messages
        except RuntimeError:
            self.counts["1011"] += 1
            await socket.close(1011, "message routing failed")

    async def heartbeat(self, key):
        await asyncio.sleep(FIRST_HEARTBEAT_S)
        if key not in self.registry.machines:
            self.registry.register(key)

    async def handle_messages(self, wrapped, key):
        async for text in wrapped.socket:
            if key not in self.registry.machines:
                self.registry.register(key)
            wrapped.needs_accept()
            if self.arguments.backend:
                await self.tell_backend()
            self.spawn(self.run_agent(key, json.loads(text)["id"]))

    async def tell_backend(self):
        try:  # a connection of its own for each message, once, and that was it
            _, writer = await asyncio.open_connection("127.0.0.1", self.arguments.backend)
            writer.write(b"message\n")
            await writer.drain()
        except OSError as error:
            raise RuntimeError("backend") from error

    async def run_agent(self, key, run):
        """An agent knows the address of the service only, as backends on Cloud Run do."""
        host, port = urllib.parse.urlsplit(self.arguments.service).netloc.split(":")
        for name in FIVE:
            await asyncio.sleep(AGENT_PAUSE_S)
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET /event?key={key}&name={name}&run={run} HTTP/1.1\r\nHost: x\r\n"
                         "Connection: close\r\n\r\n".encode())
            await reader.read()
            writer.close()

    async def deliver(self, key, name, run):
        socket = self.sockets.get(key)
        if not self.registry.is_ready(key) or socket is None:
            self.counts["events_dropped"] += 1
            return
        await socket.socket.send(json.dumps({"type": "event", "event": name, "run": run}))

    async def plain(self, path, headers):
        """Everything that is no WebSocket."""
        if "Upgrade" in headers:
            return None
        parts = urllib.parse.urlsplit(path)
        query = {name: values[0] for name, values in urllib.parse.parse_qs(parts.query).items()}
        if parts.path == "/event":
            await self.deliver(query["key"], query["name"], query["run"])
            return http.HTTPStatus.OK, [], b"{}"
        if parts.path == "/state":
            return self.json({"ready": self.registry.is_ready(query["key"])})
        if parts.path == "/debug":
            return self.json({
                "machines": {key: machine.asked for key, machine in self.registry.machines.items()},
                "states": {key: machine.state for key, machine in self.registry.machines.items()},
                "duplicates": self.registry.duplicates, "counts": self.counts,
                "handshakes": self.coordinator.handshakes})
        if parts.path == "/health/ready":
            return http.HTTPStatus.OK, [], b""
        return http.HTTPStatus.NOT_FOUND, [], b""

    @staticmethod
    def json(value):
        return http.HTTPStatus.OK, [], json.dumps(value).encode()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--service", required=True)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--backend", type=int, default=0)
    arguments = parser.parse_args()
    gateway = NaiveGateway(arguments)
    logging.disable(logging.CRITICAL)
    async with websockets.serve(gateway.serve, "127.0.0.1", arguments.port, close_timeout=0.5,
                                process_request=gateway.plain, compression=None):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
