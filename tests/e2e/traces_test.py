"""One trace through the real services: client, gateway, coordinator, backend, and back."""

import json
import os
import pathlib
import sys
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from http_api import publish  # noqa: E402
from publisher import Publisher, events_pb2  # noqa: E402
from stack import Stack, free_port  # noqa: E402
from ws_client import Client  # noqa: E402

TRACE = "0af7651916cd43dd8448eb211c80319c"
CLIENT_SPAN = "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{CLIENT_SPAN}-01"
UNSAMPLED = f"00-{TRACE}-{CLIENT_SPAN}-00"
WAIT_S_MAX = 20
HANDSHAKE = ("claim", "accept", "open", "ready")


class Span:
    def __init__(self, service, fields):
        self.service = service
        self.name = fields["name"]
        self.trace = fields["traceId"]
        self.id = fields["spanId"]
        self.parent = fields.get("parentSpanId", "")
        self.start = int(fields["startTimeUnixNano"])
        self.end = int(fields["endTimeUnixNano"])

    def __repr__(self):
        return f"{self.service}/{self.name} {self.trace}/{self.id} below {self.parent or 'nobody'}"


class Collector:
    """Takes OTLP over HTTP in JSON."""

    def __init__(self):
        self.spans = []
        self.news = threading.Condition()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                assert self.path == "/v1/traces", self.path
                collector.take(body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def take(self, body):
        with self.news:
            for resource in body["resourceSpans"]:
                about = {a["key"]: a["value"]["stringValue"]
                         for a in resource["resource"]["attributes"]}
                service = about["service.name"].removeprefix("interlock-")
                for scope in resource["scopeSpans"]:
                    self.spans += [Span(service, fields) for fields in scope["spans"]]
            self.news.notify_all()

    def flags(self, ratio):
        return [f"--otlp_endpoint=http://127.0.0.1:{self.server.server_address[1]}",
                f"--trace_sample_ratio={ratio}"]

    def wait(self, condition, what):
        with self.news:
            found = self.news.wait_for(lambda: condition(self.spans), WAIT_S_MAX)
        assert found, f"no {what} in {WAIT_S_MAX} s: {self.spans}"
        return list(self.spans)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def named(spans, service, name):
    return [span for span in spans if (span.service, span.name) == (service, name)]


def lines(service, message, key):
    """What it has logged about the connection."""
    text = service.log_path.read_text()
    objects = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [o for o in objects if o["message"] == message and o.get("key") == key]


def until(condition, what):
    deadline = time.monotonic() + WAIT_S_MAX
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"no {what} in {WAIT_S_MAX} s")


