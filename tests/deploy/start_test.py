#!/usr/bin/python3
"""How much a cold start costs: the CPU time of each service from exec until it says it is ready.

CPU time and not time: the machine that measures may be busy, and an instance that starts is given
more CPU by the platform (startup boost). Also what a platform's probes ask of them.
"""

import os
import pathlib
import sys
import tempfile
import unittest

import grpc

SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "support"))

from stack import Service, count, free_port, http_get  # noqa: E402

CPU_S_MAX = 1.0
SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse{status: SERVING}
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    """Of all of its threads, in user and kernel."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


class Start(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.port = free_port()
        self.http_port = free_port()

    def started(self, program, arguments):
        service = Service(program, program, [
            f"--listen=127.0.0.1:{self.port}", f"--http_listen=127.0.0.1:{self.http_port}",
            "--auth=none", *arguments], self.http_port, self.folder)
        self.addCleanup(service.stop)
        return service.start().wait_ready()

    def assert_cheap(self, service):
        spent = cpu_s(service.process.pid)
        count(f"cold_start_cpu_ms_{service.name}", round(1000 * spent))
        print(f"{service.name}: {spent:.2f} s of CPU until ready", file=sys.stderr)
        self.assertLess(spent, CPU_S_MAX)

    def coordinator(self):
        store = self.folder / "store.url"
        store.write_text(f"rocksdb:{self.folder}/store\n")
        return self.started("interlock-coordinator", [f"--store_file={store}"])

    def test_a_coordinator_is_ready_within_a_second_of_cpu(self):
        self.assert_cheap(self.coordinator())
        self.assertTrue((self.folder / "store").is_dir())  # the one that --store_file names

    def test_a_gateway_is_ready_within_a_second_of_cpu_without_its_coordinator(self):
        self.assert_cheap(
            self.started("interlock-gateway", [f"--coordinator=127.0.0.1:{free_port()}"]))

    def test_a_coordinator_answers_grpc_probes(self):
        self.coordinator()
        with grpc.insecure_channel(f"127.0.0.1:{self.port}",
                                   [("grpc.enable_http_proxy", 0)]) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            self.assertEqual(check(b"", timeout=10), SERVING)

    def test_a_gateway_answers_http_probes(self):
        self.started("interlock-gateway", [f"--coordinator=127.0.0.1:{free_port()}"])
        for path in ("/health/live", "/health/ready"):
            self.assertEqual(http_get(f"http://127.0.0.1:{self.http_port}{path}")[0], 200)

    def test_an_empty_file_for_the_store_is_refused_with_a_sentence(self):
        store = self.folder / "store.url"
        for text in (None, "", " \n"):
            with self.subTest(text=text):
                if text is not None:
                    store.write_text(text)
                service = Service("refused", "interlock-coordinator",
                                  ["--auth=none", f"--store_file={store}"], 0, self.folder).start()
                self.assertEqual(service.process.wait(10), 2)
                self.assertIn("store.url", service.log_tail())


if __name__ == "__main__":
    unittest.main(verbosity=2)
