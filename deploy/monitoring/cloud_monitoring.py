#!/usr/bin/python3
"""Writes the alerts of alerts.yml as alert policies of Cloud Monitoring, and one on the log.

    deploy/monitoring/cloud_monitoring.py        (again after each change of alerts.yml)

The files in cloud_monitoring/ are what `gcloud monitoring policies create --policy-from-file=FILE`
takes. Expressions are PromQL over what Managed Service for Prometheus keeps, under the names that
the services give; it does not know our recorded series, so their expressions are put in their
place.
"""

import pathlib
import re
import sys
import textwrap

import yaml

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE / "cloud_monitoring"
SEVERITIES = {"page": "CRITICAL", "warning": "WARNING"}
EVALUATION_S = 30  # the shortest that it takes
AUTO_CLOSE_S = 1800
NOTIFIED_AGAIN_S = 300  # at the soonest; what is matched in a log has to say so
TEXT_COLUMNS = 96
UNITS_S = {"s": 1, "m": 60, "h": 3600}
HEAD = "# Made by cloud_monitoring.py{source}; change that.\n"


class Block(str):
    """A text that is written line by line."""


yaml.SafeDumper.add_representer(
    Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|"))


def seconds(duration):
    """Of "10m" and the like; 0 for none."""
    return sum(int(number) * UNITS_S[unit]
               for number, unit in re.findall(r"(\d+)([smh])", duration or "0s"))


def with_recorded(expression, recorded):
    """The expression with recorded series replaced by what they are recorded of."""
    def replace(match):
        return f"({recorded[match.group(0)].strip()})"
    found = re.sub(r"\binterlock:\w+:\w+\b(?!\s*[{\[])", replace, expression.strip())
    if "interlock:" in found:
        raise SystemExit(f"cloud_monitoring: a recorded series cannot be put into: {expression}")
    return found


def in_its_words(text):
    """Prometheus' templates as Cloud Monitoring's variables."""
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"${metric_or_resource.label.\1}", text)
    if "{{" in text:
        raise SystemExit(f"cloud_monitoring: there is no variable for the template in: {text}")
    return text


def documentation(summary, description):
    wrapped = textwrap.fill(in_its_words(description), TEXT_COLUMNS, break_on_hyphens=False)
    return {"subject": in_its_words(summary), "content": Block(wrapped + "\n"),
            "mimeType": "text/markdown"}


def policy_of(rule, group, recorded):
    query = with_recorded(rule["expr"], recorded)
    return {
        "displayName": rule["alert"],
        "severity": SEVERITIES[rule["labels"]["severity"]],
        "combiner": "OR",
        "conditions": [{
            "displayName": rule["alert"],
            "conditionPrometheusQueryLanguage": {
                "query": Block(query + "\n"),
                "duration": f"{seconds(rule.get('for'))}s",
                "evaluationInterval": f"{EVALUATION_S}s",
                "ruleGroup": group["name"],
                "alertRule": rule["alert"],
                # A metric exists there once it was seen; policies may be there before.
                "disableMetricValidation": True,
            },
        }],
        "alertStrategy": {"autoClose": f"{AUTO_CLOSE_S}s"},
        "documentation": documentation(rule["annotations"]["summary"],
                                       rule["annotations"]["description"]),
    }


def logged_1011():
    """The log knows of each one at once, also of an instance that was never scraped."""
    filter_text = ('resource.type="cloud_run_revision"\n'
                   'jsonPayload.message="Session ended."\n'
                   'jsonPayload.code=1011\n'
                   'jsonPayload.origin="gateway"\n')
    return {
        "displayName": "InterlockGatewayLogged1011",
        "severity": "CRITICAL",
        "combiner": "OR",
        "conditions": [{"displayName": "InterlockGatewayLogged1011",
                        "conditionMatchedLog": {"filter": Block(filter_text)}}],
        "alertStrategy": {"autoClose": f"{AUTO_CLOSE_S}s",
                          "notificationRateLimit": {"period": f"{NOTIFIED_AGAIN_S}s"}},
        "documentation": documentation(
            "A gateway has closed a socket with 1011",
            'A session ended by a defect of this program. The entry names the key; the lines "A '
            'session failed by a defect of this program." before it say more, and `interlockctl '
            'history KEY` shows what the connection had been doing. If it began with a rollout, '
            'roll back.'),
    }


def file_name(alert):
    words = re.findall(r"[A-Z][a-z]+|[0-9]+", alert.removeprefix("Interlock"))
    return "_".join(words).lower() + ".yaml"


def policies():
    """{file name: its text}."""
    groups = yaml.safe_load((HERE / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    rules = [(rule, group) for group in groups for rule in group["rules"]]
    recorded = {rule["record"]: rule["expr"] for rule, _ in rules if "record" in rule}
    made = {file_name(rule["alert"]): (policy_of(rule, group, recorded), " of alerts.yml")
            for rule, group in rules if "alert" in rule}
    made[file_name("InterlockGatewayLogged1011")] = logged_1011(), ""
    return {name: HEAD.format(source=source) +
            yaml.safe_dump(policy, sort_keys=False, width=TEXT_COLUMNS)
            for name, (policy, source) in made.items()}


def main():
    wanted = policies()
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.yaml"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"cloud_monitoring: {len(wanted)} policies")


if __name__ == "__main__":
    if len(sys.argv) != 1:
        sys.exit("usage: cloud_monitoring.py")
    main()
