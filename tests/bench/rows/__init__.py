"""The rows, in the order in which they run. Each is a module:

WHAT    what is measured, as one line
BOUND   where a round measures that too: what no figure can be better than on this machine
UNIT    of the figure and of what it is compared with
GOAL    for the value (figure / baseline, or the figure where there is none)
AT_MOST whether the value may be at most the goal, or must be at least as much
SIZES   how much, and SMALL: how much to see only whether it works
measure(sizes, work) -> [rounds.Round]
"""

from rows import (claim_cpu, deltas, event_cpu, expire_gateway, idle_outbox, lease_upkeep,
                  list_page, publish_durable, publish_transient, reattach, replay, simulator)

from rows.engines import SecondCoordinator, Servers, Transitions
from rows.feed_lag import FeedLag
from rows.full_store import RecordMemory, Restart
from rows.growth import Growth
from rows.handshake import Handshake, Storm, floor, sequential
from rows.load import Load
from rows.sockets import BEAST, EPOLL, Echo, IdleCpu, IdleMemory
from rows.transitions import Durable, Etcd, Redis
from rows.whole_path import WholePath

ALL = {"lease_upkeep": lease_upkeep, "expire_gateway": expire_gateway, "reattach": reattach,
       "simulator": simulator, "publish_durable": publish_durable,
       "publish_transient": publish_transient, "event_cpu": event_cpu, "deltas": deltas,
       "transitions_etcd": Durable(Etcd, "one etcd Txn each, 64 outstanding", 50),
       "transitions_redis": Durable(Redis, "Redis EVALSHA compare-and-set, appendfsync always, "
                                           "pipeline 16", 2, baseline=200_000),
       "claim_cpu": claim_cpu,
       "growth": Growth(), "restart": Restart(), "record_memory": RecordMemory(),
       "handshake": Handshake(floor, "(a bare Beast accept, a stream's round trip and a fdatasync, "
                                     "one behind the other)", 1.25),
       "handshake_steps": Handshake(sequential, "(a bare Beast accept and five unary calls)", 0.3),
       "storm": Storm(),
       "echo_epoll": Echo(EPOLL, "of a bare epoll loop", 1.5),
       "echo_beast": Echo(BEAST, "of Beast as its users write it", 0.7, EPOLL),
       "idle_memory": IdleMemory(None, "", 4096),
       "idle_memory_beast": IdleMemory(BEAST, " / of Beast as its users write it", 0.6),
       "idle_cpu": IdleCpu(),
       "path_rate": WholePath("per_s", "messages a second, 100 clients with one under way each", "/s",
                              5, False),
       "path_p99": WholePath("p99_us", "p99 at half of what the slower one reaches", "us", 0.3, True),
       "idle_outbox": idle_outbox, "replay": replay, "list_page": list_page,
       "etcd_single": Transitions("etcd", "one Txn each, 64 outstanding", 6, Servers.single),
       "etcd_ceiling": Transitions("etcd", "nested Txns as large as it takes", 0.6,
                                   Servers.ceiling),
       "postgres_single": Transitions("postgres", "one statement each, 64 connections", 3,
                                      Servers.single),
       "postgres_ceiling": Transitions("postgres", "64 rows a statement, pipelined", 0.6,
                                       Servers.ceiling),
       "etcd_second": SecondCoordinator("etcd"),
       "postgres_second": SecondCoordinator("postgres"),
       "etcd_feed_lag": FeedLag("etcd"), "postgres_feed_lag": FeedLag("postgres"),
       "etcd_load": Load("etcd"), "postgres_load": Load("postgres")}

# What a run measures that names no row: within its 25 minutes.
DEFAULT = ("transitions_etcd", "transitions_redis", "claim_cpu", "handshake", "handshake_steps",
           "storm", "echo_epoll", "echo_beast", "idle_memory", "idle_memory_beast",
           "record_memory", "restart", "publish_durable", "idle_cpu", "path_rate", "path_p99",
           "growth")
