"""Ending what was started, with all that it has started itself."""

import os
import signal
import subprocess


def children_of(pid):
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True,
                          check=False)
    return [int(word) for word in done.stdout.split()]


def kill_tree(process):
    """SIGKILL to all of it, the youngest first."""
    pids = [process.pid]
    for parent in pids:
        pids += children_of(parent)
    for pid in reversed(pids):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
