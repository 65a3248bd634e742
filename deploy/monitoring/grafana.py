#!/usr/bin/python3
"""Writes the Grafana dashboard, grafana.json, from the rows of panels below.

    deploy/monitoring/grafana.py        (again after each change of this file)

A panel is a title, a unit, and expressions with the legend of what they give. Import grafana.json
into Grafana (Dashboards, New, Import) and choose the data source that scrapes the services.
"""

import json
import pathlib
import sys

FILE = pathlib.Path(__file__).resolve().parent / "grafana.json"
COLUMNS = 24
STAT_WIDTH, STAT_HEIGHT = 4, 4
GRAPH_WIDTH, GRAPH_HEIGHT = 8, 8
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

COUNT, RATE, SECONDS, BYTES, SHARE = "short", "ops", "s", "bytes", "percentunit"


def rate(metric, by="", where=""):
    """A second, over what is shown; `by`: labels."""
    total = f"sum by ({by})" if by else "sum"
    return f"{total} (rate({metric}{where}[$__rate_interval]))"


def quantile(number, metric, by=""):
    labels = f"{by}, le" if by else "le"
    return (f"histogram_quantile({number}, "
            f"sum by ({labels}) (rate({metric}_bucket[$__rate_interval])))")


def percentiles(metric, by=""):
    legend = f"{{{{{by}}}}} " if by else ""
    return [(quantile(0.5, metric, by), f"{legend}p50"),
            (quantile(0.99, metric, by), f"{legend}p99")]


# For one number, green up to the first bound.
STATS = [
    ("Operational connections", COUNT, (), "max(sum by (instance) (interlock_connections{"
     'state=~"PROCESSING_READY|PROCESSING|IDLE|DEGRADED"}))'),
    ("1011 sent by gateways, last day", COUNT, (1,),
     'sum(increase(interlock_closes_total{code="1011", origin="gateway"}[1d]))'),
    ("Agent runs incomplete", SHARE, (0.001, 0.01), "interlock:agent_runs_incomplete:ratio30m"),
    ("Resumes lost", SHARE, (0.001, 0.01), "interlock:resumes_lost:ratio15m"),
    ("Flapping keys", COUNT, (1,), "sum(interlock_flapping_keys)"),
    ("Alerts firing", COUNT, (1,),
     'count(ALERTS{alertname=~"Interlock.+", alertstate="firing"}) or vector(0)'),
]

ROWS = [
    ("Clients", [
        ("Connections by state", COUNT,
         [("max by (state) (interlock_connections) > 0", "{{state}}")]),
        ("Ends by close code", RATE, [(rate("interlock_closes_total", "code"), "{{code}}")]),
        ("1011 by who sent it, ten minutes", COUNT,
         [("interlock:closes_1011:increase10m", "{{origin}}")]),
        ("Handshake, to the answer", SECONDS, percentiles("interlock_handshake_seconds")),
        ("Handshake by step, p99", SECONDS,
         [(quantile(0.99, "interlock_handshake_step_seconds", "step"), "{{step}}")]),
        ("Upgrades refused", RATE, [(rate("interlock_upgrades_refused_total", "status, reason"),
                                     "{{status}} {{reason}}")]),
        ("Resumes", RATE, [(rate("interlock_resumes_total", "result"), "{{result}}")]),
        ("Length of connections", SECONDS, percentiles("interlock_session_seconds")),
        ("Answers of the HTTP API", RATE,
         [(rate("interlock_http_api_answers_total", "status"), "{{status}}")]),
    ]),
    ("Events and agent runs", [
        ("Events by stage", RATE, [(rate("interlock_events_total", "stage"), "{{stage}}")]),
        ("From publish to the owner's stream", SECONDS, percentiles("interlock_delivery_seconds")),
        ("Events that gateways wrote to clients", RATE,
         [(rate("interlock_events_sent_total"), "numbered"),
          (rate("interlock_transients_dropped_total"), "transient, dropped")]),
        ("Events held", COUNT, [("max(interlock_outbox_events)", "events")]),
        ("Bytes held", BYTES, [("max(interlock_outbox_bytes)", "bytes")]),
        ("Depth of an outbox at a publish", COUNT, percentiles("interlock_outbox_depth_events")),
        ("Agent runs", RATE, [(rate("interlock_agent_runs_total", "outcome"), "{{outcome}}")]),
        ("Complete runs that had each kind of event", SHARE,
         [('sum by (event) (increase(interlock_agent_run_events_total[1h])) / on () group_left () '
           'sum(increase(interlock_agent_runs_total{outcome="complete"}[1h]))', "{{event}}")]),
        ("Messages of clients", RATE, [(rate("interlock_messages_total", "result"), "{{result}}")]),
    ]),
    ("Authority", [
        ("Claims", RATE, [(rate("interlock_claims_total", "result"), "{{result}}")]),
        ("Transitions by what they lead to", RATE,
         [(rate("interlock_transitions_total", "to"), "{{to}}")]),
        ("Refusals", RATE, [(rate("interlock_refusals_total", "reason"), "{{reason}}")]),
        ("Takeovers", RATE, [(rate("interlock_takeovers_total"), "from a live owner"),
                             (rate("interlock_takeovers_damped_total"), "damped")]),
        ("What should not be asked for", RATE,
         [(rate("interlock_stale_generation_refusals_total"), "stale generation"),
          (rate("interlock_illegal_transitions_total"), "illegal transition")]),
        ("Let go by sweeps, and ends untold", RATE,
         [(rate("interlock_orphans_swept_total"), "orphans"),
          (rate("interlock_closed_undelivered_total"), "ends that no backend was told of")]),
    ]),
    ("Store", [
        ("Commits", SECONDS, percentiles("interlock_store_commit_seconds", "instance")),
        ("Records in a commit", COUNT, percentiles("interlock_store_commit_entries")),
        ("Age of news from the store", SECONDS,
         percentiles("interlock_store_feed_lag_seconds", "instance")),
        ("Entries that did not land at once", RATE,
         [(rate("interlock_store_entries_refused_total"), "decided again"),
          (rate("interlock_store_entries_unknown_total"), "outcome unknown"),
          (rate("interlock_store_entries_failed_total"), "not applied")]),
        ("Away, or short of room", COUNT,
         [("max by (job, instance) (interlock_store_away)", "{{job}} {{instance}} away"),
          ("max by (instance) (interlock_store_short_of_room)", "{{instance}} short of room")]),
        ("The store's clock, ticks a second", COUNT,
         [("max(deriv(interlock_tick[1m]))", "ticks")]),
    ]),
    ("Gateways", [
        ("Sockets and sessions", COUNT,
         [("sum by (instance) (interlock_sockets)", "{{instance}} sockets"),
          ("sum by (instance) (interlock_sessions)", "{{instance}} sessions")]),
        ("Gateways", COUNT, [("max(interlock_live_gateways)", "lease stands"),
                             ("sum(interlock_attached_gateways)", "attached"),
                             ("sum(interlock_draining)", "stopping")]),
        ("Age of leases and heartbeats", SECONDS,
         [("max(interlock_lease_age_seconds)", "oldest lease"),
          ("max by (instance) (interlock_heartbeat_age_seconds)", "{{instance}} confirmed")]),
        ("Holding, and given up", COUNT,
         [("sum by (instance) (interlock_holding)", "{{instance}} holds"),
          ("sum by (instance, why) (increase(interlock_gateway_expired_total[10m]))",
           "{{instance}} {{why}}")]),
        ("Waiting for the coordinator", COUNT,
         [("sum by (instance) (interlock_waiting_claims)", "{{instance}} claims"),
          ("sum by (instance) (interlock_unanswered_operations)", "{{instance}} operations")]),
        ("Breakers that are not closed", COUNT,
         [('max by (instance, state) (interlock_backend_breaker_state{state!="closed"})',
           "{{instance}} {{state}}")]),
        ("Calls to backends", RATE, [(rate("interlock_backend_calls_total", "result"),
                                      "{{result}}")]),
        ("Attempts at them", RATE, [(rate("interlock_backend_attempts_total"), "all"),
                                    (rate("interlock_backend_retries_total"), "again")]),
        ("Processes by version", COUNT,
         [("count by (job, version) (interlock_build_info)", "{{job}} {{version}}")]),
    ]),
]


