"""Good histories made bad: what a checker explains must turn inexplicable with one false answer.

Each way takes the lines of one key and gives a copy that cannot be true, or None when the history
has no place for it."""

import copy


def answered(lines, kind, answer):
    """Lines of this kind and answer, in the order of their calls."""
    found = [number for number, line in enumerate(lines)
             if line["kind"] == kind and (line["told"] or {}).get("answer") == answer]
    return sorted(found, key=lambda number: lines[number]["call"])


def stale_read(lines, random):
    """A look shows what had been replaced before it was asked, as another look has shown."""
    if any((line.get("told") or {}).get("answer") == "not found" for line in lines):
        return None  # a record that was forgotten may be as it was before
    gets = answered(lines, "get", "found")
    choices = []
    for later in gets:
        new = lines[later]
        older = [number for number in gets if lines[number]["told"]["total"] < new["told"]["total"]
                 and lines[number]["answer"] < new["call"]]
        # Its own answer shows that the older one was out of date only if somebody else saw that too.
        seen = [number for number in gets if number != later
                and lines[number]["told"] == new["told"] and lines[number]["answer"] < new["call"]]
        if older and seen:
            choices.append((later, older[-1]))
    if not choices:
        return None
    later, older = random.choice(choices)
    spoiled = copy.deepcopy(lines)
    revision = lines[later]["told"]["revision"]
    spoiled[later]["told"] = dict(lines[older]["told"], revision=revision)
    return spoiled


def lost_operation(lines, random):
    """An operation is done once more, as if its acknowledgement had never been given."""
    done = [number for number in answered(lines, "operate", "done")
            if lines[number]["told"]["steps"]]
    if not done:
        return None
    line = copy.deepcopy(lines[random.choice(done)])
    line["call"] = line["answer"]
    line["answer"] += 1e-6
    line["call"] += 1e-9
    return lines + [line]


def generation_back(lines, random):
    """A claim is granted a generation below one that was told before it was asked."""
    granted = answered(lines, "claim", "granted")
    choices = [(number, other) for number in granted for other in granted
               if lines[other]["answer"] < lines[number]["call"]]
    if not choices:
        return None
    number, other = random.choice(choices)
    spoiled = copy.deepcopy(lines)
    spoiled[number]["told"]["generation"] = lines[other]["told"]["generation"] - 1
    return spoiled


def second_owner(lines, random):
    """Two claims are granted one generation."""
    granted = answered(lines, "claim", "granted")
    pairs = list(zip(granted, granted[1:]))
    pairs = [(one, two) for one, two in pairs if lines[one]["claim"] != lines[two]["claim"]]
    if not pairs:
        return None
    one, two = random.choice(pairs)
    spoiled = copy.deepcopy(lines)
    spoiled[two]["told"]["generation"] = lines[one]["told"]["generation"]
    return spoiled


def fenced_owner_obeyed(lines, random):
    """What a superseded owner asked is done."""
    refused = [number for number in answered(lines, "operate", "stale generation")
               if lines[number]["told"]["generation"] > lines[number]["asked"]["generation"]]
    if not refused:
        return None
    number = random.choice(refused)
    spoiled = copy.deepcopy(lines)
    operations = spoiled[number]["asked"]["operations"]
    spoiled[number]["told"] = {"answer": "done", "last_op": operations[-1]["op"], "state": 9,
                               "owner": "", "steps": [9], "refused": []}
    return spoiled


WAYS = (stale_read, lost_operation, generation_back, second_owner, fenced_owner_obeyed)
