#!/usr/bin/python3 -ISB
"""A gcloud that keeps one Cloud Run service in a file, writes down what it is asked, and misbehaves.

    fake_gcloud.py FOLDER WORDS...

FOLDER has state.json, calls.jsonl, and script.json: {"first": N, "last": N, "how": HOW} misbehaves
from the Nth call to the last one. HOW:

    fail, hang, silence, nonsense     instead of doing it: an error, no answer, nothing, HTML
    done_then_fail, done_then_hang,   having done it
    done_then_nonsense
    late                              no answer; it is done when nobody waits any more
    INT, TERM, HUP                    that signal to the caller, before it is done
    done_then_INT, ...                and after
    others, latest                    somebody sets the traffic meanwhile: to a third revision, or
                                      to whatever is the latest
"""

import fcntl
import json
import os
import signal
import sys
import time

HANG_S = 60
LATE_S = 2.6  # from its start: the caller has stopped waiting by then


class State:
    """state.json, nobody else's while it is open."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "state.json")
        self.lock = open(self.path + ".lock", "w", encoding="utf-8")

    def __enter__(self):
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        with open(self.path, encoding="utf-8") as file:
            self.found = json.load(file)
        return self.found

    def __exit__(self, *_):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.found, file)
        os.rename(self.path + ".new", self.path)
        fcntl.flock(self.lock, fcntl.LOCK_UN)


def served(state):
    return [{**one, "revisionName": one.get("revisionName", state["latest"])}
            for one in state["traffic"]]


def described(state):
    return {
        "apiVersion": "serving.knative.dev/v1", "kind": "Service",
        "metadata": {"name": state["service"], "generation": state["generation"]},
        "spec": {"template": state["template"], "traffic": state["traffic"]},
        "status": {"observedGeneration": state["generation"], "traffic": served(state),
                   "latestReadyRevisionName": state["latest"],
                   "conditions": [{"type": "Ready", "status": "True"}]}}


def replace(state, path):
    with open(path, encoding="utf-8") as file:
        sys.path.append("/usr/lib/python3/dist-packages")  # -S leaves it out
        import yaml  # slow to load, so only here
        wanted = yaml.safe_load(file)
    state["latest"] = wanted["spec"]["template"]["metadata"]["name"]
    state["template"] = wanted["spec"]["template"]
    state["revisions"].append(state["latest"])
    # Without a word on traffic, all of it goes to what is the latest.
    state["traffic"] = wanted["spec"].get("traffic") or [{"latestRevision": True, "percent": 100}]
    state["generation"] += 1
    return "replaced"


def update_traffic(state, words):
    text, = [word for word in words if word.startswith("--to-revisions=")]
    parts = dict(part.split("=") for part in text.split("=", 1)[1].split(","))
    unknown = set(parts) - set(state["revisions"])
    if unknown or sum(map(int, parts.values())) != 100:
        sys.exit(f"ERROR: (gcloud.run.services.update-traffic) {text}: {unknown}")
    state["traffic"] = [{"revisionName": name, "percent": int(part)}
                        for name, part in parts.items()]
    state["history"].append({name: int(part) for name, part in parts.items()})
    state["generation"] += 1
    return "done"


def do(folder, words):
    """What it prints."""
    with State(folder) as state:
        if words[0] == "auth":
            return "ya29.secret"
        if words[1:3] == ["services", "replace"]:
            return replace(state, words[3])
        if words[1:3] == ["services", "update-traffic"]:
            return update_traffic(state, words)
        if words[1:3] == ["revisions", "describe"]:
            if words[3] not in state["revisions"]:
                sys.exit("ERROR: (gcloud.run.revisions.describe) NOT_FOUND")
            ready = {"type": "Ready", **state["ready"]}
            return json.dumps({"metadata": {"name": words[3]}, "status": {"conditions": [ready]}})
        found = described(state)
        if "--format=export" in words:  # JSON is YAML too
            del found["status"]
        return json.dumps(found)


def set_by_others(folder, traffic):
    with State(folder) as state:
        state["traffic"] = traffic
        state["generation"] += 1


def misbehave(how, folder, words):
    """Ends the process, or returns what is still to be done: the words, or what was printed."""
    if how == "fail":
        sys.exit("ERROR: (gcloud) UNAVAILABLE: as ordered")
    if how == "hang":
        time.sleep(HANG_S)
    if how in ("silence", "nonsense"):
        print("" if how == "silence" else "<html>502</html>")
        sys.exit(0)
    if how == "late":
        if os.fork() == 0:
            os.setsid()  # so that ending the caller's children does not end this
            time.sleep(LATE_S)
            do(folder, words)
            os._exit(0)
        time.sleep(HANG_S)
    if how == "others":
        set_by_others(folder, [{"revisionName": "somebody-elses", "percent": 100}])
    if how == "latest":
        set_by_others(folder, [{"latestRevision": True, "percent": 100}])
    if how in ("INT", "TERM", "HUP"):
        os.kill(os.getppid(), getattr(signal, "SIG" + how))


def main(folder, words):
    with State(folder) as state:
        state["calls"] += 1
        number = state["calls"]
    with open(os.path.join(folder, "calls.jsonl"), "a", encoding="utf-8") as file:
        file.write(json.dumps(words) + "\n")
    with open(os.path.join(folder, "script.json"), encoding="utf-8") as file:
        script = json.load(file)
    how = script["how"] if script["first"] <= number <= script["last"] else ""
    done_then = "done_then_"
    if not how.startswith(done_then):
        misbehave(how, folder, words)
    printed = do(folder, words)
    if how.startswith(done_then):
        misbehave(how[len(done_then):], folder, words)
    print(printed)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
