"""Waiting for what happens elsewhere, for no longer than is bearable."""

import time


def wait_for(condition, what, timeout_s=30):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"no {what} in {timeout_s} s")
