"""interlockctl against the services as they are: it tries them out, publishes, and looks on."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import jwt

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import BIN, Stack, free_port  # noqa: E402
from tls_front import TlsFront, self_signed  # noqa: E402
from ws_client import Client  # noqa: E402

STEPS = ["coordinator", "connect", "known", "publish", "deliver", "drop", "resume", "replay",
         "live", "close"]
TOKENS = {"gateway": "gateway-token-of-a-test", "reader": "reader-token-of-a-test",
          "both": "reader-and-publisher-token"}
SECRET = "a key of at least thirty-two bytes, for tests only"


def tool(stack, *arguments, stdin=None, environment=None, coordinator=0):
    """(exit code, output, remarks) of interlockctl as a person runs it."""
    done = subprocess.run(
        [str(BIN / "interlockctl"),
         f"--coordinator=127.0.0.1:{stack.coordinator_ports[coordinator]}", *arguments],
        input=stdin if stdin is not None else "", capture_output=True, text=True, timeout=60,
        check=False, env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


async def run(stack, *arguments, **options):
    return await asyncio.to_thread(tool, stack, *arguments, **options)


async def steps_of(stack, *arguments, **options):
    """(exit code, {step: its object}) of `interlockctl --json test`."""
    code, text, _ = await run(stack, "--json", "test", *arguments, **options)
    return code, {step["step"]: step for step in map(json.loads, text.splitlines())}


class Case(unittest.IsolatedAsyncioTestCase):
    async def started(self, **options):
        """A stack that ends with the test."""
        stack = Stack(**options)
        await asyncio.to_thread(stack.__enter__)
        self.addAsyncCleanup(asyncio.to_thread, stack.__exit__, None, None, None)
        return stack

    async def connected(self, stack, session, gateway=0, **options):
        client = await Client().connect(stack.url(gateway, session=session), **options)
        await client.ready()
        self.addAsyncCleanup(client.close)
        return client

    def broken_at(self, step, steps, words):
        """That everything before this step worked, and that it says what is wrong."""
        self.assertEqual(list(steps), STEPS[:STEPS.index(step) + 1])
        self.assertEqual([name for name, one in steps.items() if not one["ok"]], [step])
        self.assertIn(words, steps[step]["text"])


class TryingOut(Case):
    async def test_what_works_works_through_two_gateways_and_through_one(self):
        stack = await self.started(gateways=2)
        code, text, remark = await run(stack, "test", stack.url(0), stack.url(1),
                                       "--session=mine", environment={"LC_ALL": "C.UTF-8"})
        self.assertEqual(code, 0, text + remark)
        self.assertEqual([line.split()[:2] for line in text.splitlines()],
                         [["✓", step] for step in STEPS])
        self.assertEqual(remark, "Everything works.\n")
        shown = stack.ctl("get", "anonymous:ctl-test-mine")[0]
        self.assertEqual((shown["state"], shown["acknowledged"]), ("CLOSED", "11"))
        code, steps = await steps_of(stack, stack.url(0), "--events=200")
        self.assertEqual((code, list(steps)), (0, STEPS), steps)
        self.assertIn("all 401 acknowledged", steps["close"]["text"])
        self.assertTrue(all(isinstance(step["ms"], int) for step in steps.values()))

    async def test_a_second_gateway_that_is_not_there_is_named(self):
        stack = await self.started(gateways=1)
        nobody = f"ws://127.0.0.1:{free_port()}/ws"
        code, steps = await steps_of(stack, stack.url(0), nobody)
        self.assertEqual(code, 5)
        self.broken_at("resume", steps, f"Cannot reach the gateway at {nobody} (Connection refused)")
        self.assertIn("has waited for its client", steps["resume"]["text"])

    async def test_a_gateway_that_drains_and_a_session_that_is_barred_are_told_apart(self):
        stack = await self.started(gateways=2)
        client = await self.connected(stack, "ctl-test-x")
        code, _, remark = await run(stack, "kick", "anonymous:ctl-test-x", "--reason=a test")
        self.assertEqual(code, 0, remark)
        await client.wait_closed()
        code, steps = await steps_of(stack, stack.url(0), "--session=x")
        self.assertEqual(code, 4)
        self.broken_at("connect", steps, "refused the upgrade with 403")
        self.assertIn("an operator has ended it", steps["connect"]["text"])

        address = f"127.0.0.1:{stack.gateway_ports[1]}"
        second = next(one for one in stack.ctl("gateways") if one["address"] == address)
        code, _, remark = await run(stack, "gateway", "drain", second["gateway_id"], "--wait",
                                    "--reason=a test")
        self.assertEqual(code, 0, remark)
        deadline = time.monotonic() + 30
        while await asyncio.to_thread(stack.gateways[1].is_ready):
            self.assertLess(time.monotonic(), deadline, "the gateway never heard of its drain")
            await asyncio.sleep(0.05)
        code, steps = await steps_of(stack, stack.url(0), stack.url(1))
        self.assertEqual(code, 5)
        self.broken_at("resume", steps, "refused the upgrade with 503")
        self.assertIn("interlockctl gateways", steps["resume"]["text"])

    async def test_a_gateway_of_another_store_is_found(self):
        mine = await self.started(gateways=1, agent=False)
        other = await self.started(gateways=1, agent=False)
        code, steps = await steps_of(mine, other.url(0))
        self.assertEqual(code, 1)
        self.broken_at("known", steps, "the gateway asks a coordinator of another store")

    async def test_roles_and_tokens_that_are_missing_are_named(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        folder = pathlib.Path(scratch.name)
        files = {name: folder / name for name in (*TOKENS, "all", "key", "client")}
        for name, token in TOKENS.items():
            files[name].write_text(token)
        roles = {"gateway": "gateway", "reader": "reader", "both": ["reader", "publisher"]}
        files["all"].write_text(json.dumps(
            [{"token": TOKENS[name], "role": role, "subject": name} for name, role in roles.items()]))
        files["key"].write_text(SECRET)
        files["client"].write_text(jwt.encode({"sub": "alice"}, SECRET, algorithm="HS256"))
        stack = await self.started(
            gateways=2, agent=False,
            coordinator_flags=["--auth=token", f"--token_file={files['all']}"],
            gateway_flags=[f"--coordinator_token_file={files['gateway']}", "--auth=jwt",
                           f"--auth_key_file={files['key']}"])
        urls = [stack.url(0), stack.url(1)]
        client = f"--client_token_file={files['client']}"

        code, steps = await steps_of(stack, *urls, client)
        self.assertEqual(code, 4)
        self.broken_at("coordinator", steps, "give a token with --token_file=FILE")
        code, steps = await steps_of(stack, *urls, f"--token_file={files['both']}")
        self.assertEqual(code, 4)
        self.broken_at("connect", steps, "It wants a client's token")
        code, steps = await steps_of(stack, *urls, client, f"--token_file={files['reader']}")
        self.assertEqual(code, 4)
        self.broken_at("publish", steps, "Event 1 was not accepted. Permission denied")
        self.assertEqual(stack.ctl("--token_file", str(files["reader"]), "list", "--live"), [],
                         "what was opened is closed again")
        code, steps = await steps_of(stack, *urls, client, f"--token_file={files['both']}")
        self.assertEqual((code, list(steps)), (0, STEPS), steps)
        self.assertIn("alice:ctl-test-", steps["connect"]["text"])

    async def test_over_tls_the_certificate_is_checked(self):
        stack = await self.started(gateways=1, agent=False)
        context, authority = self_signed(stack.folder)
        async with TlsFront(stack.gateway_ports[0], context) as front:
            url = f"wss://localhost:{front.port}"
            trusting = {"SSL_CERT_FILE": str(authority)}
            code, steps = await steps_of(stack, url, environment=trusting)
            self.assertEqual((code, list(steps)), (0, STEPS), steps)
            code, steps = await steps_of(stack, url)
            self.assertEqual(code, 5)
            self.broken_at("connect", steps, "certificate verify failed")
            code, steps = await steps_of(stack, f"wss://127.0.0.1:{front.port}",
                                         environment=trusting)
            self.assertEqual(code, 5, "the certificate is another host's")
            self.broken_at("connect", steps, "certificate verify failed")


class Publishing(Case):
    async def test_an_event_is_published_and_followed_to_its_end(self):
        stack = await self.started(gateways=1)
        client = await self.connected(stack, "tab1")
        key = client.hello["key"]
        code, text, remark = await run(stack, "--json", "publish", key, "note",
                                       stdin='{"text": "hällo"}\n')
        self.assertEqual(code, 0, remark)
        receipt = json.loads(text)
        self.assertEqual(receipt["sequence"], "1")
        await client.wait_events(1)
        self.assertEqual(client.of_type("event")[0]["data"], {"text": "hällo"})
        made_up = remark.split("idempotency key is ")[1].split(";")[0]
        again = stack.ctl("publish", key, "note", "1", f"--idempotency_key={made_up}")[0]
        self.assertEqual((again["sequence"], again["repeated"]), ("1", True))

        code, text, _ = await run(stack, "delivery", key, "1")
        self.assertEqual((code, text.split()[0]), (0, "accepted"))
        following = asyncio.ensure_future(run(
            stack, "--json", "delivery", key, "1", "--follow",
            f"--since={receipt['sequence_since']}"))
        await client.ack(1)
        code, text, remark = await following
        self.assertEqual(code, 0, remark)
        self.assertEqual([json.loads(line)["status"] for line in text.splitlines()][-1],
                         "ACKNOWLEDGED")
        code, _, _ = await run(stack, "delivery", key, "2")
        self.assertEqual(code, 3)

        for number, kind in enumerate(("agent_started", "agent_completed"), 1):
            code, _, remark = await run(stack, "publish", key, kind, "{}", "--run=r1",
                                        f"--number={number}")
            self.assertEqual(code, 0, remark)
        code, _, remark = await run(stack, "publish", key, "x", "{}", "--run=r1", "--number=9")
        self.assertEqual(code, 4)
        self.assertIn("Go on with 3.", remark)
        code, _, remark = await run(stack, "publish", "nobody:x", "note", "{}")
        self.assertEqual(code, 3)


class LookingOn(Case):
    async def follow(self, stack):
        process = await asyncio.create_subprocess_exec(
            str(BIN / "interlockctl"), f"--coordinator=127.0.0.1:{stack.coordinator_port}",
            "--json", "watch", "--follow", stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        self.addCleanup(lambda: process.returncode is None and process.kill())
        return process

    async def seen(self, process, key, timeout=30):
        """Reads until this connection was shown."""
        async def until():
            while line := await process.stdout.readline():
                if json.loads(line).get("changed", {}).get("key") == key:
                    return
            self.fail("the watch ended")
        await asyncio.wait_for(until(), timeout)

    async def test_a_watch_goes_on_behind_an_outage(self):
        stack = await self.started(gateways=1, agent=False)
        process = await self.follow(stack)
        # Until the watch stands nothing is shown, so connections come until one is.
        watching = asyncio.ensure_future(process.stdout.readline())
        number = 0
        while not watching.done():
            number += 1
            await (await self.connected(stack, f"early{number}")).close()
            await asyncio.wait([watching], timeout=0.2)
        await self.connected(stack, "before")
        await self.seen(process, "anonymous:before")
        await asyncio.to_thread(stack.coordinator.kill)
        said = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
        self.assertIn("Trying until it is back", said)
        await asyncio.to_thread(lambda: stack.coordinator.start().wait_ready())
        await asyncio.to_thread(stack.gateways[0].wait_ready)
        said = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
        self.assertRegex(said, r"Watching again at .*, from revision \d+: \d+ connections had")
        await self.connected(stack, "after")
        await self.seen(process, "anonymous:after")
        process.send_signal(signal.SIGINT)
        self.assertEqual(await asyncio.wait_for(process.wait(), 30), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
