"""Follows every transition that becomes durable, as operators see it, and compares it with the
program's own table."""

import asyncio
import json
import subprocess
import time

import grpc

from stack import BIN
from stubs import load_stubs

load_stubs()
from interlock.v1 import admin_pb2, admin_pb2_grpc, connection_pb2  # noqa: E402

FINAL = ("CLOSED", "FAILED")
RETRY_S = 0.05
PATIENCE_S = 20


def table():
    done = subprocess.run([BIN / "interlockctl", "--json", "lifecycle"], capture_output=True,
                          text=True, check=True, stdin=subprocess.DEVNULL)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["state"]: set(row["to"]) for row in rows}


def is_allowed(allowed, before, after):
    """A new machine begins at CONNECTING: where there was none, or behind one that has ended."""
    if after == "CONNECTING":
        return before in ("CONNECTING", *FINAL)
    return after in allowed[before]


class Audit:
    def __init__(self, port):
        self.port = port
        self.seen = {}      # key: the last entry's number and the state it led to
        self.checked = 0
        self.problems = []
        self.resumed = 0    # how often the watch was cut and went on
        self._revision = 0
        self._allowed = None
        self._task = None
        self._channel = None

    async def start(self):
        self._allowed = await asyncio.to_thread(table)
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", options=[
            ("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)])
        self._task = asyncio.ensure_future(self._follow())

    async def stop(self):
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._channel.close()

    async def caught_up(self, listed):
        """Until it has seen what `interlockctl list` showed."""
        totals = {one["key"]: int(one["transitions_total"]) for one in listed[1]}
        deadline = time.monotonic() + PATIENCE_S
        while any(self.seen.get(key, (0,))[0] < total for key, total in totals.items()):
            if time.monotonic() > deadline or self._task.done():
                raise AssertionError(f"the watch does not catch up: {self.problems}")
            await asyncio.sleep(RETRY_S)

    async def _follow(self):
        stub = admin_pb2_grpc.AdminStub(self._channel)
        while True:
            try:
                async for response in stub.Watch(
                        admin_pb2.WatchRequest(from_revision=self._revision)):
                    self._take(response)
            except grpc.aio.AioRpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED,
                                        grpc.StatusCode.INTERNAL):
                    self.problems.append(f"the watch ended with {error.code()}")
                    return
            self.resumed += 1
            await asyncio.sleep(RETRY_S)

    def _take(self, response):
        self._revision = max(self._revision, response.revision)
        for entry in response.changed.transitions:
            self.check(response.changed.key, entry.number,
                       connection_pb2.State.Name(entry.__getattribute__("from")),
                       connection_pb2.State.Name(entry.to))

    def check(self, key, number, before, after):
        """One transition of a key's history; what was seen already is not counted twice."""
        last = self.seen.get(key)
        if last and number <= last[0]:
            return
        self.checked += 1
        if not is_allowed(self._allowed, before, after):
            self.problems.append(f"{key}: {number}: {before} -> {after} is not in the table")
        first = last is None or number != last[0] + 1  # of what is shown
        if not first and before != last[1] and not (after == "CONNECTING" and last[1] in FINAL):
            self.problems.append(f"{key}: {number}: {before} -> {after} behind {last[1]}")
        self.seen[key] = (number, after)
