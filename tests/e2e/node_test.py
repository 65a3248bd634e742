"""A client of another language and library, Node.js with `ws`, gets its events and resumes."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import SOURCE, Stack, count  # noqa: E402
from ws_client import FIVE  # noqa: E402


class Node(unittest.TestCase):
    def test_five_events_and_a_resume_through_the_other_gateway(self):
        with Stack(agent_pause="100ms") as stack:
            done = subprocess.run(
                ["node", str(SOURCE / "tests/e2e/node_client.js"),
                 *(stack.url(gateway, session="node") for gateway in (0, 1))],
                env={**os.environ, "NODE_PATH": "/usr/share/nodejs"}, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            events = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual([(event["seq"], event["event"]) for event in events],
                             list(enumerate(FIVE * 2, 1)))
            record = stack.ctl("get", "anonymous:node")[0]
            self.assertEqual((int(record["last_seq"]), int(record["acknowledged"])), (10, 10))
            self.assertEqual(stack.closes().get("1011", 0), 0)
        count("e2e.node_events", 10)


if __name__ == "__main__":
    unittest.main(verbosity=2)
