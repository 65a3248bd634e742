"""Who may do what, with real services: tokens of an issuer whose keys change, Google's metadata
server in all its moods, subjects that are revoked, and no secret in any log."""

import asyncio
import json
import os
import pathlib
import sys
import time
import unittest

import websockets

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from issuer import Issuer, Key, Metadata  # noqa: E402
from stack import Stack, free_port, http_get  # noqa: E402
from waiting import wait_for  # noqa: E402
from ws_client import Client  # noqa: E402

COORDINATOR = "https://coordinator.test"
CLIENTS = "https://clients.test"
STATIC_TOKEN = "a-static-token-of-the-sample-agent"
GATEWAY_EMAIL = "gateway@project.test"
BROWSER = "http://example.test"


class Identity(unittest.IsolatedAsyncioTestCase):
    """The coordinator takes tokens of `google` and known ones; the gateway proves itself with the
    metadata server's tokens, and lets in clients with tokens of `issuer`."""

    def setUp(self):
        self.google = Issuer(free_port(), "https://accounts.google.test")
        self.issuer = Issuer(free_port(), "https://issuer.test", "ES256")
        self.addCleanup(self.google.stop)
        self.addCleanup(self.issuer.stop)
        self.metadata = Metadata(free_port(), self.gateway_token)
        self.addCleanup(self.metadata.stop)
        self.stack = Stack(gateways=0, agent=False)
        self.revoked = self.write("revoked", "# nobody yet\n")
        tokens = self.write("tokens", json.dumps(
            [{"token": STATIC_TOKEN, "role": ["publisher", "reader"], "subject": "agent"}]))
        roles = self.write("roles", json.dumps(
            [{"email": GATEWAY_EMAIL, "role": "gateway"},
             {"subject": "operator-1", "role": ["operator", "reader"]}]))
        self.stack.coordinator.command = [
            flag for flag in self.stack.coordinator.command if not flag.startswith("--auth=")
        ] + ["--auth=token,jwt", f"--token_file={tokens}", f"--roles_file={roles}",
             f"--auth_jwks={self.google.url}", f"--auth_issuer={self.google.name}",
             f"--auth_audience={COORDINATOR}", "--log_level=debug"]
        self.stack.add_gateway("gateway", (
            "--auth=jwt", f"--auth_jwks={self.issuer.url}", f"--auth_issuer={self.issuer.name}",
            f"--auth_audience={CLIENTS}", f"--revoked_subjects_file={self.revoked}",
            "--coordinator_identity=metadata", f"--coordinator_audience={COORDINATOR}",
            f"--metadata_url={self.metadata.url}", "--log_level=debug"))
        self.gateway = self.stack.gateways[0]
        self.addCleanup(self.end)

    def write(self, name, text):
        path = self.stack.folder / name
        path.write_text(text)
        return path

    def end(self):
        """Stops everything; then no secret may stand in what the services have said."""
        for service in reversed(self.stack.services()):
            service.stop()
        said = "".join(service.log_path.read_text(errors="replace")
                       for service in self.stack.services() if service.log_path.exists())
        self.stack.__exit__(None, None, None)
        for secret in [STATIC_TOKEN, *self.google.issued, *self.issuer.issued]:
            # Also none of the parts: the signature is what makes a token one.
            for part in {secret, secret.split(".")[-1]}:
                self.assertNotIn(part, said)
        self.assertIn("Gateway is listening", said)

    def gateway_token(self, audience, expires_in_s=3600):
        return self.google.token("107", audience, expires_in_s, email=GATEWAY_EMAIL,
                                 email_verified=True)

    def start(self):
        self.stack.coordinator.start().wait_ready()
        self.gateway.start().wait_ready()
        wait_for(lambda: self.gateway.metric("interlock_attached").get("") == 1, "attachment")

    async def connect(self, token, session="s", **options):
        client = Client()
        url = self.stack.url(0, session=session)
        return await client.connect(url, headers={"Authorization": f"Bearer {token}"}, **options)

    async def refused(self, token, **options):
        with self.assertRaises(websockets.InvalidStatusCode) as refusal:
            await self.connect(token, **options)
        return refusal.exception.status_code

    def client_token(self, subject="alice", expires_in_s=3600, audience=CLIENTS, **claims):
        return self.issuer.token(subject, audience, expires_in_s, **claims)

    async def eventually_connects(self, token, session):
        deadline = time.monotonic() + 20
        while True:
            try:
                return await (await self.connect(token, session)).ready()
            except websockets.InvalidStatusCode as refusal:
                self.assertEqual(refusal.status_code, 503)  # "not now": the client comes back
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)

    # ---- clients of the gateway ----

    async def test_clients_come_in_with_tokens_of_their_issuer_and_no_others(self):
        self.start()
        client = await (await self.eventually_connects(self.client_token(), "one")).ready()
        self.assertEqual(client.hello["key"], "alice:one")
        await client.close()
        for what, token in {
                "expired": self.client_token(expires_in_s=-3600),
                "audience": self.client_token(audience=COORDINATOR),
                "issuer": self.client_token(iss="https://other.test"),
                "google": self.google.token("alice", CLIENTS),
                "cut": self.client_token()[:-4],
                "impostor": Key("key-1", "ES256").sign(
                    {"sub": "alice", "aud": CLIENTS, "iss": self.issuer.name,
                     "exp": int(time.time()) + 60})}.items():
            status = await self.refused(token)
            self.assertEqual(status, 401, what)
        expired = self.client_token(expires_in_s=-3600)
        browser = await Client().connect(
            self.stack.url(0), subprotocols=("interlock.v1", f"bearer.{expired}"), origin=BROWSER)
        self.assertEqual(await browser.wait_closed(), 4203)

    async def test_a_token_that_ends_ends_the_connection(self):
        self.start()
        aging = self.client_token(expires_in_s=-26)  # clocks may differ by 30 s
        client = await self.eventually_connects(aging, "aging")
        self.assertEqual(await client.wait_closed(), 4203)

    async def test_new_keys_are_fetched_when_a_token_names_them(self):
        self.start()
        old = self.client_token()
        await (await self.eventually_connects(old, "old")).close()
        self.issuer.rotate()
        await (await self.eventually_connects(self.client_token(), "new")).close()
        await (await (await self.connect(old, "again")).ready()).close()

    async def test_while_the_issuer_is_away_its_last_keys_serve(self):
        self.start()
        token = self.client_token()
        await (await self.eventually_connects(token, "before")).close()
        self.issuer.broken = (500, "garbage")
        self.issuer.rotate()
        self.assertEqual(await self.refused(self.client_token()), 503)  # a key that may come
        await (await (await self.connect(token, "meanwhile")).ready()).close()
        self.assertGreaterEqual(
            self.gateway.metric("interlock_jwks_refreshes_total")['{result="changed"}'], 1)
        self.assertGreaterEqual(self.gateway.metric("interlock_jwks_age_seconds")[""], 0)

    async def test_without_any_keys_clients_are_told_to_come_back(self):
        self.issuer.broken = (503, "")
        self.start()
        self.assertEqual(await self.refused(self.client_token()), 503)
        browser = await Client().connect(
            self.stack.url(0), subprotocols=("interlock.v1", f"bearer.{self.client_token()}"),
            origin=BROWSER)
        self.assertEqual(await browser.wait_closed(), 4006)
        self.issuer.broken = None
        await (await self.eventually_connects(self.client_token(), "s")).close()

    async def test_a_revoked_subject_is_out_within_seconds_and_stays_out(self):
        self.start()
        alice = [await self.eventually_connects(self.client_token(), f"s{i}") for i in range(3)]
        bob = await self.eventually_connects(self.client_token("bob"), "s")
        self.revoked.write_text("alice\n")
        begin = time.monotonic()
        codes = [await client.wait_closed() for client in alice]
        self.assertEqual(codes, [4501] * 3)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(await self.refused(self.client_token()), 403)
        browser = await Client().connect(
            self.stack.url(0), subprotocols=("interlock.v1", f"bearer.{self.client_token()}"),
            origin=BROWSER)
        self.assertEqual(await browser.wait_closed(), 4501)
        self.assertIsNone(bob.code)
        await bob.close()
        self.assertEqual(self.gateway.metric("interlock_revoked_subjects")[""], 1)
        self.revoked.unlink()  # who was revoked does not come back by an accident
        self.assertEqual(await self.refused(self.client_token()), 403)
        self.revoked.write_text("")
        wait_for(lambda: self.gateway.metric("interlock_revoked_subjects")[""] == 0, "pardon")
        await (await (await self.connect(self.client_token(), "back")).ready()).close()

    # ---- the gateway at its coordinator ----

    async def test_the_gateway_is_what_the_metadata_server_says(self):
        self.start()
        await (await self.eventually_connects(self.client_token(), "s")).close()
        left_s = self.gateway.metric("interlock_identity_left_seconds")[""]
        self.assertTrue(3000 < left_s <= 3600, left_s)
        self.assertEqual(self.metadata.asked, 1)

    async def test_until_it_knows_what_it_is_a_gateway_is_not_ready(self):
        moods = {"silent": None, "an error": (500, ""), "no token": "<html>garbage</html>",
                 "expired": self.gateway_token(COORDINATOR, -3600),
                 "for others": self.gateway_token("https://other.test")}
        mood = ["an error"]
        self.metadata.give = lambda audience: moods.get(mood[0]) or (500, "")
        self.stack.coordinator.start().wait_ready()
        self.gateway.start()
        for mood[0], why in (("an error", "status 500"), ("no token", "something else"),
                             ("expired", "expired already"), ("for others", "another audience")):
            wait_for(lambda: self.gateway_says(why), why)
        self.metadata.give = self.gateway_token
        self.gateway.wait_ready()
        wait_for(lambda: self.gateway.metric("interlock_attached").get("") == 1, "attachment")
        failed = self.gateway.metric("interlock_identity_refreshes_total")['{result="failed"}']
        self.assertTrue(4 <= failed < 40, failed)  # and that is no tight loop

    def gateway_says(self, why):
        try:
            status, text = http_get(
                f"http://127.0.0.1:{self.gateway.http_port}/health/ready")
        except OSError:
            return False
        return status == 503 and why in text

    async def test_a_token_that_the_coordinator_refuses_is_asked_for_anew(self):
        wrong = Issuer(free_port(), self.google.name)
        self.addCleanup(wrong.stop)
        wrong.keys[0].kid = "key-1"
        bad = wrong.token("107", COORDINATOR, email=GATEWAY_EMAIL, email_verified=True)
        self.metadata.give = lambda audience: bad
        self.stack.coordinator.start().wait_ready()
        self.gateway.start().wait_ready()  # it cannot know that its token is no good
        wait_for(lambda: self.metadata.asked >= 2, "second request")
        self.metadata.give = self.gateway_token
        wait_for(lambda: self.gateway.metric("interlock_attached").get("") == 1, "attachment", 60)
        self.assertLess(self.metadata.asked, 6)

    async def test_the_metadata_servers_outage_is_survived_by_the_token_that_there_is(self):
        self.start()
        self.metadata.give = lambda audience: (503, "")
        self.gateway_restart_of_coordinator()
        wait_for(lambda: self.gateway.metric("interlock_attached").get("") == 1, "attachment", 60)
        await (await self.eventually_connects(self.client_token(), "s")).close()

    def gateway_restart_of_coordinator(self):
        self.stack.coordinator.kill()
        wait_for(lambda: self.gateway.metric("interlock_attached").get("") == 0, "detachment")
        self.stack.coordinator.start().wait_ready()

    # ---- others at the coordinator ----

    async def test_operators_show_tokens_of_the_issuer(self):
        self.start()
        good = self.write("operator", self.google.token("operator-1", COORDINATOR))
        self.assertEqual(len(self.stack.ctl(f"--identity_token_file={good}", "gateways")), 1)
        nobody = self.write("nobody", self.google.token("somebody-else", COORDINATOR))
        with self.assertRaisesRegex(AssertionError, "no role"):
            self.stack.ctl(f"--identity_token_file={nobody}", "gateways")
        old = self.write("old", self.google.token("operator-1", COORDINATOR, -3600))
        with self.assertRaisesRegex(AssertionError, "does not accept the token"):
            self.stack.ctl(f"--token_file={old}", "gateways")
        agent = self.write("agent", STATIC_TOKEN)
        self.assertEqual(len(self.stack.ctl(f"--token_file={agent}", "gateways")), 1)


if __name__ == "__main__":
    unittest.main()
