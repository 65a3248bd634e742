"""A webhook backend behind a real gateway: it is told, and publishes back over HTTP."""

import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from http_api import Webhook, publish, write_file  # noqa: E402
from stack import Stack  # noqa: E402
from ws_client import FIVE, Client  # noqa: E402

KEY = b"a webhook key of a test, long enough"


class WebhookBackend(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.key_file = write_file(self.folder.name, "key", KEY.decode())

    def stack(self, webhook, scheme="http", flags=()):
        return Stack(gateways=1, agent=False, gateway_flags=[
            f"--backend={scheme}://localhost:{webhook.port}/hook",
            f"--webhook_key_file={self.key_file}", *flags])

    async def test_a_message_becomes_five_events_in_order(self):
        receipts = []
        answered = threading.Event()

        def on_event(event):
            if event["type"] == "interlock.v1.message":
                threading.Thread(target=run_agent, args=(event,), daemon=True).start()
            return 204

        def run_agent(event):
            for number, kind in enumerate(FIVE, 1):
                receipts.append(publish(port, event["subject"], {
                    "type": kind, "data": event["data"]["data"],
                    "run": event["data"]["message_id"], "number": number}))
            answered.set()

        with Webhook(KEY, on_event) as webhook, self.stack(webhook) as stack:
            port = stack.gateway_ports[0]
            client = await Client().connect(stack.url(session="five"))
            await client.ready()
            self.assertEqual(webhook.wait_for("open")["data"]["generation"],
                             client.hello["generation"])
            await client.message("m1", {"text": "ä", "n": [1, 2]})
            await client.wait_events(5)
            self.assertEqual(client.events(), list(enumerate(FIVE, 1)))
            self.assertTrue(answered.wait(10))
            self.assertEqual([(r.status, r.json["sequence"]) for r in receipts],
                             [(200, number) for number in range(1, 6)])
            self.assertEqual(receipts[0].json["state"], "PROCESSING")
            for frame in client.of_type("event"):
                self.assertEqual(frame["data"], {"text": "ä", "n": [1, 2]})
            self.assertEqual([frame["id"] for frame in client.of_type("ack")], ["m1"])
            await self.repeated(port, client)
            await client.close()
            self.assertEqual(webhook.wait_for("closed")["data"]["generation"],
                             client.hello["generation"])
            self.assertEqual(webhook.faults, [])

    async def repeated(self, port, client):
        """The same Idempotency-Key again is one event."""
        key = client.hello["key"]
        note = {"type": "note", "data": 1}
        said = [publish(port, key, note, "once").json for _ in range(3)]
        self.assertEqual([one["repeated"] for one in said], [False, True, True])
        self.assertEqual({one["sequence"] for one in said}, {6})
        publish(port, key, {"type": "last", "data": 2}, "another")
        await client.wait_events(7)
        self.assertEqual(client.events()[5:], [(6, "note"), (7, "last")])

    async def test_a_message_that_is_rejected_or_not_taken_now_is_told_to_its_client(self):
        status = {"now": 204}
        with Webhook(KEY, lambda event: status["now"]) as webhook, self.stack(webhook) as stack:
            client = await Client().connect(stack.url(session="refused"))
            await client.ready()
            for number, retryable in ((422, False), (504, True)):
                status["now"] = number
                await client.message(f"m{number}")
                await client.wait(lambda c, n=number: [
                    e for e in c.of_type("error") if e["id"] == f"m{n}"], "error")
                self.assertEqual(client.of_type("error")[-1]["retryable"], retryable)
            self.assertEqual(client.of_type("ack"), [])
            await client.close()

    def certificate(self):
        """A server's context, and the file with the authority that vouches for it: itself."""
        pem, private = (pathlib.Path(self.folder.name) / name for name in ("cert", "private"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", private, "-out", pem, "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost"],
            check=True, capture_output=True, timeout=30)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, private)
        return context, pem

    async def test_over_tls_a_server_that_nobody_vouches_for_is_told_nothing(self):
        context, pem = self.certificate()
        with Webhook(KEY, ssl_context=context) as webhook:
            with self.stack(webhook, "https", [f"--webhook_ca_file={pem}"]) as stack:
                client = await Client().connect(stack.url(session="trusted"))
                await client.ready()
                self.assertEqual(client.of_type("ready")[0]["state"], "PROCESSING_READY")
                await client.close()
            taken = len(webhook.events)
            self.assertGreaterEqual(taken, 1)
            with self.stack(webhook, "https") as stack:
                client = await Client().connect(stack.url(session="untrusted"))
                await client.ready()
                self.assertEqual(client.of_type("ready")[0]["state"], "DEGRADED")
                await client.close()
            self.assertEqual(len(webhook.events), taken)


if __name__ == "__main__":
    unittest.main()
