"""Searches the models whole, and demands that every broken variant is found out.

    run_models.py [NAME...]

NAME: searches or variants, instead of all. A search passes when spin has seen every state within
the bounds and no property was violated, and when the searches of a model together have met every
event that it names. A broken variant passes when it violates the property that stands beside it in
searches.py. To look at one by hand:

    spin -search -DNO_CAS -DSOCKETS=3 -DOPS=1 -DCRASHES=0 -DUNKNOWNS=0 authority.pml
    spin -t -p authority.pml
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import namedtuple

from searches import SEARCHES, VARIANTS

HERE = pathlib.Path(__file__).resolve().parent
FULL = os.environ.get("INTERLOCK_FULL") == "1"
MEMORY_MAX_MB = 3000 if FULL else 1500
DEPTH_MAX = 1_000_000
SECONDS_MAX = 3600 if FULL else 600

# What pan says of a search that has not seen everything, whatever its exit status.
CUT_SHORT = ("Search not completed", "max search depth too small", "out of memory", "pan: reached",
             "Bit statespace", "pan:1: invalid end state", "assertion violated")

# The states that were searched, what went wrong (nothing: nothing), and what the search reported.
Result = namedtuple("Result", "name states seconds violated met wrong")


def compiler():
    for name in ("clang-19", "gcc", "cc"):
        if shutil.which(name):
            return name
    sys.exit("run_models: there is no C compiler.")


def defines_of(search, variant=None):
    bounds = {**search.bounds, **(search.full if FULL and not variant else {})}
    names = [f"-D{name}={value}" for name, value in bounds.items()]
    return ["-DCHECKED", *names, *([f"-D{variant.name}"] if variant else [])]


def run(command, folder):
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=SECONDS_MAX, check=False)
    return done.returncode, done.stdout


def build(search, defines, optimize, folder):
    """A verifier in the folder; an empty text, or what went wrong."""
    cc = compiler()
    model = str(HERE / f"{search.model}.pml")
    status, text = run(["spin", f"-P{cc} -E -x c", *defines, "-a", model], folder)
    if status != 0 or "Error" in text:
        return f"spin: {text}"
    # The models' steps share all they touch, so that partial order reduction has nothing to reduce.
    kind = ["-DNFAIR=2"] if search.liveness else ["-DSAFETY"]
    status, text = run([cc, "-w", optimize, "-DNOREDUCE", *kind, f"-DMEMLIM={MEMORY_MAX_MB}",
                        "-o", "pan", "pan.c"], folder)
    return f"{cc}: {text}" if status != 0 else ""


def verify(search, variant=None):
    begin = time.monotonic()
    name = variant.name if variant else search.name
    with tempfile.TemporaryDirectory() as folder:
        wrong = build(search, defines_of(search, variant), "-O0" if variant else "-O2", folder)
        if wrong:
            return Result(name, 0, time.monotonic() - begin, "", set(), wrong)
        mode = ["-a", "-f"] if search.liveness else []
        # Broken variants are found out early: they need no large table.
        size = "-w18" if variant else "-w22"
        _, text = run(["./pan", f"-m{DEPTH_MAX}", size, *mode], folder)
        result = read_report(name, text, time.monotonic() - begin)
        trails = list(pathlib.Path(folder).glob("*.trail"))
        if not variant and trails:
            trail = run(["./pan", f"-r{trails[0].name}", *mode], folder)[1]
            result = result._replace(wrong=f"{result.wrong}\n{trail[-6000:]}")
    return result


def read_report(name, text, seconds):
    """What pan said. `wrong` is empty only after a search of everything."""
    errors = re.search(r"State-vector \d+ byte, depth reached \d+.*errors: (\d+)", text)
    states = re.search(r"^\s*(\d+) states, stored", text, re.MULTILINE)
    violated = re.search(r"^violated: (\w+)$", text, re.MULTILINE)
    violated = violated.group(1) if violated else ""
    if not violated and "acceptance cycle (" in text:
        claim = re.search(r"^\s*never claim\s*\+ \((\w+)\)$", text, re.MULTILINE)
        violated = claim.group(1) if claim else "?"
    wrong = ""
    if not errors or not states:
        wrong = f"pan did not finish:\n{text[-2000:]}"
    elif errors.group(1) != "0":
        wrong = f"violated: {violated or '?'}\n{text[:2000]}"
    else:
        wrong = next((f"not a whole search: {sign}" for sign in CUT_SHORT if sign in text), "")
        if "Full statespace search" not in text or int(states.group(1)) < 10:
            wrong = "not a whole search"
    met = set(re.findall(r"^met: (\w+)$", text, re.MULTILINE))
    return Result(name, int(states.group(1)) if states else 0, seconds, violated, met, wrong)


def events_of(model):
    """The events that a model names, and what is wrong with their numbers."""
    text = (HERE / f"{model}.pml").read_text(encoding="utf-8")
    # A definition has no number in it, so that it is not taken for a use.
    found = re.findall(r"\bmet(?:_if)?\((?:.*?, )?(\w+), (\d+)\)", text)
    by_number = {}
    for name, number in found:
        if by_number.setdefault(number, name) != name:
            sys.exit(f"run_models: {model}.pml: two events have the number {number}.")
    return set(by_number.values())


def count(name, value):
    """One line for the summary that tests/run.sh prints."""
    path = os.environ.get("INTERLOCK_COUNTS")
    if path:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{name} {value}\n")


def say(name, result, verdict):
    print(f"{name:26} {result.states:>10} states {result.seconds:7.1f} s  {verdict}", flush=True)


def judge_variant(variant, result):
    """What is wrong with the answer to a broken variant."""
    if result.violated == variant.violates:
        return ""
    if result.violated:
        return f"violates {result.violated}, not {variant.violates}"
    return f"NOT REFUTED\n{result.wrong}"


def main(names):
    searches = [search for search in SEARCHES if not names or search.name in names]
    variants = [variant for variant in VARIANTS if not names or variant.name in names]
    if not searches and not variants:
        sys.exit("run_models: there is no search or variant of that name.")
    by_name = {search.name: search for search in SEARCHES}
    failures = 0
    met = {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        whole = [(search, pool.submit(verify, search)) for search in searches]
        broken = [(variant, pool.submit(verify, by_name[variant.search], variant))
                  for variant in variants]
        for search, job in whole:
            result = job.result()
            met.setdefault(search.model, set()).update(result.met)
            failures += bool(result.wrong)
            say(search.name, result, result.wrong or "every state searched, no error")
            count("model.states", result.states)
        for variant, job in broken:
            result = job.result()
            wrong = judge_variant(variant, result)
            failures += bool(wrong)
            say(variant.name, result, wrong or f"refuted: {variant.violates}")
            count("model.variants.refuted", int(not wrong))
    for model in met if not names else ():
        events = events_of(model)
        unmet = events - met[model]
        failures += bool(unmet)
        print(f"{model}: {len(events) - len(unmet)} of {len(events)} events met"
              + (f"; never: {', '.join(sorted(unmet))}" if unmet else ""))
        count("model.events.met", len(events) - len(unmet))
    print(f"models: {len(searches)} searches, {len(variants)} broken variants, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
