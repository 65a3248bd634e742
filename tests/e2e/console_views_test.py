"""Each view of the console, with more to see than a small stack would give, in a browser."""

import os
import pathlib
import random
import sys
import unittest

ROOT = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
sys.path.insert(0, str(ROOT / "tests" / "support"))
sys.path.insert(0, str(ROOT / "tests" / "e2e" / "console"))
from console import Console, play  # noqa: E402
from made_up_coordinator import MadeUpCoordinator, latency, now_ms  # noqa: E402
from interlock.v1 import admin_pb2, connection_pb2  # noqa: E402

FIVE = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]
GATEWAYS = ["3f" * 16, "a4" * 16, "c0" * 16]
MARKUP = "<img src=x onerror=alert(1)>"
SCRIPT = "<script>alert(document.cookie)</script>"
# What a subject of the kind can be in a key: percent-encoded.
HOSTILE = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E:tab1"
SHOWN = "alice@example.com:tab-1"
STATES = {"CONNECTING": 3, "SERVICES_READY": 5, "PROCESSING_READY": 812, "PROCESSING": 240,
          "IDLE": 1430, "DEGRADED": 37, "RECONNECTING": 96, "CLOSING": 4, "CLOSED": 310,
          "FAILED": 6}


def entry(number, source, target, actor, reason, ago_ms, note="", count=1):
    return admin_pb2.HistoryEntry(
        number=number, to=connection_pb2.State.Value(target), note=note, count=count,
        **{"from": connection_pb2.State.Value(source)} if source else {},
        actor=connection_pb2.Actor.Value(actor), reason=connection_pb2.Reason.Value(reason),
        generation=1_764_200_000_000_123, time_unix_ms=now_ms() - ago_ms)


def history():
    return [
        entry(1, "", "CONNECTING", "CLAIMANT", "CLAIMED", 420_000),
        entry(2, "CONNECTING", "ACCEPTED", "OWNER", "STEP", 419_950),
        entry(3, "ACCEPTED", "AUTHENTICATED", "OWNER", "STEP", 419_940),
        entry(4, "AUTHENTICATED", "SERVICES_READY", "OWNER", "STEP", 419_900),
        entry(5, "SERVICES_READY", "PROCESSING_READY", "OWNER", "STEP", 419_880),
        entry(6, "PROCESSING_READY", "PROCESSING", "BACKEND", "RUN_OPENED", 300_000, count=4),
        entry(7, "PROCESSING", "RECONNECTING", "CLIENT", "SOCKET_LOST", 95_000),
        entry(8, "RECONNECTING", "PROCESSING_READY", "OWNER", "RESUMED", 91_000,
              note=f"operator: {MARKUP}"),
        entry(9, "PROCESSING_READY", "PROCESSING", "BACKEND", "RUN_OPENED", 4_000,
              note=f"operator: {SCRIPT}")]


def closes(code, origin, count):
    return connection_pb2.GatewayLoad.Closes(code=code, origin=origin, count=count)


def load(number, **more):
    return connection_pb2.GatewayLoad(
        started_unix_ms=now_ms() - 7_200_000, build="0.1.0", sockets=900 + number,
        sessions=904 + number, breaker=connection_pb2.GatewayLoad.CLOSED,
        handshake=latency(20, 400, 250, 80, 20, 6, 2), resumes_recovered=230 + number,
        resumes_lost=number, events_sent=51_200, transients_dropped=3, messages=10_400,
        upgrades_refused=12, memory_bytes=96 << 20, **more)


def gateway(number, **more):
    return admin_pb2.GatewayInfo(
        gateway_id=GATEWAYS[number], address=f"10.0.0.{number + 1}:8080",
        connections=820 + number, attached=number != 2, lease_age_ms=2_300,
        first_seen_unix_ms=now_ms() - 7_200_000, **more)


def make_world(coordinator):
    for state, count in STATES.items():
        coordinator.stats.connections_by_state[state] = count
    coordinator.stats.MergeFrom(admin_pb2.StatsResponse(
        records=sum(STATES.values()), gateways=3, version="0.1.0", store="rocksdb", takeovers=64,
        started_unix_ms=now_ms() - 86_400_000, coordinator_id="b1" * 16, attached_gateways=2,
        transitions=91_000, runs_complete=1_204, runs_incomplete=3, memory_bytes=210 << 20,
        commit=latency(900, 300, 40, 2), outbox_events=31, flapping_keys=[HOSTILE, "bob:tab-9"],
        store_short_of_room="The store has 412 MiB left on its disk; below 256 MiB new sessions "
                            "are refused: make room."))
    coordinator.stats.refusals["STALE_GENERATION"] = 7
    for kind in FIVE:
        coordinator.stats.run_events[kind] = 1_203 if kind == "tool_completed" else 1_204
    coordinator.gateways = [
        gateway(0, load=load(0, closes=[closes(1000, "client", 840), closes(1006, "network", 41),
                                        closes(4001, "gateway", 12), closes(4004, "gateway", 3)])),
        gateway(1, load=load(1, closes=[closes(1000, "client", 790), closes(1011, "gateway", 1),
                                        closes(4500, "gateway", 22)])),
        gateway(2, draining_per_s=20)]
    coordinator.gateways[1].load.breaker = connection_pb2.GatewayLoad.OPEN