class Traces(unittest.IsolatedAsyncioTestCase):
    def stack(self, flags):
        return Stack(gateways=1, gateway_flags=flags, coordinator_flags=flags)

    async def live(self, stack, session, traceparent=None):
        """A whole life: ready, a message, the five events of its run, the end. The key."""
        headers = {} if traceparent is None else {"traceparent": traceparent}
        client = await Client().connect(stack.url(session=session), headers=headers)
        await client.ready()
        await client.message("m1")
        await client.wait_events(5)
        await client.ack(5)
        await client.close()
        key = client.hello["key"]
        until(lambda: [line for line in lines(stack.coordinator, "Transition.", key)
                       if line["to"] == "CLOSED"], "end")
        return key

    def check_lines(self, stack, key, trace):
        """Every line about the connection names its trace."""
        transitions = lines(stack.coordinator, "Transition.", key)
        self.assertGreaterEqual({line["to"] for line in transitions},
                                {"CONNECTING", "PROCESSING_READY", "PROCESSING", "CLOSED"})
        ended = until(lambda: lines(stack.gateways[0], "Session ended.", key), "end of a session")
        begun = lines(stack.agent, "Agent run begins.", key)
        self.assertEqual(len(begun), 1)
        for line in [*transitions, *ended, *begun]:
            self.assertEqual(line.get("trace_id"), trace, line)
            self.assertRegex(line["span_id"], "^[0-9a-f]{16}$")

    async def test_one_trace_from_the_client_to_the_backend_and_back(self):
        with Collector() as collector, self.stack(collector.flags(0)) as stack:
            key = await self.live(stack, "traced", SAMPLED)
            spans = collector.wait(
                lambda all: named(all, "gateway", "receive")
                and len(named(all, "coordinator", "publish")) == 5
                and len(named(all, "coordinator", "operate")) >= 2, "spans of all of it")
            for span in spans:
                self.assertEqual(span.trace, TRACE, span)
                self.assertLessEqual(span.start, span.end)
            connect, = named(spans, "gateway", "connect")
            self.assertEqual(connect.parent, CLIENT_SPAN)
            step = {name: named(spans, "gateway", name)[0] for name in (*HANDSHAKE, "receive")}
            for span in step.values():
                self.assertEqual(span.parent, connect.id, span)
            self.assertEqual(len(named(spans, "gateway", "connect")), 1)
            claim, = named(spans, "coordinator", "claim")
            self.assertEqual(claim.parent, step["claim"].id)
            self.assertLessEqual(step["claim"].start, claim.start)
            operations = [span.parent for span in named(spans, "coordinator", "operate")]
            self.assertIn(step["ready"].id, operations)
            self.assertIn(connect.id, operations, "the end")
            self.assertEqual({span.parent for span in named(spans, "coordinator", "publish")},
                             {step["receive"].id})
            self.check_lines(stack, key, TRACE)
            await self.check_publishers(collector, stack)

    async def check_publishers(self, collector, stack):
        """A publisher of its own says it in gRPC's metadata, or in a field of HTTP."""
        client = await Client().connect(stack.url(session="published"))
        await client.ready()
        key = client.hello["key"]
        async with Publisher(stack.coordinator_port, key) as publisher:
            event = events_pb2.PublishRequest(key=key, type="note", payload=b"1",
                                              idempotency_key="grpc")
            await publisher.events.Publish(
                event, timeout=10, metadata=(("traceparent", f"00-{TRACE}-{1:016x}-01"),))
        note = {"type": "note", "data": 2}
        answer = publish(stack.gateway_ports[0], key, note, "http",
                         traceparent=f"00-{TRACE}-{2:016x}-01")
        self.assertEqual(answer.status, 200)
        parents = {f"{1:016x}", f"{2:016x}"}
        collector.wait(lambda all: parents <= {span.parent for span in
                                               named(all, "coordinator", "publish")}, "publishes")
        await client.close()

    async def test_what_its_caller_does_not_sample_is_in_the_log_and_not_exported(self):
        with Collector() as collector, self.stack(collector.flags(1)) as stack:
            key = await self.live(stack, "unsampled", UNSAMPLED)
            self.check_lines(stack, key, TRACE)
            await self.live(stack, "sampled", f"00-{'c' * 32}-{CLIENT_SPAN}-01")
            spans = collector.wait(lambda all: named(all, "gateway", "connect")
                                   and len(named(all, "coordinator", "publish")) == 5, "spans")
            self.assertEqual({span.trace for span in spans}, {"c" * 32})

    async def test_a_garbage_header_begins_a_trace_like_none(self):
        with Collector() as collector, self.stack(collector.flags(1)) as stack:
            for session, header in (("garbage", "00-garbage"), ("none", None),
                                    ("zeros", f"00-{'0' * 32}-{CLIENT_SPAN}-01")):
                await self.live(stack, session, header)
            spans = collector.wait(lambda all: len(named(all, "gateway", "connect")) == 3
                                   and len(named(all, "coordinator", "claim")) == 3, "three traces")
            connects = named(spans, "gateway", "connect")
            self.assertEqual({span.parent for span in connects}, {""})
            self.assertEqual(len({span.trace for span in connects}), 3)
            self.assertEqual({span.trace for span in named(spans, "coordinator", "claim")},
                             {span.trace for span in connects})

    async def test_a_collector_that_is_away_harms_nobody_and_is_counted(self):
        flags = [f"--otlp_endpoint=http://127.0.0.1:{free_port()}", "--trace_sample_ratio=1"]
        with self.stack(flags) as stack:
            for number in range(3):
                await self.live(stack, f"away{number}")
            for service in (stack.gateways[0], stack.coordinator):
                until(lambda s=service: s.metric("interlock_span_exports_failed_total").get("", 0),
                      "failed export")
                until(lambda s=service: s.metric("interlock_spans_dropped_total").get("", 0) >= 3,
                      "dropped spans")
                self.assertEqual(service.metric("interlock_spans_exported_total")[""], 0)
            begun = time.monotonic()
            self.assertEqual(stack.gateways[0].stop(), 0)
            self.assertEqual(stack.coordinator.stop(), 0)
            self.assertLess(time.monotonic() - begun, 10)

    async def test_switched_off_it_still_passes_on_what_it_is_given(self):
        with self.stack([]) as stack:
            key = await self.live(stack, "off", SAMPLED)
            self.check_lines(stack, key, TRACE)
            untraced = await self.live(stack, "untraced")
            for line in lines(stack.coordinator, "Transition.", untraced):
                self.assertNotIn("trace_id", line)
            self.assertEqual(stack.gateways[0].metric("interlock_spans_exported_total"), {})
            steps = stack.gateways[0].metric("interlock_handshake_step_seconds_count")
            self.assertEqual(steps, {f'{{step="{name}"}}': 2 for name in HANDSHAKE})

    async def test_with_a_project_cloud_logging_finds_the_lines(self):
        with self.stack(["--trace_project_id=my-project"]) as stack:
            key = await self.live(stack, "cloud", SAMPLED)
            line = until(lambda: lines(stack.gateways[0], "Session ended.", key), "line")[0]
            self.assertEqual(line["logging.googleapis.com/trace"],
                             f"projects/my-project/traces/{TRACE}")


if __name__ == "__main__":
    unittest.main()
