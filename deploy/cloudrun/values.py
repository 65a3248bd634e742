"""What values.yaml may say, checked: a misspelt line is refused, not passed over."""

import difflib
import re

import yaml

CONCURRENCY_MAX = 1000  # Cloud Run's
REQUESTS_PER_S_MAX = 800  # that Cloud Run takes for an instance over HTTP/1
INSTANCES_MAX = 1000
INSTANCES_MIN_COORDINATOR = 2  # one may be replaced at any time, several times a week
TEXT, NUMBER, FLAGS, LIST = "a text", "a whole number", "flags and their values", "a list of texts"
SERVICE = {"min_instances": NUMBER, "max_instances": NUMBER, "concurrency": NUMBER, "cpu": NUMBER,
           "memory_mib": NUMBER, "flags": FLAGS}
SHAPE = {
    "project": TEXT, "project_number": TEXT, "region": TEXT,
    "images": {"coordinator": TEXT, "gateway": TEXT, "collector": TEXT},
    "network": {"network": TEXT, "subnetwork": TEXT},
    "coordinator": SERVICE,
    "gateway": {**SERVICE, "sessions_max": NUMBER, "upgrades_per_second_max": NUMBER},
    "clients": {"jwks": TEXT, "issuer": TEXT, "audience": TEXT},
    "backend": TEXT,
    "publishers": LIST, "readers": LIST, "operators": LIST,
    "secrets": {"store_url": TEXT, "roles": TEXT, "webhook_key": TEXT,
                "coordinator_monitoring": TEXT, "gateway_monitoring": TEXT},
}
OPTIONAL = {"secrets.webhook_key"}
EMAIL = r"[^@\s]+@[^@\s]+"


class Refused(Exception):
    """A sentence for the person who wrote the values."""


def must(condition, sentence):
    if not condition:
        raise Refused(sentence)


def is_text(value):
    return isinstance(value, str) and value.strip() == value and value != ""


def has_type(value, kind):
    if kind == TEXT:
        return is_text(value)
    if kind == NUMBER:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if kind == LIST:
        return isinstance(value, list) and all(is_text(one) for one in value)
    return isinstance(value, dict) and all(
        isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_]*", name) and
        isinstance(one, (str, int, float)) for name, one in value.items())


def check_shape(found, shape, path=""):
    must(isinstance(found, dict), f"{path or 'the file'} must have lines `name: value` below it")
    for name in found:
        close = difflib.get_close_matches(str(name), shape, 1)
        must(name in shape, f"{path}{name} is not known" +
             (f"; did you mean {close[0]}?" if close else f"; known are {', '.join(shape)}"))
    for name, kind in shape.items():
        full = path + name
        if name not in found:
            must(full in OPTIONAL, f"{full} is missing")
        elif isinstance(kind, dict):
            check_shape(found[name], kind, full + ".")
        else:
            must(has_type(found[name], kind), f"{full} is {found[name]!r}; it must be {kind}")


def check_service(found, name):
    one = found[name]
    must(1 <= one["max_instances"] <= INSTANCES_MAX,
         f"{name}.max_instances is {one['max_instances']}; it may be 1 to {INSTANCES_MAX}")
    must(one["min_instances"] <= one["max_instances"],
         f"{name}.min_instances is above {name}.max_instances")
    must(1 <= one["concurrency"] <= CONCURRENCY_MAX,
         f"{name}.concurrency is {one['concurrency']}; Cloud Run takes 1 to {CONCURRENCY_MAX}")
    must(one["cpu"] in (1, 2, 4, 6, 8), f"{name}.cpu is {one['cpu']}; it may be 1, 2, 4, 6 or 8")
    must(512 <= one["memory_mib"] <= 32768,
         f"{name}.memory_mib is {one['memory_mib']}; it may be 512 to 32768")


def check_limits(found):
    for name in ("coordinator", "gateway"):
        check_service(found, name)
    must(found["coordinator"]["min_instances"] >= INSTANCES_MIN_COORDINATOR,
         "coordinator.min_instances must be 2 or more: Cloud Run replaces instances at any time, "
         "and without a coordinator nobody can connect")
    gateway = found["gateway"]
    must(1 <= gateway["sessions_max"] < gateway["concurrency"],
         "gateway.sessions_max must be below gateway.concurrency: beyond that Cloud Run refuses "
         "clients itself, and does not say when to come back")
    must(1 <= gateway["upgrades_per_second_max"] <= REQUESTS_PER_S_MAX,
         f"gateway.upgrades_per_second_max may be 1 to {REQUESTS_PER_S_MAX}, which is what Cloud "
         "Run takes")


def check_people(found):
    for name in ("publishers", "readers"):
        for one in found[name]:
            must(re.fullmatch(EMAIL, one) and ":" not in one,
                 f"{name} names '{one}'; it must be the email of a service account, since tokens "
                 "name no groups")
    for one in found["operators"]:
        must(re.fullmatch(r"(user|group|serviceAccount):" + EMAIL, one),
             f"operators names '{one}'; write user:EMAIL, group:EMAIL or serviceAccount:EMAIL")


def load(text):
    """The values, checked; Refused is a sentence."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Refused(f"the values are no YAML: {error}") from None
    check_shape(found, SHAPE)
    check_limits(found)
    check_people(found)
    for name, image in found["images"].items():
        must(name == "collector" or re.search(r"@sha256:[0-9a-f]{64}$", image),
             f"images.{name} is '{image}'; name it by digest (NAME@sha256:...): a tag may be "
             "another image tomorrow, also for an instance of a revision that was tested")
    webhook = found["backend"].startswith("https://")
    must(webhook or not found["backend"].startswith("http"),
         "backend is an http:// URL; a webhook off this machine is https://")
    must(webhook == ("webhook_key" in found["secrets"]),
         "secrets.webhook_key is for a backend that is a webhook (https://...), and only for it")
    return found
