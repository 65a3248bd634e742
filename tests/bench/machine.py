"""What the machine is, what processes have used of it, and who else was using it."""

import json
import os
import pathlib
import platform
import resource
import subprocess
import time

BIN = pathlib.Path(os.environ["INTERLOCK_BIN_DIR"]) / "tests"
_CPUCLOCK_SCHED = 2


def facts(work, syncs):
    """The facts that a figure is worth nothing without."""
    done = subprocess.run([str(BIN / "bench_fdatasync"), str(work / "fdatasync"), str(syncs)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return {"cores": os.cpu_count(), "processor": _processor(), "kernel": platform.release(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "load_before": round(os.getloadavg()[0], 2), "fdatasync": json.loads(done.stdout)}


def _processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def cpu_s(pid):
    """What the process has used so far, all its threads, those that ended included. /proc counts
    in 10 ms; an idle process uses less in a second."""
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        return 0.0  # it has ended, as a server's sessions do


def ended_children_s(pid):
    """What its children have used that have ended, as a server's sessions do."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0  # it is ending
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def _busy_s():
    with open("/proc/stat", encoding="utf-8") as file:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(
            int, file.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Neighbours:
    """How much of the machine others used since this was made. `pids`: what is ours and runs."""

    def __init__(self, pids):
        self._pids = pids
        self._began = time.monotonic()
        self._busy_s = _busy_s()
        self._ours_s = self._ours()

    def _ours(self):
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (time.process_time() + ended.ru_utime + ended.ru_stime
                + sum(cpu_s(pid) + ended_children_s(pid) for pid in self._pids()))

    def share(self):
        """0 to 1, of all cores."""
        whole_s = (time.monotonic() - self._began) * os.cpu_count()
        others_s = _busy_s() - self._busy_s - (self._ours() - self._ours_s)
        return min(max(others_s / whole_s, 0.0), 1.0) if whole_s > 0 else 0.0
