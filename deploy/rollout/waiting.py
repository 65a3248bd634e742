"""The only waits there are: for time, for a child, and for whoever wants the rollout to stop.

SIGINT, SIGTERM and SIGHUP are blocked and taken up here, between steps and never inside of one, so
that nothing is half done without being known to be. Children have a session of their own: a Ctrl-C
is for the rollout, which then decides.
"""

import os
import signal
import subprocess
import tempfile
import time

STOPS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
OUTPUT_BYTES_MAX = 4 << 20


class Interrupted(Exception):
    """Somebody wants the rollout to stop; the text says how."""


class TimedOut(Exception):
    """A child did not end in its time, and was ended."""


class Waiting:
    def __init__(self):
        self.deaf = False  # while going back, which must come to its end
        self.on_ignored = lambda name: None
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS | {signal.SIGCHLD})

    def sleep(self, seconds):
        self.until(lambda: False, seconds)

    def check(self):
        """Interrupted, if somebody wanted that meanwhile."""
        self.until(lambda: False, 0)

    def until(self, done, seconds):
        """True when `done()`, False when the time is over; asked again at each SIGCHLD."""
        deadline = time.monotonic() + seconds
        while not done():
            left = deadline - time.monotonic()
            taken = signal.sigtimedwait(STOPS | {signal.SIGCHLD}, max(0.0, left))
            if taken is not None and taken.si_signo in STOPS:
                name = signal.Signals(taken.si_signo).name
                if not self.deaf:
                    raise Interrupted(name)
                self.on_ignored(name)
            if taken is None and left <= 0:
                return done()
        return True

    def run(self, command, seconds):
        """(exit status, stdout, stderr) of a command. TimedOut and Interrupted end it with all that
        it started."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                     start_new_session=True, preexec_fn=unblocked)
            try:
                if not self.until(lambda: child.poll() is not None, seconds):
                    raise TimedOut
            finally:
                if child.returncode is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
            return child.returncode, text_of(out), text_of(err)


def unblocked():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS | {signal.SIGCHLD})


def text_of(file):
    file.seek(0)
    return file.read(OUTPUT_BYTES_MAX).decode(errors="replace")
