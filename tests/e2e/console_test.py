"""The operators' console on real services: seen live, steered, and closed to everybody else."""

import asyncio
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import websockets

ROOT = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.path.insert(0, str(ROOT / "tests" / "e2e" / "console"))
from console import STOP_S_MAX, Console, play  # noqa: E402
from stack import BIN, Stack, free_port  # noqa: E402
from ws_client import Client  # noqa: E402

CROWD = 30
CONNECT_TRIES_MAX = 150


class Clients:
    """What the browser's scenario asks for."""

    def __init__(self, stack):
        self.stack = stack
        self.clients = []
        self.crowd = []

    async def connect(self, session, gateway):
        # A gateway that has not found its coordinator again says 503, and when to come back.
        for _ in range(CONNECT_TRIES_MAX):
            try:
                client = await Client().connect(self.stack.url(gateway, session=session))
                break
            except websockets.InvalidStatusCode as refused:
                if refused.status_code != 503:
                    raise
                await asyncio.sleep(0.1)
        await client.ready()
        self.clients.append(client)

    async def publish(self, session, text):
        await asyncio.to_thread(self.stack.ctl, "publish", f"anonymous:{session}", "note",
                                json.dumps({"text": text}))

    async def code(self, number):
        return await self.clients[number].wait_closed()

    async def gather_crowd(self):
        before = self.stack.ctl("gateways")
        for number in range(CROWD):
            await self.connect(f"crowd{number}", 0)
            self.crowd.append(self.clients[-1])
        counts = {one["gateway_id"]: int(one["connections"]) for one in before}
        for one in self.stack.ctl("gateways"):
            if int(one["connections"]) - counts[one["gateway_id"]] == CROWD:
                return {"id": one["gateway_id"], "connections": int(one["connections"])}
        raise AssertionError("the crowd is nowhere")

    async def crowd_codes(self):
        return sorted({await client.wait_closed() for client in self.crowd})

    async def close(self):
        for client in self.clients:
            await client.close(1000)

    def steps(self):
        coordinator = self.stack.coordinator
        return {"connect": self.connect, "publish": self.publish, "code": self.code, "crowd": self.gather_crowd,
                "crowd codes": self.crowd_codes,
                "stop coordinator": lambda: asyncio.to_thread(coordinator.stop),
                "start coordinator": lambda: asyncio.to_thread(
                    lambda: bool(coordinator.start().wait_ready()))}


class ConsoleOnRealServices(unittest.IsolatedAsyncioTestCase):
    async def test_takeover_kick_and_drain_are_seen_live(self):
        with Stack(agent=False) as stack:
            clients = Clients(stack)
            try:
                with Console(f"127.0.0.1:{stack.coordinator_port}") as console:
                    await play("live", console.url, clients.steps())
            finally:
                await clients.close()
            log = stack.coordinator.log_path.read_text(encoding="utf-8")
            self.assertIn("An operator kicks a connection.", log)


class ConsoleOfSeveralCoordinators(unittest.TestCase):
    def test_one_that_is_gone_is_named_and_another_one_answers(self):
        with Stack(agent=False, gateways=1) as stack:
            gone = free_port()
            with Console(f"127.0.0.1:{gone},127.0.0.1:{stack.coordinator_port}") as console:
                def ask(path):
                    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=10)
                    connection.request("GET", f"/api/{path}", headers={
                        "Authorization": f"Bearer {console.token}"})
                    answer = connection.getresponse()
                    return answer.status, json.loads(answer.read())

                self.assertEqual(len(ask("about")[1]["coordinators"]), 2)
                status, answer = ask("stats?coordinator=0")
                self.assertEqual(status, 503)
                self.assertIn(f"127.0.0.1:{gone}", answer["error"])
                self.assertEqual(ask("stats?coordinator=1")[0], 200)
                for _ in range(3):
                    status, answer = ask("gateways")
                    self.assertEqual((status, len(answer["gateways"])), (200, 1))


