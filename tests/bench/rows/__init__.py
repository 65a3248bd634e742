"""The rows, in the order in which they run. Each is a module:

WHAT    what is measured, as one line
UNIT    of the figure and of what it is compared with
GOAL    for the value (figure / baseline, or the figure where there is none)
AT_MOST whether the value may be at most the goal, or must be at least as much
SIZES   how much, and SMALL: how much to see only whether it works
measure(sizes, work) -> [rounds.Round]
"""

from rows import expire_gateway, lease_upkeep, reattach, simulator

ALL = {"lease_upkeep": lease_upkeep, "expire_gateway": expire_gateway, "reattach": reattach,
       "simulator": simulator}
