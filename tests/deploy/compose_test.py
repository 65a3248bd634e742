#!/usr/bin/python3
"""deploy/compose.yaml: its programs are started as it says, on loopback and without containers.

Names become 127.0.0.1 with ports of the test's own, and /secrets a folder that images/secrets.sh
filled; nothing else of the commands is changed.
"""

import asyncio
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import yaml

SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "support"))

from postgres import Postgres  # noqa: E402
from stack import BIN, Service, free_port  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

DOCKERFILE = (SOURCE / "deploy" / "images" / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((SOURCE / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
PROGRAMS = {"coordinator-1": "interlock-coordinator", "coordinator-2": "interlock-coordinator",
            "agent": "interlock-demo-agent", "gateway-1": "interlock-gateway",
            "gateway-2": "interlock-gateway"}


def make_secrets(folder, postgres):
    subprocess.run([SOURCE / "deploy" / "images" / "secrets.sh", folder, postgres],
                   stdin=subprocess.DEVNULL, check=True, timeout=30)


class Described(unittest.TestCase):
    def test_every_image_of_ours_is_a_target_that_runs_the_program(self):
        for name, service in SERVICES.items():
            if "build" not in service:
                continue
            target = service["build"]["target"]
            stage = re.search(rf"FROM runtime AS {target}\n(.*?)(?:\nFROM|\Z)", DOCKERFILE, re.S)
            self.assertIsNotNone(stage, target)
            if name in PROGRAMS:
                self.assertIn(f'ENTRYPOINT ["/usr/local/bin/{PROGRAMS[name]}"]', stage[1])

    def test_what_it_depends_on_is_there(self):
        for name, service in SERVICES.items():
            for other in service.get("depends_on", ()):
                self.assertIn(other, SERVICES, name)
            for volume in service.get("volumes", ()):
                source = volume.split(":")[0]
                there = source in COMPOSE["volumes"] or (SOURCE / "deploy" / source).exists()
                self.assertTrue(there, volume)

    def test_gateways_can_be_reached_from_this_machine_only(self):
        for service in SERVICES.values():
            for port in service.get("ports", ()):
                self.assertTrue(port.startswith("127.0.0.1:"), port)

    def test_secrets_are_made_once_and_no_two_are_the_same(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            make_secrets(one, "p")
            make_secrets(other, "p")
            first = {file.name: file.read_text() for file in pathlib.Path(one).iterdir()}
            make_secrets(one, "p")
            self.assertEqual({file.name: file.read_text() for file in pathlib.Path(one).iterdir()},
                             first)
            for file in pathlib.Path(other).iterdir():
                if file.name != "done":
                    self.assertNotEqual(file.read_text(), first[file.name])
            named = set(re.findall(r"/secrets/([\w.]+)", str(SERVICES)))
            self.assertLessEqual(named, set(first))


class Composition:
    """Its programs as local processes."""

    def __init__(self, folder, database):
        self.folder = pathlib.Path(folder)
        self.ports = {}
        self.secrets = self.folder / "secrets"
        self.secrets.mkdir()
        make_secrets(self.secrets, f"127.0.0.1:{database.port}")
        password = (self.secrets / "postgres.password").read_text()
        database.sql(f"ALTER ROLE interlock PASSWORD '{password}'")
        self.services = {name: self.service(name) for name in PROGRAMS}

    def port(self, name, number):
        return self.ports.setdefault((name, int(number)), free_port())

    def here(self, name, argument):
        """An argument with what containers would have replaced."""
        argument = re.sub(r"0\.0\.0\.0:(\d+)",
                          lambda match: f"127.0.0.1:{self.port(name, match[1])}", argument)
        argument = re.sub(r"([a-z]+(?:-\d)?):(\d+)",
                          lambda match: f"127.0.0.1:{self.port(match[1], match[2])}", argument)
        argument = argument.replace("/secrets/", f"{self.secrets}/")
        return argument.replace("=/page", f"={SOURCE}/deploy/demo/page")

    def service(self, name):
        arguments = [self.here(name, one) for one in SERVICES[name]["command"]]
        http, = [re.search(r"http_listen=.*:(\d+)", one)[1] for one in arguments
                 if "http_listen" in one]
        return Service(name, PROGRAMS[name], arguments, int(http), self.folder)

    def __enter__(self):
        try:
            for service in self.services.values():
                service.start()
            for service in self.services.values():
                service.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for service in reversed(self.services.values()):
            service.stop()

    def ctl(self, *words):
        environment = {name: self.here("ctl", value)
                       for name, value in SERVICES["ctl"]["environment"].items()}
        return subprocess.run([BIN / "interlockctl", *words], env={**os.environ, **environment},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                              check=False)


class Run(unittest.TestCase):
    def test_a_client_gets_all_five_events_through_either_gateway_and_the_tool_sees_it(self):
        with Postgres() as database, tempfile.TemporaryDirectory() as folder:
            with Composition(folder, database) as system:
                token = (system.secrets / "client.jwt").read_text()
                asyncio.run(self.talk(system, token))
                listed = system.ctl("--json", "list")
                self.assertEqual(listed.returncode, 0, listed.stderr)
                self.assertIn("demo:compose-1", listed.stdout)
                system.services["coordinator-1"].stop()
                asyncio.run(self.turned_away(system))

    async def talk(self, system, token):
        for number in (1, 2):
            port = system.port(f"gateway-{number}", 8080)
            client = await Client().connect(f"ws://127.0.0.1:{port}/ws?session=compose-{number}",
                                            {"Authorization": f"Bearer {token}"})
            await client.socket.send('{"type":"message","id":"m","data":{"text":"hello"}}')

            def events(one):
                return [frame["event"] for frame in one.frames if "seq" in frame]
            await client.wait(lambda one: set(FIVE) <= set(events(one)), "five events")
            await client.socket.close(1001)

    async def turned_away(self, system):
        with self.assertRaises(Exception) as refused:
            await Client().connect(
                f"ws://127.0.0.1:{system.port('gateway-1', 8080)}/ws?session=nobody")
        self.assertIn("401", str(refused.exception))


if __name__ == "__main__":
    unittest.main(verbosity=2)
