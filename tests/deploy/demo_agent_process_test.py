"""The demonstration's agent as a process; this test plays its gateway and its coordinator."""

import collections
import concurrent.futures
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import grpc

SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
AGENT = pathlib.Path(os.environ["INTERLOCK_BIN_DIR"]) / "interlock-demo-agent"
KEY = "anonymous:s"
TYPES = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
PATIENCE_S = 20

sys.path.insert(0, str(SOURCE / "tests" / "support"))
from stubs import load_stubs  # noqa: E402

load_stubs()
from interlock.v1 import (  # noqa: E402
    backend_pb2, backend_pb2_grpc, connection_pb2, events_pb2, events_pb2_grpc)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Record:
    """What a coordinator's store keeps of the runs of one key; it outlives the coordinator."""

    def __init__(self):
        self.lock = threading.Condition()
        self.accepted = []  # requests in the order of their sequence
        self.last_number = collections.Counter()
        self.attempts = 0
        self.tokens_seen = set()

    def wait_for(self, condition):
        with self.lock:
            if not self.lock.wait_for(condition, PATIENCE_S):
                raise AssertionError(f"only {[event.type for event in self.accepted]} came")


class Events(events_pb2_grpc.EventsServicer):
    """Publish, with an answer that is lost now and then although the event was taken."""

    def __init__(self, record, lose_answers=False):
        self.record = record
        self.lose_answers = lose_answers

    def Publish(self, request, context):
        with self.record.lock:
            self.record.attempts += 1
            self.record.tokens_seen.add(dict(context.invocation_metadata()).get("authorization"))
            last = self.record.last_number[request.run]
            if request.number < last:
                self.refuse(context, grpc.StatusCode.ALREADY_EXISTS, connection_pb2.Refusal(
                    already_accepted=connection_pb2.Refusal.AlreadyAccepted(last_number=last)))
            if request.number > last + 1:
                self.refuse(context, grpc.StatusCode.OUT_OF_RANGE, connection_pb2.Refusal(
                    out_of_order=connection_pb2.Refusal.OutOfOrder(last_number=last)))
            if request.number == last + 1:
                self.record.last_number[request.run] += 1
                self.record.accepted.append(request)
                self.record.lock.notify_all()
        if self.lose_answers and self.record.attempts % 3 == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "lost")
        return events_pb2.Receipt(sequence=len(self.record.accepted))

    @staticmethod
    def refuse(context, code, refusal):
        error = connection_pb2.ErrorStatus(code=code.value[0])
        error.details.add().Pack(refusal)
        context.set_trailing_metadata((("grpc-status-details-bin", error.SerializeToString()),))
        context.abort(code, "refused")


def start_coordinator(record, port, **how):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8),
                         options=[("grpc.so_reuseport", 0)])
    events_pb2_grpc.add_EventsServicer_to_server(Events(record, **how), server)
    if server.add_insecure_port(f"127.0.0.1:{port}") != port:
        raise AssertionError(f"port {port} was taken")
    server.start()
    return server


