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
HISTORY_ENTRIES = 16  # that a record keeps
CUT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL)


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


def shown(entry):
    """(before, after) of a history entry."""
    return (connection_pb2.State.Name(getattr(entry, "from")), connection_pb2.State.Name(entry.to))


class Audit:
    def __init__(self, port, token=None):
        self.port = port
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        self.seen = {}      # key: {number of the history entry: (before, after)}
        self.checked = 0
        self.problems = []
        self.resumed = 0    # how often the watch was cut and went on
        self._revision = 0
        self._allowed = None
        self._task = None
        self._channel = None
        self._stub = None

    async def start(self):
        self._allowed = await asyncio.to_thread(table)
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self.port}", options=[
            ("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)])
        self._stub = admin_pb2_grpc.AdminStub(self._channel)
        self._task = asyncio.ensure_future(self._follow())

    async def stop(self):
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._channel.close()

    async def caught_up(self, listed):
        """Until it has seen what `interlockctl list` showed. A watch that was cut shows each record
        as it stands when it goes on, without the steps between: histories have those."""
        for one in listed[1]:
            total = int(one["transitions_total"])
            wanted = range(max(1, total - HISTORY_ENTRIES + 1), total + 1)
            if not all(number in self.seen.get(one["key"], ()) for number in wanted):
                await self._read_history(one["key"])

    async def _read_history(self, key):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                response = await self._stub.History(admin_pb2.HistoryRequest(key=key), timeout=5,
                                                    metadata=self.metadata)
                break
            except grpc.aio.AioRpcError as error:
                if time.monotonic() > deadline:
                    raise AssertionError(f"the history of {key}: {error}") from None
                await asyncio.sleep(RETRY_S)
        for entry in response.entries:
            self.check(key, entry.number, *shown(entry))

    async def _follow(self):
        while True:
            try:
                async for response in self._stub.Watch(
                        admin_pb2.WatchRequest(from_revision=self._revision),
                        metadata=self.metadata):
                    self._revision = max(self._revision, response.revision)
                    for entry in response.changed.transitions:
                        self.check(response.changed.key, entry.number, *shown(entry))
            except grpc.aio.AioRpcError as error:
                if error.code() == grpc.StatusCode.UNIMPLEMENTED:
                    self._revision = 0  # an older build cannot go on; histories have the rest
                elif error.code() not in CUT:
                    self.problems.append(f"the watch ended with {error.code()}")
                    return
            self.resumed += 1
            await asyncio.sleep(RETRY_S)

    def check(self, key, number, before, after):
        """One transition of a key's history; what was seen already is not counted twice."""
        entries = self.seen.setdefault(key, {})
        if number in entries:
            return
        self.checked += 1
        if not is_allowed(self._allowed, before, after):
            self.problems.append(f"{key}: {number}: {before} -> {after} is not in the table")
        entries[number] = (before, after)
        for earlier in (number - 1, number):
            self._compare(key, entries.get(earlier), entries.get(earlier + 1))

    def _compare(self, key, earlier, later):
        """Neighbours in a history: a step begins where the one before it led to."""
        if earlier is None or later is None or later[0] == earlier[1]:
            return
        if later[1] == "CONNECTING" and earlier[1] in FINAL:
            return
        self.problems.append(f"{key}: {later[0]} -> {later[1]} behind {earlier[0]} -> {earlier[1]}")
