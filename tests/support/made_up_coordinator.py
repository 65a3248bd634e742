"""A coordinator that says what a test wants operators to see."""

import queue
import time
from concurrent import futures

import grpc

from stack import free_port
from stubs import load_stubs

load_stubs()
from interlock.v1 import admin_pb2, admin_pb2_grpc, connection_pb2  # noqa: E402

BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]


def latency(*buckets):
    return connection_pb2.Latency(count=sum(buckets), sum_seconds=1, bounds_seconds=BOUNDS,
                                  buckets=[*buckets, *([0] * (len(BOUNDS) + 1 - len(buckets)))])


class MadeUpCoordinator(admin_pb2_grpc.AdminServicer):
    """Set what it knows before it is asked, or between two questions. `calls`: how often each
    method was asked."""

    def __init__(self):
        self.stats = admin_pb2.StatsResponse()
        self.gateways = []
        self.connections = {}
        self.entries = {}
        self.findings = {}
        self.outboxes = {}
        self.calls = {}
        self.drains = []
        self.watchers = []
        self.revision = 100
        self.server = grpc.server(futures.ThreadPoolExecutor(24))
        admin_pb2_grpc.add_AdminServicer_to_server(self, self.server)
        self.port = free_port()
        self.server.add_insecure_port(f"127.0.0.1:{self.port}")

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        for news in self.watchers:
            news.put(None)
        self.server.stop(None).wait()

    def change(self, connection, entries=()):
        """As everybody who watches will see it."""
        self.revision += 1
        self.connections[connection.key] = connection
        self.entries.setdefault(connection.key, []).extend(entries)
        shown = admin_pb2.Connection()
        shown.CopyFrom(connection)
        shown.transitions.extend(entries)
        for news in self.watchers:
            news.put(admin_pb2.WatchResponse(changed=shown, revision=self.revision))

    def _asked(self, method):
        self.calls[method] = self.calls.get(method, 0) + 1

    def _known(self, key, context):
        if key not in self.connections:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no such record")
        return self.connections[key]

    def Stats(self, request, context):
        self._asked("Stats")
        return self.stats

    def ListGateways(self, request, context):
        self._asked("ListGateways")
        return admin_pb2.ListGatewaysResponse(gateways=self.gateways)

    def List(self, request, context):
        self._asked("List")
        return admin_pb2.ListResponse()

    def Get(self, request, context):
        self._asked("Get")
        return self._known(request.key, context)

    def History(self, request, context):
        self._asked("History")
        self._known(request.key, context)
        return admin_pb2.HistoryResponse(entries=self.entries.get(request.key, []))

    def Explain(self, request, context):
        self._asked("Explain")
        return admin_pb2.ExplainResponse(text="", findings=self.findings.get(request.key, []),
                                         connection=self.connections.get(request.key))

    def Outbox(self, request, context):
        self._asked("Outbox")
        held = self.outboxes.get(request.key, [])
        return admin_pb2.OutboxResponse(
            entries=[one for one in held if one.sequence > request.after][:64], held=len(held))

    def DrainGateway(self, request, context):
        self._asked("DrainGateway")
        self.drains.append(request)
        return admin_pb2.DrainGatewayResponse(connections=1)

    def Watch(self, request, context):
        """Every filter matches everything but `outbox_events > 0`."""
        self._asked("Watch")
        news = queue.Queue()
        self.watchers.append(news)
        if request.from_revision:
            for connection in list(self.connections.values()):
                if "outbox" in request.filter and not connection.outbox_events:
                    continue
                if request.key in ("", connection.key):
                    yield admin_pb2.WatchResponse(changed=connection, revision=1)
            yield admin_pb2.WatchResponse(caught_up=self.revision, revision=self.revision)
        while context.is_active():
            try:
                response = news.get(timeout=1)
            except queue.Empty:
                continue
            if response is None:
                return
            if request.key in ("", response.changed.key):
                yield response


def now_ms():
    return int(time.time() * 1000)
