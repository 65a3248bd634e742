"""Cloud Run, as the rollout knows it: the few calls of gcloud that it makes, through one seam.

`command` is what is run, `gcloud` if nothing else is said; tests have one of their own. A call that
was cut off may have had its effect or not, and may still have it: `outcome_known` says so.
"""

import tempfile

import traffic
from waiting import TimedOut

READ_ATTEMPTS = 3
READ_TIMEOUT_S = 30  # what changes nothing answers in seconds, or the network is gone
ERROR_CHARS_MAX = 300


class CallFailed(Exception):
    """The text says which call, and why."""

    def __init__(self, text, outcome_known=True):
        super().__init__(text)
        self.outcome_known = outcome_known


class Gcloud:
    def __init__(self, command, place, waiting, timeout_s, pause_s):
        self.command = command  # a list of words
        self.place = [f"--{name}={value}" for name, value in place.items() if value]
        self.waiting = waiting
        self.timeout_s = timeout_s
        self.pause_s = pause_s

    # ---- what changes nothing: asked again before it counts as failed ----

    def describe(self, service):
        """traffic.Service, or CallFailed."""
        return self.read(["run", "services", "describe", service, "--format=json"],
                         traffic.parse_service)

    def exported(self, service):
        """The description that `replace` takes, as text."""
        def as_is(text):
            traffic.name_of_description(text)
            return text
        return self.read(["run", "services", "describe", service, "--format=export"], as_is)

    def revision(self, revision):
        """(ready or None, why not)."""
        return self.read(["run", "revisions", "describe", revision, "--format=json"],
                         traffic.parse_revision)

    def token(self):
        def word(text):
            if len(text.split()) != 1:
                raise traffic.Nonsense("what should be an access token is not one word")
            return text.strip()
        return self.read(["auth", "print-access-token"], word, placed=False)

    def read(self, words, parse, placed=True):
        for attempt in range(READ_ATTEMPTS):
            try:
                timeout_s = min(self.timeout_s, READ_TIMEOUT_S)
                return parse(self.call(words, timeout_s, placed))
            except traffic.Nonsense as error:
                failure = CallFailed(f"gcloud {' '.join(words)}: {error}")
            except CallFailed as error:
                failure = error
            if attempt + 1 < READ_ATTEMPTS:
                self.waiting.sleep(self.pause_s * 2 ** attempt)
        raise failure

    # ---- what changes something: made once; whoever calls looks at what became of it ----

    def replace(self, description):
        """Makes the service what the description (text) says."""
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
            file.write(description)
            file.flush()
            self.call(["run", "services", "replace", file.name], self.timeout_s)

    def set_traffic(self, service, shares):
        self.call(self.traffic_words(service, shares), self.timeout_s)

    @staticmethod
    def traffic_words(service, shares):
        return ["run", "services", "update-traffic", service,
                f"--to-revisions={traffic.argument(shares)}"]

    def call(self, words, timeout_s, placed=True):
        """What it printed."""
        shown = "gcloud " + " ".join(words)
        command = [*self.command, *words, *(self.place if placed else ()), "--quiet"]
        try:
            status, out, err = self.waiting.run(command, timeout_s)
        except TimedOut:
            raise CallFailed(f"{shown}: no answer in {timeout_s:.0f} s",
                             outcome_known=False) from None
        except OSError as error:
            raise CallFailed(f"{shown} cannot be run: {error}") from None
        if status != 0:
            # An error may come after the effect, as when the connection breaks while it waits.
            reason = " ".join(err.split())[-ERROR_CHARS_MAX:] or "it said nothing"
            raise CallFailed(f"{shown} ended with {status}: {reason}", outcome_known=False)
        return out

    def in_words(self, words):
        """The command as somebody would type it."""
        return " ".join([*self.command, *words, *self.place])
