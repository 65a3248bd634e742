"""One instance of a service: a process that can be started late, frozen, throttled, and ended as
the platform ends one: SIGTERM, and some seconds later SIGKILL."""

import asyncio
import collections
import contextlib
import os
import resource
import signal
import subprocess
import time

from stack import READY_S_MAX, Service

TERM_S = 10          # between SIGTERM and SIGKILL, not configurable for services
THROTTLE_PERIOD_S = 0.1
POLL_S = 0.02

Ending = collections.namedtuple("Ending", "code seconds killed")


class Instance(Service):
    """`port` is where requests go. `environment` is added to what the program finds there."""

    def __init__(self, name, command, port, http_port, folder, environment=None, open_files=None):
        super().__init__(name, "", [], http_port, folder)
        self.command = [str(word) for word in command]
        self.port = port
        self.environment = environment or {}
        self.open_files = open_files
        self.requests = 0      # under way
        self.served = 0        # ever
        self.taking = False    # new requests may come here
        self.frozen = False

    def start(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, self.open_files))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, **self.environment),
                preexec_fn=limit if self.open_files else None)
        return self

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    async def come_up(self, cold_s=0.0):
        """A cold start: nothing for so long, then a process, then ready."""
        await asyncio.sleep(cold_s)
        self.start()
        deadline = time.monotonic() + READY_S_MAX
        while not await asyncio.to_thread(self.is_ready):
            if not self.alive or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} did not become ready:\n{self.log_tail()}")
            await asyncio.sleep(POLL_S)
        self.taking = True
        return self

    # ---- what the platform does to instances ----

    def freeze(self):
        self.frozen = True
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.frozen = False
        self.process.send_signal(signal.SIGCONT)

    @contextlib.asynccontextmanager
    async def throttled(self, share):
        """Gets only this share of its time, in slices."""
        async def slices():
            while True:
                self.freeze()
                await asyncio.sleep(THROTTLE_PERIOD_S * (1 - share))
                self.thaw()
                await asyncio.sleep(THROTTLE_PERIOD_S * share)
        task = asyncio.ensure_future(slices())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if self.alive:
                self.thaw()

    async def terminate(self, term_s=TERM_S):
        """No new requests, SIGTERM, and SIGKILL for what is still there `term_s` later."""
        self.taking = False
        began = time.monotonic()
        if not self.alive:
            return Ending(self.process.returncode if self.process else None, 0.0, False)
        self.process.terminate()
        while self.alive and time.monotonic() - began < term_s:
            await asyncio.sleep(POLL_S)
        killed = self.alive
        if killed:
            self.kill()
        return Ending(self.process.wait(), time.monotonic() - began, killed)

    def destroy(self):
        """Whatever state it is in."""
        self.taking = False
        if self.alive:
            self.kill()

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
