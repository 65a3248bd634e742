"""The models' table of states is the program's: neither changes alone."""

import json
import os
import pathlib
import subprocess
import unittest

from run_models import HERE, compiler

INTERLOCKCTL = pathlib.Path(os.environ["INTERLOCK_BIN_DIR"]) / "interlockctl"


def lines_of(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          timeout=60, check=True)
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def program():
    """[(name, phase, names of the successors)] in the order of the numbers."""
    rows = [json.loads(line) for line in lines_of(INTERLOCKCTL, "--json", "lifecycle")]
    return [(row["state"], row["phase"], sorted(row["to"])) for row in rows]


def models():
    """The same, as the models evaluate it: print_table.pml runs what they include."""
    phases = {"100": "setup", "010": "operational", "001": "final", "000": ""}
    rows = []
    # -T: without spin's indentation.
    for line in lines_of("spin", "-T", f"-P{compiler()} -E -x c", str(HERE / "print_table.pml")):
        words = line.split()
        if words[0] == "state":
            _, number, name, _, setup, _, operational, _, final = words
            assert int(number) == len(rows) + 1, line
            rows.append((name, phases[setup + operational + final], []))
        elif words[0] == "step":
            assert words[1] == rows[-1][0], line
            rows[-1][2].append(words[2])
    return [(name, phase, sorted(to)) for name, phase, to in rows]


class LifecycleTable(unittest.TestCase):
    maxDiff = None

    def test_states_and_steps_of_the_models_are_those_of_the_program(self):
        ours, theirs = models(), program()
        self.assertEqual(len(theirs), 12)
        self.assertEqual([row[0] for row in ours], [row[0] for row in theirs])
        for our, their in zip(ours, theirs):
            self.assertEqual(our[2], their[2], f"what may follow {their[0]}")

    def test_setup_operational_and_final_are_the_same_states(self):
        for (name, phase, _), (_, their_phase, _) in zip(models(), program()):
            expected = their_phase if their_phase in ("setup", "operational", "final") else ""
            self.assertEqual(phase, expected, name)


if __name__ == "__main__":
    unittest.main()
