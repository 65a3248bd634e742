"""What Prometheus says of a revision: one small seam over its query API.

Google's Managed Service for Prometheus answers the same API; there every query carries a token of
gcloud's. On Cloud Run the sidecar puts the label `revision_name` on every series.
"""

import http.client
import json
import math
import urllib.error
import urllib.parse
import urllib.request

from gates import Count

MANAGED = "https://monitoring.googleapis.com/v1/projects/{project}/location/global/prometheus"
QUERY_TIMEOUT_S = 5
ANSWER_BYTES_MAX = 1 << 20
EVENT_KINDS = ("agent_started", "agent_thinking", "tool_executing", "tool_completed",
               "agent_completed")

# {S}: the labels asked for, {W}: the window. What nobody has counted yet is 0; totals are there
# from a process's start, so without them nothing is known.
UPGRADES = "sum(increase(interlock_handshake_seconds_count{{{S}}}[{W}]))"
REFUSED = "(sum(increase(interlock_upgrades_refused_total{{{S}}}[{W}])) or vector(0))"
SENT_1011 = ('(sum(increase(interlock_closes_total{{code="1011",origin="gateway"{and_S}}}[{W}]))'
             " or vector(0))")
STALE = "sum(increase(interlock_stale_generation_refusals_total{{{S}}}[{W}]))"
CLAIMS = "sum(increase(interlock_claims_total{{{S}}}[{W}]))"
RUNS = "sum(increase(interlock_agent_runs_total{{{S}}}[{W}]))"
EVENTS = ('(sum(increase(interlock_agent_run_events_total{{event="{E}"{and_S}}}[{W}]))'
          " or vector(0))")
UNREADY = {
    "gateway": ("(count((interlock_attached{{{S}}} == 0) or (interlock_holding{{{S}}} == 1))"
                " or vector(0))"),
    "coordinator": "(count(interlock_store_away{{{S}}} == 1) or vector(0))",
}
INSTANCES = {"gateway": "count(interlock_attached{{{S}}})",
             "coordinator": "count(interlock_attached_gateways{{{S}}})"}
# Who counts it: a rollout of the other service shows there over all of its revisions.
COUNTED_BY = {"closed_1011": "gateway", "failed_handshakes": "gateway",
              "stale_generations": "coordinator", "five_of_five": "coordinator"}


class NoAnswer(Exception):
    """The text says why."""


def queries(gate, kind, selector, window_s):
    """(bad, total) of a gate as PromQL; bad may be several, of which the greatest counts."""
    words = {"S": selector, "and_S": "," + selector if selector else "", "W": f"{window_s}s"}
    if gate == "readiness":
        found = [UNREADY[kind]], INSTANCES[kind]
    elif gate == "closed_1011":
        found = [SENT_1011], UPGRADES
    elif gate == "failed_handshakes":
        found = [REFUSED], f"({UPGRADES} + {REFUSED})"
    elif gate == "stale_generations":
        found = [STALE], CLAIMS
    else:
        found = [f"({RUNS} - {EVENTS.replace('{E}', event)})" for event in EVENT_KINDS], RUNS
    return [bad.format(**words) for bad in found[0]], found[1].format(**words)


class Prometheus:
    """Where it is; `token` makes the bearer token, or None."""

    def __init__(self, url, label, token=None):
        self.url = url.rstrip("/")
        self.label = label
        self.token = token

    def count(self, gate, kind, revision, window_s):
        """The Count of a gate for a revision of a gateway or coordinator; NoAnswer says why not.
        None: no such series. What the other service counts is asked of all of it."""
        own = gate == "readiness" or COUNTED_BY[gate] == kind
        selector = f'{self.label}="{revision}"' if own else ""
        bad, total = queries(gate, kind, selector, window_s)
        found = self.value(total)
        if found is None:
            return None
        parts = [self.value(query) for query in bad]
        if any(part is None for part in parts):
            return None
        return Count(max(0.0, *parts), found)

    def value(self, query):
        """The number that a query without labels gives, or None."""
        try:
            answer = self.ask(query)
            if answer["status"] != "success":
                raise NoAnswer(f"Prometheus refused a query: {answer.get('error')}")
            found = [float(one["value"][1]) for one in answer["data"]["result"]]
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            raise NoAnswer("Prometheus' answer is not one of its query API") from None
        if len(found) > 1:
            raise NoAnswer("Prometheus answered with several numbers where one was asked for")
        return found[0] if found and math.isfinite(found[0]) else None

    def ask(self, query):
        request = urllib.request.Request(
            f"{self.url}/api/v1/query?" + urllib.parse.urlencode({"query": query}))
        if self.token is not None:
            request.add_header("Authorization", f"Bearer {self.token()}")
        try:
            with urllib.request.urlopen(request, timeout=QUERY_TIMEOUT_S) as answer:
                return json.loads(answer.read(ANSWER_BYTES_MAX))
        except urllib.error.HTTPError as error:
            raise NoAnswer(f"Prometheus answered {error.code} at {self.url}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise NoAnswer(f"Prometheus cannot be asked at {self.url}: {error}") from None
