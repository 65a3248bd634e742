"""The rows, in the order in which they run. Each is a module:

WHAT    what is measured, as one line
UNIT    of the figure and of what it is compared with
GOAL    for the value (figure / baseline, or the figure where there is none)
AT_MOST whether the value may be at most the goal, or must be at least as much
SIZES   how much, and SMALL: how much to see only whether it works
measure(sizes, work) -> [rounds.Round]
"""

from rows import (deltas, event_cpu, expire_gateway, idle_outbox, lease_upkeep,
                  publish_durable, publish_transient, reattach, replay, simulator)

ALL = {"lease_upkeep": lease_upkeep, "expire_gateway": expire_gateway, "reattach": reattach,
       "simulator": simulator, "publish_durable": publish_durable,
       "publish_transient": publish_transient, "event_cpu": event_cpu, "deltas": deltas,
       "idle_outbox": idle_outbox, "replay": replay}
