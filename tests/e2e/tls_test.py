"""TLS where no proxy stands in front: the gateway's own listener with real clients and a certificate
that is exchanged under them, and a coordinator that knows gateways by their certificates."""

import asyncio
import json
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import time
import unittest
import urllib.request

import websockets

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from certificates import Authority, replace  # noqa: E402
from stack import BIN, Stack  # noqa: E402
from waiting import wait_for  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402


class GatewayTls(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.authority = Authority()
        cls.keys = []
        cls.stack = Stack(gateways=0, agent_pause="20ms")
        cls.cert, cls.key = str(cls.stack.folder / "cert.pem"), str(cls.stack.folder / "key.pem")
        cls.exchange(cls.authority)
        cls.stack.add_gateway("gateway", (
            f"--tls_cert_file={cls.cert}", f"--tls_key_file={cls.key}", "--head_timeout=1s",
            "--send_stall_timeout=2s"))
        cls.stack.__enter__()
        cls.gateway, cls.port = cls.stack.gateways[0], cls.stack.gateway_ports[0]

    @classmethod
    def tearDownClass(cls):
        for service in cls.stack.services():
            service.stop()
        said = cls.gateway.log_path.read_text(errors="replace")
        cls.stack.__exit__(None, None, None)
        for line in (line for key in cls.keys for line in key.decode().splitlines()):
            assert line not in said, "a private key stands in the log"

    @classmethod
    def exchange(cls, authority):
        certificate, key = authority.certify("gateway", ["localhost", "127.0.0.1"])
        cls.keys.append(key)
        replace(cls.key, key)
        replace(cls.cert, certificate)
        return certificate

    def context(self, authority=None):
        return ssl.create_default_context(cadata=(authority or self.authority).pem.decode())

    def shown(self):
        """The certificate that a new connection sees."""
        plain = socket.create_connection(("127.0.0.1", self.port), 5)
        context = ssl._create_unverified_context()
        with context.wrap_socket(plain) as wrapped:
            return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(True)).encode()

    def url(self, session):
        return f"wss://127.0.0.1:{self.port}/ws?session={session}"

    async def connect(self, session, context=None):
        client = await Client().connect(self.url(session), ssl=context or self.context())
        return await client.ready()

    def reloads(self, result):
        labels = f'{{file="tls",result="{result}"}}'
        return self.gateway.metric("interlock_file_reloads_total").get(labels, 0)

    async def test_clients_get_everything_through_tls(self):
        client = await self.connect("all")
        await client.message("m", {"text": "x" * 60_000})
        await client.wait_events(5)
        self.assertEqual([name for _, name in client.events()], FIVE)
        await client.close()
        with urllib.request.urlopen(f"https://127.0.0.1:{self.port}/", timeout=10,
                                    context=self.context()) as page:
            self.assertIn("<html", page.read().decode().lower())

    async def test_many_at_once(self):
        context = self.context()
        clients = await asyncio.gather(
            *(self.connect(f"many{i}", context) for i in range(50)))
        await asyncio.gather(*(client.message("m") for client in clients))
        for client in clients:
            await client.wait_events(5)
            self.assertEqual([name for _, name in client.events()], FIVE)
        await asyncio.gather(*(client.close() for client in clients))

    async def test_a_certificate_is_exchanged_without_dropping_anybody(self):
        before = await self.connect("before")
        other = Authority("another authority")
        try:
            done = self.reloads("ok")
            certificate = self.exchange(other)
            wait_for(lambda: self.shown() == certificate, "new certificate")
            self.assertGreater(self.reloads("ok"), done)
            after = await self.connect("after", self.context(other))
            with self.assertRaises(ssl.SSLCertVerificationError):
                await self.connect("strict")
            for client in (before, after):
                await client.message("m")
                await client.wait_events(5)
                await client.close()
        finally:
            certificate = self.exchange(self.authority)
            wait_for(lambda: self.shown() == certificate, "old authority")

    async def test_files_that_do_not_fit_change_nothing(self):
        good = self.shown()
        try:
            failed = self.reloads("failed")
            replace(self.key, self.authority.certify("x")[1])
            wait_for(lambda: self.reloads("failed") > failed, "failed reload")
            self.assertEqual(self.shown(), good)
            replace(self.cert, b"garbage")
            again = self.reloads("failed")
            wait_for(lambda: self.reloads("failed") > again, "failed reload")
            self.assertEqual(self.shown(), good)
        finally:
            certificate = self.exchange(self.authority)
            wait_for(lambda: self.shown() == certificate, "good files")

    async def test_nothing_older_than_tls_1_2_is_spoken(self):
        for version, spoken in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                                (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl._create_unverified_context()
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            plain = socket.create_connection(("127.0.0.1", self.port), 5)
            try:
                with context.wrap_socket(plain) as wrapped:
                    shaken = wrapped.version() is not None
            except (ssl.SSLError, ConnectionError):
                shaken = False
            self.assertEqual(shaken, spoken, version)

    async def test_who_does_not_shake_hands_is_let_go(self):
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", self.port), 5) as silent:
            with socket.create_connection(("127.0.0.1", self.port), 5) as plain:
                plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertNotIn(b"HTTP/1.1 200", self.rest_of(plain))
            self.rest_of(silent)
        self.assertLess(time.monotonic() - begin, 10)
        client = await self.connect("bystander")
        await client.close()

    @staticmethod
    def rest_of(sock):
        sock.settimeout(10)
        said = b""
        try:
            while chunk := sock.recv(4096):
                said += chunk
        except ConnectionError:
            pass
        return said

    async def test_a_peer_that_never_reads_is_cut(self):
        context = self.context()
        context.check_hostname = True
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname="localhost", limit=1024)
        writer.write(b"GET /ws?session=deaf HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                     b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                     b"Sec-WebSocket-Protocol: interlock.v1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()
        before = self.stack.closes().get("4004", 0)
        payload = b"\x81\x8f\0\0\0\0" + b'{"type":"ping"}'
        deadline = time.monotonic() + 60
        while self.stack.closes().get("4004", 0) == before and time.monotonic() < deadline:
            if writer.transport.is_closing():
                break
            writer.write(payload * 2000)
            await asyncio.sleep(0.02)
        wait_for(lambda: self.stack.closes().get("4004", 0) > before, "close with 4004")
        writer.transport.abort()


class CoordinatorTls(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.authority = Authority("authority of services")
        self.stack = Stack(gateways=0, agent=False)
        self.addCleanup(lambda: self.stack.__exit__(None, None, None))
        roles = self.stack.folder / "roles"
        roles.write_text(json.dumps([{"certificate": "spiffe://test/gateway", "role": "gateway"},
                                     {"certificate": "gateway by name", "role": "gateway"},
                                     {"certificate": "spiffe://test/reader", "role": "reader"},
                                     {"certificate": "spiffe://test/agent", "role": "publisher"}]))
        self.files("coordinator", self.authority.certify("coordinator", ["localhost"]))
        replace(self.path("ca.pem"), self.authority.pem)
        coordinator = self.stack.coordinator
        coordinator.command = [f for f in coordinator.command if not f.startswith("--auth=")] + [
            "--auth=mtls", f"--roles_file={roles}",
            f"--tls_cert_file={self.path('coordinator.pem')}",
            f"--tls_key_file={self.path('coordinator.key')}",
            f"--tls_client_ca_file={self.path('ca.pem')}"]
        coordinator.start().wait_ready()

    def path(self, name):
        return str(self.stack.folder / name)

    def files(self, name, pair):
        replace(self.path(f"{name}.key"), pair[1])
        replace(self.path(f"{name}.pem"), pair[0])

    def gateway(self, name, pair=None):
        flags = [f"--coordinator=https://localhost:{self.stack.coordinator_port}",
                 f"--coordinator_ca_file={self.path('ca.pem')}"]
        if pair:
            self.files(name, pair)
            flags += ["--coordinator_identity=mtls",
                      f"--coordinator_cert_file={self.path(name + '.pem')}",
                      f"--coordinator_key_file={self.path(name + '.key')}"]
        gateway = self.stack.add_gateway(name, flags)
        return gateway.start().wait_ready()

    @staticmethod
    def streams_ended(gateway):
        return gateway.metric("interlock_attach_streams_ended_total").get("", 0)

    @staticmethod
    def attached(gateway):
        return gateway.metric("interlock_attached").get("") == 1

    async def test_certificates_say_who_is_a_gateway(self):
        certify = self.authority.certify
        good = [self.gateway("uri", certify("whatever", uris=["spiffe://test/gateway"])),
                self.gateway("name", certify("gateway by name"))]
        bad = {"none": self.gateway("none"),
               "reader": self.gateway("reader", certify("x", uris=["spiffe://test/reader"])),
               "nobody": self.gateway("nobody", certify("somebody else")),
               "two": self.gateway("two", certify("gateway by name", uris=[
                   "spiffe://test/gateway", "spiffe://test/other"])),
               # A name counts only where there is no URI.
               "both": self.gateway("both", certify("gateway by name", uris=["spiffe://x/y"])),
               "expired": self.gateway("expired", certify("gateway by name", days=-1)),
               "stranger": self.gateway("stranger", Authority("authority of services").certify(
                   "gateway by name"))}
        for gateway in good:
            wait_for(lambda g=gateway: self.attached(g), "attachment of " + gateway.name)
        client = await (await Client().connect(self.stack.url(0, session="s"))).ready()
        await client.close()
        for what, gateway in bad.items():
            wait_for(lambda g=gateway: self.streams_ended(g) >= 3, f"third attempt of {what}")
            self.assertEqual(gateway.metric("interlock_heartbeats_confirmed_total").get("", 0), 0)
            self.assertFalse(self.attached(gateway), what)
        for what, why in (("nobody", "has no role"), ("reader", "needs the role GATEWAY")):
            wait_for(lambda w=what, y=why: y in bad[w].log_path.read_text(), "reason in the log")

    def ctl(self, name, pair=None, authority="ca.pem"):
        """(exit code, what interlockctl said) of one that lists, with this certificate."""
        flags = [f"--coordinator=https://localhost:{self.stack.coordinator_port}",
                 f"--ca_file={self.path(authority)}", "--timeout=10s"]
        if pair:
            self.files(name, pair)
            flags += [f"--cert_file={self.path(name + '.pem')}",
                      f"--key_file={self.path(name + '.key')}"]
        done = subprocess.run([BIN / "interlockctl", *flags, "list"], capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL, check=False)
        return done.returncode, done.stdout + done.stderr

    async def test_operators_and_backends_use_certificates_too(self):
        agent = self.stack.make_agent("20ms")
        self.stack.agent = agent
        self.files("agent", self.authority.certify("x", uris=["spiffe://test/agent"]))
        agent.command = [flag for flag in agent.command if "--coordinator=" not in flag] + [
            f"--coordinator=https://localhost:{self.stack.coordinator_port}",
            f"--coordinator_ca_file={self.path('ca.pem')}",
            f"--coordinator_cert_file={self.path('agent.pem')}",
            f"--coordinator_key_file={self.path('agent.key')}"]
        agent.start().wait_ready()
        gateway = self.gateway("gateway", self.authority.certify("gateway by name"))
        wait_for(lambda: self.attached(gateway), "attachment")
        client = await (await Client().connect(self.stack.url(0, session="s"))).ready()
        await client.send(type="message", id="m", data={"text": "hello"})
        await client.wait_events(5)
        reader = self.authority.certify("x", uris=["spiffe://test/reader"])
        code, said = self.ctl("reader", reader)
        self.assertEqual(code, 0, said)
        self.assertIn("anonymous:s", said)
        code, said = self.ctl("reader", self.authority.certify("gateway by name"))
        self.assertEqual(code, 4, said)
        self.assertIn("needs the role READER", said)
        replace(self.path("other.pem"), Authority("somebody else").pem)
        for what, (code, said) in {"no certificate": self.ctl("none"),
                                   "another authority": self.ctl("reader", reader, "other.pem")
                                   }.items():
            self.assertEqual(code, 5, f"{what}: {said}")
            self.assertIn("localhost", said)
        await client.close()

    async def test_a_coordinators_certificate_is_exchanged_under_it(self):
        first = self.gateway("first", self.authority.certify("gateway by name"))
        wait_for(lambda: self.attached(first), "attachment")
        fresh = self.authority.certify("coordinator again", ["localhost"])
        self.files("coordinator", fresh)
        wait_for(lambda: self.shown() == fresh[0], "new certificate")
        self.assertTrue(self.attached(first))
        second = self.gateway("second", self.authority.certify("gateway by name"))
        wait_for(lambda: self.attached(second), "attachment")

    def shown(self):
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["h2"])
        plain = socket.create_connection(("127.0.0.1", self.stack.coordinator_port), 5)
        with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
            return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(True)).encode()


if __name__ == "__main__":
    unittest.main()
