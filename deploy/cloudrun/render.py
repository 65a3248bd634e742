#!/usr/bin/python3
"""Makes what Cloud Run takes of one file of values.

    deploy/cloudrun/render.py [--values FILE] [--out FOLDER]

Without arguments: values.yaml, into example/, which is kept in the repository so that a review sees
what a change of the values changes. Nothing secret is read or written: services get secrets as
mounted files, by their names in Secret Manager.
"""

import argparse
import json
import pathlib
import sys

import yaml

import access
import pipelines
import services
from values import Refused, load

HERE = pathlib.Path(__file__).resolve().parent
MONITORING = HERE.parent / "monitoring"
HEAD = "# Made by render.py of the values; change those.\n"
COLUMNS = 100  # strings, such as images by digest, may be longer


def as_yaml(*documents):
    return HEAD + yaml.safe_dump_all(documents, sort_keys=False, width=COLUMNS)


def rendered(values):
    """{file name: text} of checked values."""
    files = {
        "coordinator.yaml": as_yaml(services.coordinator(values)),
        "gateway.yaml": as_yaml(services.gateway(values)),
        "coordinator_policy.yaml": as_yaml(access.coordinator_policy(values)),
        "gateway_policy.yaml": as_yaml(access.gateway_policy()),
        "roles.json": json.dumps(access.roles(values), indent=2) + "\n",
        "settings.sh": HEAD + access.settings(values),
        "clouddeploy.yaml": as_yaml(*pipelines.clouddeploy(values)),
        "skaffold.yaml": as_yaml(pipelines.skaffold()),
    }
    for name in ("coordinator", "gateway"):
        sidecar = MONITORING / f"sidecar_{name}.yaml"
        files[sidecar.name] = sidecar.read_text(encoding="utf-8")
    return files


def main(words):
    parser = argparse.ArgumentParser(prog="render.py", allow_abbrev=False)
    parser.add_argument("--values", type=pathlib.Path, default=HERE / "values.yaml")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "example")
    wanted = parser.parse_args(words)
    try:
        files = rendered(load(wanted.values.read_text(encoding="utf-8")))
        wanted.out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (wanted.out / name).write_text(text, encoding="utf-8")
    except (OSError, Refused) as error:
        print(f"render: {wanted.values}: {error}.", file=sys.stderr)
        return 2
    print(f"render: {len(files)} files in {wanted.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
