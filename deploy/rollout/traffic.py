"""Who gets which share of a service's traffic: what Cloud Run says, read, and what is wanted.

No I/O and no clock. A share is {revision: percent}, without zeros.
"""

import json
from collections import namedtuple

import yaml

INGRESS_PORTS = "ports"  # only the container that takes the requests has them
STEPS_MAX = 20

# What `describe` said. `explicit`: every share names its revision, none follows "latest".
# `settled`: it is what is served, not only what was asked for. `ready`: None while not known.
Service = namedtuple("Service", "shares explicit settled ready")


class Nonsense(Exception):
    """Somebody's answer cannot be understood; the text says what is wrong with it."""


def parse_object(text, what):
    """One JSON object, or Nonsense."""
    try:
        found = json.loads(text)
    except ValueError:
        raise Nonsense(f"{what} is no JSON: {shown(text)}") from None
    if not isinstance(found, dict):
        raise Nonsense(f"{what} is no JSON object: {shown(text)}")
    return found


def shown(text, length_max=120):
    text = " ".join(text.split())
    return repr(text if len(text) <= length_max else text[:length_max] + "...")


def added(entries, what):
    """{revision: percent} of a list of traffic entries; tags without a share are left out."""
    shares = {}
    if not isinstance(entries, list):
        raise Nonsense(f"{what} has no list of traffic")
    for entry in entries:
        if not isinstance(entry, dict):
            raise Nonsense(f"{what} has traffic that is no object")
        percent = entry.get("percent") or 0
        if not isinstance(percent, int) or not 0 <= percent <= 100:
            raise Nonsense(f"{what} has traffic of {percent!r} percent")
        if percent == 0:
            continue
        revision = entry.get("revisionName")
        if not isinstance(revision, str) or not revision:
            raise Nonsense(f"{what} does not name the revision that gets {percent} %")
        shares[revision] = shares.get(revision, 0) + percent
    return shares


def ready_condition(found):
    """True, False or None of what was described: a service or a revision."""
    for condition in found.get("status", {}).get("conditions") or ():
        if condition.get("type") == "Ready":
            return {"True": True, "False": False}.get(condition.get("status"))
    return None


def parse_service(text):
    """What `gcloud run services describe --format=json` printed, as a Service."""
    what = "the description of the service"
    found = parse_object(text, what)
    try:
        asked = found.get("spec", {}).get("traffic") or []
        served = added(found["status"]["traffic"], what)
        explicit = not any(entry.get("latestRevision") and entry.get("percent") for entry in asked)
        # What is asked for wins: what is served follows, and "latest" is named there only.
        shares = added(asked, what) if asked and explicit else served
        current = found.get("metadata", {}).get("generation")
        observed = found["status"].get("observedGeneration")
        ready = ready_condition(found)
    except (KeyError, AttributeError, TypeError):
        raise Nonsense(f"{what} is not one of a service: {shown(text)}") from None
    if sum(shares.values()) != 100:
        raise Nonsense(f"{what} gives away {sum(shares.values())} % of the traffic: {shares}")
    return Service(shares, explicit and bool(asked), shares == served and current == observed,
                   ready)


def parse_revision(text):
    """(ready or None, why not) of `gcloud run revisions describe --format=json`."""
    what = "the description of the revision"
    found = parse_object(text, what)
    try:
        ready = ready_condition(found)
        reasons = [condition.get("message", "") for condition in found["status"]["conditions"]
                   if condition.get("type") == "Ready"]
    except (KeyError, AttributeError, TypeError):
        raise Nonsense(f"{what} is not one of a revision: {shown(text)}") from None
    return ready, " ".join(reasons).strip()


def split(new, old, percent):
    """The shares when the new revision gets that many percent."""
    return {name: part for name, part in ((new, percent), (old, 100 - percent)) if part > 0}


def argument(shares):
    """For --to-revisions."""
    return ",".join(f"{name}={part}" for name, part in shares.items())


def in_words(shares):
    return " and ".join(f"{name} {part} %" for name, part in sorted(shares.items()))


def parse_steps(text):
    """[5, 25, 50, 100] of "5,25,50,100"; ValueError is a sentence."""
    try:
        steps = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(
            f"--steps is '{text}'; it takes percentages, such as 5,25,50,100") from None
    if steps != sorted(set(steps)) or steps[0] < 1 or steps[-1] != 100:
        raise ValueError(f"--steps is '{text}'; the percentages must rise, from 1 or more to 100")
    if len(steps) > STEPS_MAX:
        raise ValueError(f"--steps names {len(steps)} of them; {STEPS_MAX} are the most")
    return steps


def next_description(text, image, new, old):
    """The description of the service (YAML or JSON text) with another image, as a revision of that
    name, and with all of the traffic left with the old one. Nonsense says what is wrong with it."""
    what = "the service's description"
    try:
        found = yaml.safe_load(text)
        template = found["spec"]["template"]
        takers = [one for one in template["spec"]["containers"] if one.get(INGRESS_PORTS)]
        if len(template["spec"]["containers"]) == 1:
            takers = template["spec"]["containers"]
        if len(takers) != 1:
            raise Nonsense(f"{what} has {len(takers)} containers with ports; it must be one")
        takers[0]["image"] = image
        template.setdefault("metadata", {})["name"] = new
        found["spec"]["traffic"] = [{"revisionName": old, "percent": 100}]
        found.pop("status", None)
    except (KeyError, AttributeError, TypeError, yaml.YAMLError):
        raise Nonsense(f"{what} is not one of a service: {shown(text)}") from None
    return yaml.safe_dump(found, sort_keys=False)


def name_of_description(text):
    """The service that a description is of, or Nonsense."""
    try:
        return yaml.safe_load(text)["metadata"]["name"]
    except (KeyError, AttributeError, TypeError, yaml.YAMLError):
        raise Nonsense("the description names no service in metadata.name") from None
