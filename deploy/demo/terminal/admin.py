"""What the coordinator says about one connection, as interlockctl prints it."""

import asyncio
import contextlib
import json
import time

from terminal import PATIENCE_S, Wrong, expect, short

STATE_COLOURS = {"PROCESSING_READY": "green", "PROCESSING": "yellow", "RECONNECTING": "red",
                 "FAILED": "red"}
UNKNOWN_KEY = 3  # interlockctl's exit code


class Admin:
    def __init__(self, ctl, coordinator, key, screen):
        self.command = [ctl, "--coordinator", coordinator, "--json"]
        self.key = key
        self.screen = screen
        self.transitions = {}  # by number
        self.times = {}        # when they were reported, by number
        self.owners = {}       # gateway ids by generation
        self.connection = {}   # what was reported last
        self.news = asyncio.Event()
        self.watcher = None
        self.reader = None

    async def start(self):
        self.watcher = await asyncio.create_subprocess_exec(
            *self.command, "watch", self.key, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE)
        self.reader = asyncio.create_task(self.read())
        # Nothing says when the watch stands; it was on its way before this question was asked.
        expect(not await self.ask("get", self.key), f"{self.key} is known already")

    async def stop(self):
        if self.watcher is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.watcher.terminate()
        await self.watcher.wait()
        await self.reader

    async def read(self):
        while line := await self.watcher.stdout.readline():
            if connection := json.loads(line).get("changed"):
                self.note(connection, connection["transitions"])

    def note(self, connection, entries):
        if int(connection["revision"]) >= int(self.connection.get("revision", 0)):
            self.connection = connection
        generation, owner = int(connection["generation"]), connection["owner"]
        if owner and generation not in self.owners:
            self.owners[generation] = owner
            self.screen.say("owner", f"gateway {owner[:8]}, generation {short(generation)}", "cyan")
        for entry in entries:
            number = int(entry["number"])
            if number not in self.transitions:
                self.transitions[number] = entry
                self.times[number] = self.screen.now()
                self.show(entry, number)
        self.news.set()

    def show(self, entry, number):
        step = entry["to"] if number == 1 else f"{entry['from']} {self.screen.arrow} {entry['to']}"
        cause = f"{entry['actor']}: {entry['reason']}".lower().replace("_", " ")
        self.screen.say("state", f"{step:<34} {cause:<26} generation {short(entry['generation'])}",
                        STATE_COLOURS.get(entry["to"], "cyan"))

    async def ask(self, *verb):
        """The objects that `interlockctl --json VERB ...` prints; none for an unknown key."""
        process = await asyncio.create_subprocess_exec(
            *self.command, *verb, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        output, errors = await process.communicate()
        if process.returncode not in (0, UNKNOWN_KEY):
            raise Wrong(f"interlockctl {verb[0]} failed: {errors.decode().strip()}")
        return [json.loads(line) for line in output.splitlines()]

    async def wait_for(self, condition, what):
        """Waits until what was reported so far satisfies `condition(steps)`.

        A watch does not tell what happened before it stood: when there is no news for a moment, the
        history fills such a gap."""
        deadline = time.monotonic() + PATIENCE_S
        while not (self.complete() and condition(self.steps())):
            expect(time.monotonic() < deadline,
                   f"the coordinator did not report {what} within {PATIENCE_S} s, but "
                   f"{', '.join(self.states()) or 'nothing'}")
            self.news.clear()
            try:
                await asyncio.wait_for(self.news.wait(), 0.5)
            except asyncio.TimeoutError:
                await self.fill_gaps()

    async def fill_gaps(self):
        entries = await self.ask("history", self.key)
        for connection in await self.ask("get", self.key):
            # The history is short and numbered from its end: it is used while it has everything.
            whole = bool(entries) and int(entries[0]["number"]) == 1
            self.note(connection, entries if whole else [])

    def complete(self):
        return bool(self.transitions) and len(self.transitions) == max(self.transitions)

    def steps(self):
        return [self.transitions[number] for number in sorted(self.transitions)]

    def states(self):
        return [step["to"] for step in self.steps()]
