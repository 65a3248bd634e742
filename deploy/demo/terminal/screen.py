"""Lines with the time since the start; coloured on a terminal, plain in a pipe."""

import os
import sys
import time

COLOURS = {"bold": "1", "faint": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34",
           "cyan": "36"}


class Screen:
    def __init__(self):
        utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        self.arrow, self.cut, self.good = ("→", "✂", "✓") if utf8 else ("->", "x", "ok")
        bars = "▒─█░▒" if utf8 else ":-#.:"
        self.bar = dict(zip(("setup", "ready", "run", "away", "other"), bars))
        self.coloured = (sys.stdout.isatty() and not os.environ.get("NO_COLOR")
                         and os.environ.get("TERM", "dumb") != "dumb")
        self.began = time.monotonic()

    def now(self):
        return time.monotonic() - self.began

    def paint(self, text, *styles):
        if not self.coloured or not text or not styles:
            return text
        return f"\033[{';'.join(COLOURS[style] for style in styles)}m{text}\033[0m"

    def title(self, text):
        print(f"\n{self.paint(text, 'bold')}", flush=True)

    def say(self, who, text, *styles):
        before = self.paint(f"{self.now():7.3f}s  {who:<7}", "faint")
        print(f"  {before}  {self.paint(text, *styles)}", flush=True)

    def check(self, text):
        print(f"  {self.paint(self.good, 'green')} {text}", flush=True)
