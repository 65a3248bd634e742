"""deploy/local.sh as a person runs it: once, and staying up until Ctrl-C."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import BIN, SOURCE, http_get  # noqa: E402

LOCAL = SOURCE / "deploy" / "local.sh"
PATIENCE_S = 120
READY = re.compile(r"local: (\S+) is ready on 127\.0\.0\.1:(\d+), health and metrics on (\d+)")

SERVER = re.compile(r"^local: (\S+) is ready on 127\.0\.0\.1:(\d+)$", re.MULTILINE)


def ports_of(lines):
    """{service: (port, health port)} as the script said them."""
    found = (READY.fullmatch(line) for line in lines)
    return {one[1]: (int(one[2]), int(one[3])) for one in found if one}


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def taken(*ports):
    """Somebody listens on the ports; where that is not this test, somebody else does already."""
    with contextlib.ExitStack() as stack:
        for port in ports:
            holder = stack.enter_context(socket.socket())
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                holder.bind(("127.0.0.1", port))
                holder.listen()
        yield


@unittest.skipUnless(BIN == SOURCE / "build" / "bin", "local.sh builds into build/ only")
class LocalDemo(unittest.TestCase):
    def start(self, *arguments):
        process = subprocess.Popen([LOCAL, *arguments], stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)

    def lines_until(self, process, text):
        lines = []
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if text in line:
                return lines
        self.fail("it ended before it said '" + text + "':\n" + "\n".join(lines))

    def assert_nobody_listens(self, ports):
        for name, pair in ports.items():
            for port in pair:
                self.assertFalse(listens(port), f"{name} still listens on {port}")

    def shows_the_same_over(self, engine):
        before = set(pathlib.Path(tempfile.gettempdir()).glob("interlock-postgres-*"))
        done = subprocess.run([LOCAL, "--once", f"--store={engine}"], stdin=subprocess.DEVNULL,
                              text=True, capture_output=True, timeout=PATIENCE_S, check=False)
        lines = done.stdout.splitlines()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        ports = ports_of(lines)
        self.assertEqual(set(ports), {"coordinator", "coordinator-b", "agent", "gateway-a",
                                      "gateway-b"})
        self.assertIn("five of five events, twice, in order", done.stdout)
        self.assert_nobody_listens(ports)
        servers = {name: (int(port),) for name, port in SERVER.findall(done.stdout)}
        self.assert_nobody_listens(servers)
        left = set(pathlib.Path(tempfile.gettempdir()).glob("interlock-postgres-*")) - before
        self.assertEqual(left, set())
        return set(servers)

    def test_with_two_coordinators_over_postgres_it_shows_the_same(self):
        self.assertEqual(self.shows_the_same_over("postgres"), {"postgres"})

    def test_with_two_coordinators_over_etcd_it_shows_the_same(self):
        self.assertEqual(self.shows_the_same_over("etcd"), {"etcd-1", "etcd-2", "etcd-3"})

    def test_a_store_that_it_does_not_know_is_a_sentence(self):
        done = subprocess.run([LOCAL, "--once", "--store=redis"], stdin=subprocess.DEVNULL,
                              text=True, capture_output=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("known: rocksdb, postgres, etcd", done.stdout.splitlines()[-1])

    def test_once_it_shows_everything_beside_taken_ports_and_leaves_nothing(self):
        with taken(7400, 7501, 8080):
            done = subprocess.run([LOCAL, "--once"], stdin=subprocess.DEVNULL, text=True,
                                  capture_output=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lines = done.stdout.splitlines()
        ports = ports_of(lines)
        self.assertEqual(set(ports), {"coordinator", "agent", "gateway-a", "gateway-b"})
        for name, wanted, used in (("coordinator", 7400, ports["coordinator"][0]),
                                   ("agent", 7501, ports["agent"][1]),
                                   ("gateway-a", 8080, ports["gateway-a"][0])):
            self.assertNotEqual(used, wanted)
            self.assertIn(f"local: port {wanted} is taken: {name} uses {used}", lines)
        self.assertEqual(len({port for pair in ports.values() for port in pair}), 8)
        self.assertIn("five of five events, twice, in order", done.stdout)
        self.assertIn("PROCESSING → RECONNECTING".replace("→", "->"),
                      done.stdout.replace("→", "->"))
        self.assert_nobody_listens(ports)

    def test_it_stays_up_starts_again_what_is_killed_and_ends_with_ctrl_c(self):
        process = self.start()
        lines = self.lines_until(process, "data and logs")
        ports = ports_of(lines)
        said = "\n".join(lines)
        page = re.search(r"http://[\d.:]+/\?gateway=[\d.:]+", said)[0]
        status, text = http_get(page)
        self.assertEqual((status, "<html" in text), (200, True))
        listed = subprocess.run(
            re.search(r"build/bin/interlockctl \S+ \S+ list", said)[0].split(), cwd=SOURCE,
            capture_output=True, text=True, timeout=30, check=True)
        self.assertIn("anonymous:demo-", listed.stdout)

        os.kill(int(re.search(r"kill -KILL (\d+)", said)[1]), signal.SIGKILL)
        self.lines_until(process, "gateway-a is ready again")
        self.assertEqual(http_get(page)[0], 200)

        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE_S), 128 + signal.SIGINT)
        self.assertLess(time.monotonic() - began, 15)
        self.assert_nobody_listens(ports)

    def test_a_failure_is_said_on_the_last_line(self):
        done = subprocess.run([LOCAL, "--twice"], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout.splitlines()[-1], "^local: failed: .*--twice")


if __name__ == "__main__":
    unittest.main(verbosity=2)
