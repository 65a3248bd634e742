"""What must be true after a failover, of what callers were told."""

import collections


class Record:
    """What the callers of one key were told, in the order in which they were."""

    def __init__(self, key):
        self.key = key
        self.grants = []       # (gateway, generation), acknowledged
        self.operations = []   # (generation, op, state), acknowledged
        self.superseded = []   # (generation, what the coordinator answered to its old owner)

    def granted(self, gateway, generation):
        self.grants.append((gateway, generation))

    def operated(self, generation, op, state):
        self.operations.append((generation, op, state))

    def old_owner_answered(self, generation, answer):
        self.superseded.append((generation, answer))


def problems(record, seen):
    """`seen`: the record as each coordinator shows it in the end ({generation, state, last_op})."""
    found = []
    generations = [generation for _, generation in record.grants]
    twice = [one for one, times in collections.Counter(generations).items() if times > 1]
    if twice:
        found.append(f"generations given twice: {twice}")
    if generations != sorted(generations):
        found.append(f"generations do not rise: {generations}")
    accepted = [one for one in record.superseded if one[1] != "stale_generation"]
    if accepted:
        found.append(f"a superseded owner was not told so: {accepted[:5]}")
    return found + lost(record, seen)


def lost(record, seen):
    """Acknowledged, and not there in the end."""
    if not record.grants:
        return ["nothing was granted: it proves nothing"]
    generation = record.grants[-1][1]
    done = [(op, state) for of, op, state in record.operations if of == generation]
    last_op, state = done[-1] if done else (0, None)
    found = []
    for number, shown in enumerate(seen):
        if shown is None:
            found.append(f"coordinator {number} knows nothing of {record.key}")
        elif int(shown["generation"]) != generation:
            found.append(f"coordinator {number} shows generation {shown['generation']}, "
                         f"{generation} was granted last")
        elif state is not None and (shown["state"], int(shown["last_op"])) != (state, last_op):
            found.append(f"coordinator {number} shows {shown['state']} after operation "
                         f"{shown['last_op']}, {state} after {last_op} was acknowledged")
    return found