def make_connections(coordinator):
    random.seed(1)
    weighted = [state for state, count in STATES.items() for _ in range(count // 3 + 1)]
    keys = [SHOWN, HOSTILE, *(f"user{number:04d}@example.com:tab-{number % 3}"
                              for number in range(400))]
    for key in keys:
        state = "PROCESSING" if key in (SHOWN, HOSTILE) else random.choice(weighted)
        waiting = 3 if key in (SHOWN, HOSTILE) else random.choice([0, 0, 0, 0, 0, 0, 0, 2])
        coordinator.connections[key] = admin_pb2.Connection(
            key=key, subject=key.split(":")[0], state=connection_pb2.State.Value(state),
            generation=1_764_200_000_000_000 + random.randrange(10**6),
            owner="" if state in ("RECONNECTING", "CLOSED", "FAILED") else random.choice(GATEWAYS),
            owner_attached=True, last_seq=40, acknowledged=40 - waiting, outbox_events=waiting,
            outbox_bytes=waiting * 180, open_runs=int(state == "PROCESSING"), revision=99,
            transitions_total=random.randrange(5, 90), unacknowledged_ms=waiting * 3_000,
            changed_unix_ms=now_ms() - random.randrange(500, 600_000))
    for key in (SHOWN, HOSTILE):
        coordinator.entries[key] = history()
        coordinator.findings[key] = [
            admin_pb2.Finding(why=admin_pb2.HELD_BY_GATEWAY, text="Gateway 10.0.0.1:8080 holds it, "
                              "PROCESSING for 4 s: all is well."),
            admin_pb2.Finding(why=admin_pb2.RUN_OPEN, text="An agent run is open."),
            admin_pb2.Finding(why=admin_pb2.UNACKNOWLEDGED,
                              text=f"3 events wait for its client, for 9 s. {MARKUP}")]
        coordinator.outboxes[key] = [
            admin_pb2.OutboxEntry(sequence=38, type=FIVE[0], run="run-7", number=1,
                                  payload=b'{"text":"' + SCRIPT.encode() + b'"}',
                                  payload_bytes=57, time_unix_ms=now_ms() - 9_000),
            admin_pb2.OutboxEntry(sequence=39, type=MARKUP, run="run-7", number=2,
                                  payload='{"über":"☃"}'.encode(), payload_bytes=9_000,
                                  time_unix_ms=now_ms() - 8_000, ttl_ms=60_000),
            admin_pb2.OutboxEntry(sequence=40, type="note", payload=b"{}", payload_bytes=2,
                                  time_unix_ms=now_ms() - 7_000)]


class ConsoleViews(unittest.IsolatedAsyncioTestCase):
    async def test_every_view_shows_what_there_is_and_text_only_as_text(self):
        with MadeUpCoordinator() as coordinator:
            make_world(coordinator)
            make_connections(coordinator)

            def go_on():
                coordinator.stats.transitions += 300
                coordinator.stats.takeovers += 5
                coordinator.stats.refusals["STALE_GENERATION"] += 2
                coordinator.stats.connections_by_state["IDLE"] += 40
                moved = load(0, closes=coordinator.gateways[0].load.closes)
                moved.handshake.CopyFrom(latency(20, 430, 280, 90, 20, 6, 2))
                coordinator.gateways[0].load.CopyFrom(moved)

            def move(key):
                connection = coordinator.connections[key]
                connection.state = connection_pb2.State.Value("PROCESSING_READY")
                coordinator.change(connection, [entry(10, "PROCESSING", "PROCESSING_READY",
                                                      "BACKEND", "RUNS_ENDED", 0, note=MARKUP)])

            with Console(f"127.0.0.1:{coordinator.port}") as console:
                await play("views", console.url, {"go on": go_on, "move": move})
            self.assertEqual(coordinator.calls.get("List", 0), 0, "the console must not poll List")
            # Two views of connections, one of alerts, some details: a watch each, never more.
            self.assertLess(coordinator.calls["Watch"], 12)
            self.assertEqual(
                [(one.gateway_id, one.per_s, one.reason) for one in coordinator.drains],
                [(GATEWAYS[0], 50, "new version")])


if __name__ == "__main__":
    unittest.main(verbosity=2)
