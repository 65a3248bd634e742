#!/usr/bin/python3
"""A backend in Python: backend.py LISTEN COORDINATOR, both host:port. A message is a run of five."""
import concurrent.futures, pathlib, subprocess, sys, tempfile, threading, time  # noqa: E401
import grpc
PROTO, STUBS = pathlib.Path(__file__).resolve().parents[2] / "proto", tempfile.TemporaryDirectory()
subprocess.run(["protoc", f"-I{PROTO}", f"--python_out={STUBS.name}", f"--grpc_out={STUBS.name}",
                "--plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin",
                *map(str, PROTO.glob("interlock/v1/*.proto"))], check=True)
sys.path.insert(0, STUBS.name)
from interlock.v1 import backend_pb2, backend_pb2_grpc, events_pb2, events_pb2_grpc  # noqa: E402
FIVE = "agent_started agent_thinking tool_executing tool_completed agent_completed".split()
AGAIN = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED")
EVENTS = events_pb2_grpc.EventsStub(grpc.insecure_channel(sys.argv[2]))

class Backend(backend_pb2_grpc.BackendServicer):  # one thread calls it, so it needs no lock
    newest, messages = {}, set()  # the highest generation of each key; what was accepted
    def Open(self, request, context):
        if request.generation < self.newest.get(request.key, 0):  # it was replaced
            context.abort(grpc.StatusCode.ABORTED, "a newer generation is connected")
        self.newest[request.key] = request.generation
        return backend_pb2.OpenResponse()
    def Receive(self, request, context):
        self.Open(request, context)
        message = (request.key, request.message_id)
        if message not in self.messages:  # the run goes on, whether its caller is there or not
            threading.Thread(target=play, args=message, daemon=True).start()
        self.messages.add(message)
        yield backend_pb2.ReceiveResponse(accepted=backend_pb2.ReceiveResponse.Accepted())

def play(key, run):  # an event without an answer is repeated: its number makes it one event
    for event in [events_pb2.PublishRequest(key=key, run=run, number=n, type=FIVE[n - 1],
                                            payload=b"{}") for n in range(1, 6)]:
        while EVENTS.Publish.future(event, timeout=5).code().name in AGAIN:
            time.sleep(0.1)

server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=1))
backend_pb2_grpc.add_BackendServicer_to_server(Backend(), server)
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