class ConsoleStart(unittest.TestCase):
    """What a person sees of its start and end."""

    COMMAND = [str(BIN / "interlockctl"), f"--coordinator=127.0.0.1:{free_port()}", "console"]

    def test_a_browser_gets_a_file_of_its_owners_and_no_token_on_its_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            seen = pathlib.Path(folder) / "seen"
            opener = pathlib.Path(folder) / "xdg-open"
            opener.write_text("#!/bin/sh\n"
                              f'stat -c %a "$(dirname "${{1#file://}}")" > {seen}.new\n'
                              f'echo "$1" >> {seen}.new; cat "${{1#file://}}" >> {seen}.new\n'
                              f"mv {seen}.new {seen}\n", encoding="ascii")
            opener.chmod(0o755)
            environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "DISPLAY": ":9",
                                        "XDG_RUNTIME_DIR": folder}
            process = subprocess.Popen(self.COMMAND, stdin=subprocess.DEVNULL, text=True,
                                       stdout=subprocess.PIPE, env=environment)
            try:
                url = process.stdout.readline().split()[-1]
                deadline = time.monotonic() + 10
                while not seen.exists() and time.monotonic() < deadline:
                    time.sleep(0.02)
                mode, argument, page = seen.read_text(encoding="ascii").split("\n", 2)
                self.assertEqual(mode, "700")
                self.assertTrue(argument.startswith(f"file://{folder}/interlock-console-"))
                self.assertNotIn(url.split("=")[1], argument)
                self.assertIn(f'url={url}"', page)
            finally:
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(STOP_S_MAX), 0)
                process.stdout.close()
            self.assertFalse(pathlib.Path(argument.removeprefix("file://")).exists())

    def test_a_port_that_is_taken_is_a_sentence(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            for wanted, code, words in ((str(port), 1, "--port=0 takes a free port"),
                                        ("http", 2, "--port takes a port")):
                done = subprocess.run([*self.COMMAND, "--no_browser", f"--port={wanted}"],
                                      capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual((done.returncode, done.stdout), (code, ""))
                self.assertIn(words, done.stderr)


class ConsoleDoors(unittest.TestCase):
    """Everything but its own page is refused, each for its own reason."""

    @classmethod
    def setUpClass(cls):
        cls.console = Console(f"127.0.0.1:{free_port()}").__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.console.__exit__()

    def ask(self, method, path, body=None, token=True, **headers):
        """(status, headers, body as JSON or text)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.console.port, timeout=10)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            given.setdefault("Authorization", f"Bearer {self.console.token}")
        connection.request(method, path, body, given)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        kind = answer.headers["Content-Type"]
        return answer.status, answer.headers, json.loads(text) if "json" in kind else text

    def test_its_own_page_is_answered_with_headers_that_keep_it_to_itself(self):
        status, headers, text = self.ask("GET", "/", token=False)
        self.assertEqual(status, 200)
        self.assertIn("<!doctype html>", text)
        policy = headers["Content-Security-Policy"]
        for part in ("default-src 'self'", "frame-ancestors 'none'", "trusted-types 'none'"):
            self.assertIn(part, policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Referrer-Policy"], "no-referrer")
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertNotIn("Access-Control-Allow-Origin", headers)
        self.assertEqual(self.ask("GET", "/api/about")[0], 200)
        self.assertEqual(
            self.ask("GET", "/api/about", Host=f"localhost:{self.console.port}")[0], 200)
        self.assertEqual(self.ask("GET", "/api/about", Origin=self.console.origin)[0], 200)
        for path in ("/../etc/passwd", "/%2e%2e/main.cc", "/main.js/", "/vendor"):
            self.assertEqual(self.ask("GET", path)[0], 404, path)

    def test_a_foreign_host_is_refused(self):
        for host in ("evil.example", f"evil.example:{self.console.port}", "127.0.0.1",
                     "localhost:1", f"127.0.0.1.evil.example:{self.console.port}"):
            for path in ("/", "/api/about"):
                status, _, answer = self.ask("GET", path, Host=host)
                self.assertEqual(status, 421, host)
                self.assertIn("This console answers as", answer["error"])

    def test_a_foreign_origin_is_refused(self):
        for origin in ("https://evil.example", f"https://127.0.0.1:{self.console.port}",
                       "http://127.0.0.1", "http://127.0.0.1:1", "null"):
            status, _, answer = self.ask("GET", "/api/about", Origin=origin)
            self.assertEqual(status, 403, origin)
            self.assertIn("another site asked", answer["error"])
        self.assertEqual(self.ask("GET", "/", Origin="https://evil.example")[0], 403)

    def test_without_the_token_nothing_is_told_or_changed(self):
        for path in ("about", "stats?coordinator=0", "gateways", "lifecycle", "get?key=a", "none"):
            self.assertEqual(self.ask("GET", f"/api/{path}", token=False)[0], 401)
        status, _, answer = self.ask("POST", "/api/kick", "{}", token=False,
                                     Content_Type="application/json")
        self.assertEqual((status, answer["reason"]), (401, "token"))
        for wrong in ("", self.console.token[:-1], self.console.token + "0", "0" * 32):
            self.assertEqual(
                self.ask("GET", "/api/about", Authorization=f"Bearer {wrong}")[0], 401)
        self.assertEqual(self.ask("GET", "/api/about", Authorization=self.console.token)[0], 401)
        # Nor is it taken from where a link or a form could carry it.
        self.assertEqual(
            self.ask("GET", f"/api/about?token={self.console.token}", token=False)[0], 401)

    def test_only_a_post_of_json_changes_anything(self):
        self.assertEqual(self.ask("GET", "/api/kick")[0], 405)
        self.assertEqual(self.ask("POST", "/api/stats", "{}")[0], 405)
        self.assertEqual(self.ask("POST", "/", "{}")[0], 405)
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            self.assertEqual(self.ask("POST", "/api/kick", "{}", Content_Type=kind)[0], 415)
        for body in ("", "[]", "{", '{"all": true, "reason": "x"}', '{"key": "a", "reason": "x"}',
                     '{"filter": "live", "generation": "1", "reason": "x"}'):
            status, _, answer = self.ask("POST", "/api/kick", body, Content_Type="application/json")
            self.assertEqual((status, answer["reason"]), (400, "usage"), body)

    def test_a_coordinator_that_is_gone_is_a_sentence(self):
        status, _, answer = self.ask("GET", "/api/gateways")
        self.assertEqual((status, answer["reason"]), (503, "unavailable"))
        self.assertIn("is the coordinator running?", answer["error"])
        self.assertEqual(self.ask("GET", "/api/stats?coordinator=7")[0], 400)


class ConsoleSockets(unittest.IsolatedAsyncioTestCase):
    async def test_the_websocket_opens_for_its_own_page_only(self):
        with Console(f"127.0.0.1:{free_port()}") as console:
            url = f"ws://127.0.0.1:{console.port}/api/live"
            own = ["interlock.console", f"token.{console.token}"]
            async with websockets.connect(url, subprotocols=own, origin=console.origin) as socket:
                self.assertEqual(socket.subprotocol, "interlock.console")
                await socket.send('{"watch": 1, "from_revision": "1"}')
                told = json.loads(await asyncio.wait_for(socket.recv(), 10))
                self.assertIn("is the coordinator running?", told[0]["away"])
            for protocols, origin, status in ((["interlock.console"], console.origin, 401),
                                              (["interlock.console", "token.0"], None, 401),
                                              (own, "https://evil.example", 403)):
                with self.assertRaises(websockets.InvalidStatusCode) as refused:
                    async with websockets.connect(url, subprotocols=protocols, origin=origin):
                        pass
                self.assertEqual(refused.exception.status_code, status)

    async def test_a_page_that_talks_nonsense_or_wants_too_much_is_sent_away(self):
        with Console(f"127.0.0.1:{free_port()}") as console:
            url = f"ws://127.0.0.1:{console.port}/api/live"
            own = ["interlock.console", f"token.{console.token}"]
            many = [json.dumps({"watch": number}) for number in range(9)]
            for frames in (["nonsense"], ["[]"], ['{"watch": "x"}'], many):
                async with websockets.connect(url, subprotocols=own) as socket:
                    for frame in frames:
                        await socket.send(frame)
                    await asyncio.wait_for(socket.wait_closed(), 10)
                    self.assertEqual(socket.close_code, 1008)
            async with websockets.connect(url, subprotocols=own) as socket:
                # One after the other is fine, however many.
                for number in range(40):
                    await socket.send(json.dumps({"watch": number}))
                    await socket.send(json.dumps({"unwatch": number}))
                await socket.send(json.dumps({"watch": 99}))
                async def until():
                    while not any(item["watch"] == 99 for item in json.loads(await socket.recv())):
                        pass
                await asyncio.wait_for(until(), 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
