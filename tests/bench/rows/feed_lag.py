"""From a transition that one coordinator has accepted to a watch at another one that shows it."""

import os
import threading
import time

import grpc

import rounds
from processes import Processes
from publisher import CHANNEL
from rows.engines import Ours, Servers

from interlock.v1 import (admin_pb2, admin_pb2_grpc, connection_pb2, gateway_pb2,
                          gateway_pb2_grpc)

EVERY_S = 0.02


class FeedLag:
    UNIT = "ms"
    GOAL = 50
    AT_MOST = True
    SIZES = {"samples": 300, "count": 40_000, "rounds": 5, "budget_s": 60}
    SMALL = {"samples": 10, "count": 3_000, "rounds": 1, "budget_s": 30}

    def __init__(self, engine):
        self.engine = engine
        self.WHAT = (f"an accepted transition to a watch at another coordinator on {engine}, at half "
                     "of the highest rate, p99")

    def measure(self, sizes, work):
        with Servers.started(self.engine) as server, Processes(work) as processes:
            ours = Ours(processes, server.url)
            other = processes.coordinator_over("other", server.url)

            def one_round():
                rate = ours.per_s(sizes["count"]) / 2
                ours.drivers[0].say(f"rate {rate:.0f} {sizes['samples'] * EVERY_S:.1f}")
                lags_ms = sorted(sample(ours.coordinators[0].port, other.port, sizes["samples"]))
                ours.drivers[0].hear()
                return rounds.Round(lags_ms[int(len(lags_ms) * 0.99)], None, details={
                    "rate": rate, "p50": lags_ms[len(lags_ms) // 2]})

            return rounds.run(
                one_round, sizes["rounds"], sizes["budget_s"],
                lambda: processes.pids() + Servers.pids(self.engine, server),
                lambda one: f"p99 {one.figure:.1f} ms, p50 {one.details['p50']:.1f} ms, at "
                            f"{one.details['rate']:.0f}/s")


def channel(port):
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL)


def sample(port, other_port, samples):
    """What each of so many transitions of one key took, in ms."""
    key = f"lag:{os.urandom(4).hex()}"
    gateway_id = os.urandom(16).hex()
    shown = {}  # op: when the watch showed it
    with channel(port) as here, channel(other_port) as there:
        gateway = gateway_pb2_grpc.GatewayStub(here)
        granted = gateway.Claim(gateway_pb2.ClaimRequest(
            key=key, subject="lag", gateway_id=gateway_id, claim_id=os.urandom(16),
            through=connection_pb2.PROCESSING_READY), timeout=10)
        watch = admin_pb2_grpc.AdminStub(there).Watch(admin_pb2.WatchRequest(key=key))

        def follow():
            try:
                for change in watch:
                    shown.setdefault(change.changed.last_op, time.monotonic())
            except grpc.RpcError:
                pass  # cancelled
        follower = threading.Thread(target=follow)
        follower.start()
        accepted = {}
        for op in range(1, samples + 1):
            state = connection_pb2.IDLE if op % 2 == 1 else connection_pb2.PROCESSING_READY
            gateway.Operate(gateway_pb2.OperateRequest(
                key=key, gateway_id=gateway_id, generation=granted.generation,
                operations=[gateway_pb2.Operation(op=op, advance=state)]), timeout=10)
            accepted[op] = time.monotonic()
            time.sleep(EVERY_S)
        deadline = time.monotonic() + 10
        while samples not in shown and time.monotonic() < deadline:
            time.sleep(0.01)
        watch.cancel()
        follower.join()
    missing = [op for op in accepted if op not in shown]
    # What the feed shows at once may be one change for several.
    if len(missing) > samples // 10:
        raise rounds.Failure(f"the watch has not shown {len(missing)} of {samples} transitions")
    return [max(0.0, shown[op] - at) * 1000 for op, at in accepted.items() if op in shown]
