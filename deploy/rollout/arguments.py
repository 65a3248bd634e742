"""What the person who rolls out wants, checked; nonsense is refused with a sentence."""

import argparse
import datetime
import os
import re
import shlex

import gates
import metrics
import traffic

UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
HOLD_MAX_FACTOR = 3
NAME_CHARS_MAX = 63  # of a revision, in Cloud Run


class Refused(Exception):
    """Nothing was changed; the text says why."""


def duration(text):
    """Seconds of "10m", "90s" or "1m30s"."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; write it as 90s, 10m or 1m30s")
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Refused(f"{message}; --help lists what there is")


def parser():
    made = Parser(prog="rollout.sh", allow_abbrev=False, description=(
        "Brings a new revision of a Cloud Run service into use in steps, and goes back by itself."))
    add = made.add_argument
    add("service", help="the service's name")
    add("image", nargs="?", help="the image, by digest if it is to be the same again tomorrow")
    add("--project", default="", help="default: gcloud's own setting")
    add("--region", default="", help="default: gcloud's own setting")
    add("--kind", choices=("gateway", "coordinator"), help="default: as the service's name ends")
    add("--description", default="", metavar="FILE",
        help="take everything but image and traffic from this file of render.py, "
             "not from the service as it is")
    add("--suffix", default="", help="the revision is SERVICE-SUFFIX; default: the time")
    add("--steps", default="5,25,50,100", help="percentages (5,25,50,100)")
    add("--hold", type=duration, default="10m", help="how long each step is watched (10m)")
    add("--hold_max", type=duration, metavar="TIME",
        help="how long when too little is known to judge; then it goes back (3 x --hold)")
    add("--poll", type=duration, default="30s", help="how often it looks (30s)")
    add("--samples", type=int, default=30, metavar="N",
        help="upgrades, claims and runs that a gate needs to judge (30)")
    add("--skip", action="append", default=[], choices=gates.NAMES, metavar="GATE",
        help="do without a gate, such as five_of_five where there are no agents; repeatable: "
             + ", ".join(gates.NAMES))
    add("--prometheus", default="", metavar="URL",
        help="default: the project's Managed Service for Prometheus")
    add("--prometheus_auth", choices=("auto", "gcloud", "none"), default="auto",
        help="gcloud: with a token of gcloud's; auto: at Google only (auto)")
    add("--revision_label", default="revision_name", help="(revision_name)")
    add("--gcloud", default=os.environ.get("GCLOUD", "gcloud"), help="the command, or $GCLOUD")
    add("--call_timeout", type=duration, default="5m", help="of one call of gcloud (5m)")
    add("--ready_timeout", type=duration, default="5m", help="for the new revision (5m)")
    add("--settle", type=duration, default="30s",
        help="how long traffic is looked at again after a call whose end nobody knows (30s)")
    add("--patience", type=duration, default="30m",
        help="how long going back is tried while gcloud fails (30m)")
    add("--pause", type=duration, default="2s", help="before a failed look is repeated (2s)")
    add("--dry_run", action="store_true", help="print the plan and change nothing")
    add("--back_to", default="", metavar="REVISION",
        help="no rollout: give that revision all of the traffic, now")
    return made


def kind_of(service):
    for kind in ("gateway", "coordinator"):
        if service.endswith(kind):
            return kind
    raise Refused(f"'{service}' ends neither in gateway nor in coordinator: say --kind")


def read(words, now):
    """The arguments, checked and complete; Refused is a sentence."""
    found = parser().parse_args(words)
    found.gcloud = shlex.split(found.gcloud)
    if found.back_to:
        if found.image:
            raise Refused("--back_to needs no image")
        return found
    if not found.image:
        raise Refused("which image? rollout.sh SERVICE IMAGE")
    try:
        found.steps = traffic.parse_steps(found.steps)
    except ValueError as error:
        raise Refused(str(error)) from None
    found.kind = found.kind or kind_of(found.service)
    if not found.suffix:
        found.suffix = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime(
            "r%Y%m%d-%H%M%S")
    found.revision = f"{found.service}-{found.suffix}"
    if not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", found.revision) or \
            len(found.revision) > NAME_CHARS_MAX:
        raise Refused(f"a revision cannot be called '{found.revision}': small letters, digits and "
                      f"dashes, {NAME_CHARS_MAX} at most")
    if found.samples < 1:
        raise Refused(f"--samples is {found.samples}; it must be 1 at least")
    if found.hold <= 0 or found.poll <= 0:
        raise Refused("--hold and --poll must be longer than nothing")
    found.hold_max = max(found.hold, found.hold_max or HOLD_MAX_FACTOR * found.hold)
    if not found.prometheus:
        if not found.project and not found.dry_run:
            raise Refused("whose metrics? Say --project, or --prometheus URL")
        found.prometheus = metrics.MANAGED.format(project=found.project or "PROJECT")
    if found.prometheus_auth == "auto":
        at_google = found.prometheus.startswith(metrics.MANAGED.partition("{")[0])
        found.prometheus_auth = "gcloud" if at_google else "none"
    return found
