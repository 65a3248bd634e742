"""The wiring: arguments, seams, and how it ends. rollout.sh starts it."""

import os
import sys
import time

from arguments import Refused, read
from gcloud import CallFailed, Gcloud
from metrics import Prometheus
from rollout import DONE, NOT_VERIFIED, REFUSED, Rollout
from traffic import in_words
from waiting import Interrupted, Waiting

TOKEN_S_MAX = 300  # of its hour
_begin = time.monotonic()


def say(text):
    """A terminal that is gone must not keep anybody from going back."""
    seconds = time.monotonic() - _begin
    try:
        print(f"rollout: {seconds:7.1f} s  {text}", flush=True)
    except (OSError, ValueError):
        pass


class Token:
    """Of gcloud's, for the metrics; kept for a while."""

    def __init__(self, gcloud):
        self.gcloud = gcloud
        self.value = ""
        self.until = 0.0

    def __call__(self):
        if time.monotonic() >= self.until:
            self.value = self.gcloud.token()
            self.until = time.monotonic() + TOKEN_S_MAX
        return self.value


def back_to(wanted, gcloud):
    """All of the traffic to one revision, said by a person: no look at who else has set it."""
    shares = {wanted.back_to: 100}
    try:
        gcloud.set_traffic(wanted.service, shares)
        seen = gcloud.describe(wanted.service)
    except (CallFailed, Interrupted) as error:
        say(f"{error}. Whether {wanted.back_to} has the traffic is not known: try again")
        return NOT_VERIFIED
    if not seen.explicit or seen.shares != shares:
        say(f"traffic is {in_words(seen.shares)}: somebody else sets it too")
        return NOT_VERIFIED
    say(f"{wanted.back_to} has all of the traffic of {wanted.service}")
    return DONE


def main(words):
    waiting = Waiting()
    wanted = read(words, time.time())
    gcloud = Gcloud(wanted.gcloud, {"project": wanted.project, "region": wanted.region}, waiting,
                    wanted.call_timeout, wanted.pause)
    if wanted.back_to:
        return back_to(wanted, gcloud)
    token = Token(gcloud) if wanted.prometheus_auth == "gcloud" else None
    prometheus = Prometheus(wanted.prometheus, wanted.revision_label, token)
    return Rollout(wanted, gcloud, prometheus, waiting, say).run()


if __name__ == "__main__":
    try:
        status = main(sys.argv[1:])
    except Refused as refusal:
        say(f"refused: {refusal}")
        status = REFUSED
    try:
        sys.stdout.flush()
    except OSError:
        pass
    # Without the interpreter's own flush, which would fail once more on a terminal that is gone.
    os._exit(status)