def targets(expressions):
    return [{"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": expression,
             "legendFormat": legend} for number, (expression, legend) in enumerate(expressions)]


def stat(place, title, unit, bounds, expression):
    colours = ["green", "orange", "red"] if len(bounds) == 2 else ["green", "red"]
    steps = [{"color": colour, "value": value}
             for colour, value in zip(colours, [None, *bounds])]
    return {"type": "stat", "title": title, "datasource": SOURCE, "gridPos": place,
            "targets": targets([(expression, "")]),
            "options": {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area"},
            "fieldConfig": {"defaults": {"unit": unit, "thresholds": {
                "mode": "absolute", "steps": steps}}, "overrides": []}}


def graph(place, title, unit, expressions):
    return {"type": "timeseries", "title": title, "datasource": SOURCE, "gridPos": place,
            "targets": targets(expressions),
            "options": {"tooltip": {"mode": "multi", "sort": "desc"},
                        "legend": {"displayMode": "list", "placement": "bottom"}},
            "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": {
                "fillOpacity": 10, "showPoints": "never"}}, "overrides": []}}


def panels():
    """Numbered from 1, placed from left to right and downwards."""
    made = []
    for number, row in enumerate(STATS):
        made.append(stat({"x": number * STAT_WIDTH, "y": 0, "w": STAT_WIDTH, "h": STAT_HEIGHT},
                         *row))
    y = STAT_HEIGHT
    for title, graphs in ROWS:
        made.append({"type": "row", "title": title, "collapsed": False, "panels": [],
                     "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}})
        y += 1
        for number, row in enumerate(graphs):
            x = number * GRAPH_WIDTH % COLUMNS
            made.append(graph({"x": x, "y": y, "w": GRAPH_WIDTH, "h": GRAPH_HEIGHT}, *row))
            if x + GRAPH_WIDTH == COLUMNS or number == len(graphs) - 1:
                y += GRAPH_HEIGHT
    return [{"id": number, **panel} for number, panel in enumerate(made, 1)]


def dashboard():
    return {
        "uid": "interlock", "title": "Interlock", "tags": ["interlock"], "schemaVersion": 38,
        "editable": True, "refresh": "30s", "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [{"name": "datasource", "label": "Data source",
                                 "type": "datasource", "query": "prometheus"}]},
        "annotations": {"list": [{
            "name": "Alerts", "datasource": SOURCE, "enable": True, "iconColor": "red",
            "expr": 'ALERTS{alertname=~"Interlock.+", alertstate="firing"}',
            "titleFormat": "{{alertname}}", "textFormat": "{{instance}}"}]},
        "panels": panels(),
    }


def text():
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 1:
        sys.exit("usage: grafana.py")
    FILE.write_text(text(), encoding="utf-8")
    print(f"grafana: {len(panels())} panels")
