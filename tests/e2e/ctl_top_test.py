"""interlockctl top on a real pseudo terminal: it draws, and gives the terminal back as it was."""

import fcntl
import os
import pathlib
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"]) / "tests" / "support"))
from stack import BIN, Stack  # noqa: E402

PATIENCE_S = 30
ENTERED, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"
HIDDEN, SHOWN = b"\x1b[?25l", b"\x1b[?25h"


class Screen:
    """A program on a terminal of its own, as a window would hold it."""

    def __init__(self, command, columns=100, rows=30):
        self.ours, self.theirs = os.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.theirs)
        self.seen = b""

        def take_terminal():
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
            start_new_session=True, preexec_fn=take_terminal,
            env={**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"})

    def resize(self, columns, rows):
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.ours, keys)

    def read_until(self, text):
        """What was drawn up to this text, which is then behind us."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.seen:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.ours], [], [], left)[0]:
                raise AssertionError(f"no {text} in {PATIENCE_S} s: {self.seen[-2000:]}")
            self.seen += os.read(self.ours, 65536)
        end = self.seen.index(text) + len(text)
        read, self.seen = self.seen[:end], self.seen[end:]
        return read

    def end(self):
        """(exit code, what was drawn last)."""
        last = self.read_until(LEFT)
        code = self.process.wait(PATIENCE_S)
        return code, last

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


class Top(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(gateways=2, agent=False)
        cls.stack.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.stack.__exit__(None, None, None)

    def top(self, *arguments, **options):
        screen = Screen([str(BIN / "interlockctl"),
                         f"--coordinator=127.0.0.1:{self.stack.coordinator_port}", "top",
                         "--interval=200ms", *arguments], **options)
        self.addCleanup(screen.close)
        return screen

    def given_back(self, screen):
        code, last = screen.end()
        self.assertEqual(code, 0)
        self.assertIn(SHOWN, last)
        self.assertEqual(termios.tcgetattr(screen.theirs), screen.before)

    def test_it_draws_the_whole_and_q_gives_the_terminal_back(self):
        screen = self.top()
        drawn = screen.read_until(b"q leaves")
        self.assertIn(ENTERED, drawn)
        self.assertIn(HIDDEN, drawn)
        self.assertNotEqual(termios.tcgetattr(screen.theirs), screen.before)
        for words in (b"interlockctl top", b"CONNECTIONS 0", b"GATEWAY", b"attached"):
            self.assertIn(words, drawn)
        again = screen.read_until(b"q leaves")
        self.assertNotIn(ENTERED, again)
        self.assertIn(b"/s", again)
        screen.type(b"xq")
        self.given_back(screen)

    def test_ctrl_c_and_sigterm_give_it_back_and_ctrl_z_does_not_stop_it(self):
        for end in (lambda screen: screen.type(b"\x03"),
                    lambda screen: screen.process.send_signal(signal.SIGTERM)):
            screen = self.top()
            screen.read_until(b"q leaves")
            screen.type(b"\x1a\x1c")
            screen.read_until(b"q leaves")
            screen.read_until(b"q leaves")
            end(screen)
            self.given_back(screen)

    def test_it_follows_the_windows_size(self):
        screen = self.top("--interval=1h")
        wide = screen.read_until(b"q leaves")
        self.assertIn(b"watchers", wide)
        screen.resize(24, 6)
        narrow = screen.read_until(b"q leaves")
        self.assertNotIn(b"watchers", narrow)
        self.assertLessEqual(narrow.count(b"\r\n"), 5)
        screen.type(b"q")
        self.given_back(screen)

    def test_a_coordinator_that_stands_still_does_not_hold_the_keyboard(self):
        screen = self.top("--timeout=60s")
        screen.read_until(b"q leaves")
        self.stack.coordinator.process.send_signal(signal.SIGSTOP)
        try:
            screen.read_until(b"has not answered for")
            screen.type(b"q")
            began = time.monotonic()
            self.given_back(screen)
            self.assertLess(time.monotonic() - began, 20)
        finally:
            self.stack.coordinator.process.send_signal(signal.SIGCONT)

    def test_a_window_that_is_closed_ends_it(self):
        screen = self.top()
        screen.read_until(b"q leaves")
        os.close(screen.theirs)
        os.close(screen.ours)
        self.assertIn(screen.process.wait(PATIENCE_S), (0, 1))
        screen.ours, screen.theirs = os.openpty()


if __name__ == "__main__":
    unittest.main(verbosity=2)