class AgentProcess(unittest.TestCase):
    def setUp(self):
        self.record = Record()
        self.coordinator_port = free_port()
        self.agents = []

    def tearDown(self):
        for agent in self.agents:
            agent.kill()
            agent.wait()

    def start_agent(self, *flags):
        port = free_port()
        agent = subprocess.Popen([AGENT, f"--listen=127.0.0.1:{port}",
                                  f"--coordinator=127.0.0.1:{self.coordinator_port}", *flags],
                                 stderr=subprocess.DEVNULL)
        self.agents.append(agent)
        channel = grpc.insecure_channel(
            f"127.0.0.1:{port}", options=[("grpc.initial_reconnect_backoff_ms", 50),
                                          ("grpc.min_reconnect_backoff_ms", 1000)])
        self.addCleanup(channel.close)
        grpc.channel_ready_future(channel).result(PATIENCE_S)
        return agent, backend_pb2_grpc.BackendStub(channel)

    def coordinator(self, **how):
        server = start_coordinator(self.record, self.coordinator_port, **how)
        self.addCleanup(server.stop, None)
        return server

    @staticmethod
    def message(number=1, generation=5):
        return backend_pb2.ReceiveRequest(key=KEY, generation=generation, message_id=f"m{number}",
                                          data=b'{"text":"hello there"}')

    def runs(self):
        runs = collections.defaultdict(list)
        for event in self.record.accepted:
            runs[event.run].append((event.number, event.type))
        return runs

    def test_a_message_is_accepted_thought_about_and_answered_with_five_events(self):
        self.coordinator()
        _, backend = self.start_agent("--pause=20ms", "--tokens=4")
        answers = list(backend.Receive(self.message(), timeout=PATIENCE_S))
        self.assertEqual(["accepted"] + ["event"] * 4, [a.WhichOneof("answer") for a in answers])
        self.assertEqual({("token", 0)}, {(a.event.type, a.event.after) for a in answers[1:]})
        self.record.wait_for(lambda: len(self.record.accepted) == 5)
        self.assertEqual([list(enumerate(TYPES, 1))], list(self.runs().values()))
        answer = json.loads(self.record.accepted[-1].payload)["answer"]
        self.assertEqual("Your message has 2 words and 11 characters.", answer)

    def test_a_coordinator_that_restarts_in_the_middle_gets_every_event_once(self):
        first = self.coordinator(lose_answers=True)
        _, backend = self.start_agent("--pause=50ms")
        for number in range(50):
            next(backend.Receive(self.message(number), timeout=PATIENCE_S))
        self.record.wait_for(lambda: len(self.record.accepted) > 70)
        first.stop(None).wait()
        self.assertLess(len(self.record.accepted), 250)
        attempts = self.record.attempts
        self.coordinator(lose_answers=True)
        self.record.wait_for(lambda: len(self.record.accepted) == 250)
        self.assertGreater(self.record.attempts, attempts)
        self.assertEqual([list(enumerate(TYPES, 1))] * 50, list(self.runs().values()))

    def test_a_message_repeated_to_a_restarted_agent_continues_its_run(self):
        self.coordinator()
        first, backend = self.start_agent("--pause=100ms")
        next(backend.Receive(self.message(), timeout=PATIENCE_S))
        self.record.wait_for(lambda: len(self.record.accepted) == 2)
        first.kill()
        _, backend = self.start_agent("--pause=1ms")
        for _ in range(3):
            next(backend.Receive(self.message(), timeout=PATIENCE_S))
        self.record.wait_for(lambda: len(self.record.accepted) == 5)
        self.assertEqual([list(enumerate(TYPES, 1))], list(self.runs().values()))

    def test_generations_below_the_highest_are_refused(self):
        self.coordinator()
        _, backend = self.start_agent()
        backend.Open(backend_pb2.OpenRequest(key=KEY, generation=9), timeout=PATIENCE_S)
        backend.Closed(backend_pb2.ClosedRequest(key=KEY, generation=3), timeout=PATIENCE_S)
        for call in (lambda: backend.Open(backend_pb2.OpenRequest(key=KEY, generation=8),
                                          timeout=PATIENCE_S),
                     lambda: list(backend.Receive(self.message(generation=8), timeout=PATIENCE_S))):
            with self.assertRaises(grpc.RpcError) as refused:
                call()
            self.assertEqual(grpc.StatusCode.ABORTED, refused.exception.code())

    def test_the_token_goes_into_every_publish(self):
        self.coordinator()
        with tempfile.NamedTemporaryFile("w") as token:
            print("publisher-token", file=token, flush=True)
            _, backend = self.start_agent("--pause=1ms", f"--coordinator_token_file={token.name}")
        list(backend.Receive(self.message(), timeout=PATIENCE_S))
        self.record.wait_for(lambda: len(self.record.accepted) == 5)
        self.assertEqual({"Bearer publisher-token"}, self.record.tokens_seen)

    def test_sigterm_ends_it_promptly_in_the_middle_of_runs_and_without_a_coordinator(self):
        agent, backend = self.start_agent("--pause=10s")
        listening = backend.Receive(self.message(), timeout=PATIENCE_S)
        next(listening)
        began = time.monotonic()
        agent.send_signal(signal.SIGTERM)
        self.assertEqual(0, agent.wait(PATIENCE_S))
        self.assertLess(time.monotonic() - began, 3)

    def test_nonsense_in_the_settings_is_refused_with_a_sentence(self):
        for flag, word in (("--pause=fast", "duration"), ("--tokens=-1", "tokens"),
                           ("--coordinator=nowhere", "coordinator"), ("extra", "extra"),
                           ("--coordinator_token_file=/nonexistent", "/nonexistent")):
            done = subprocess.run([AGENT, flag], capture_output=True, text=True, timeout=PATIENCE_S)
            self.assertEqual(2, done.returncode, flag)
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
