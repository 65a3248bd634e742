"""Another version of the programs, to run beside the present one: that of INTERLOCK_OTHER_VERSION,
of the last tag, or, as long as there is none, of the first commit that several coordinators could
run. It is built in a worktree of its own, which takes long, so in the full share only."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from stack import BIN, SOURCE

FIRST = "c80cc9cc8539b8f091f2e69caed0b3fbb74b6e96"
PROGRAMS = ("interlock-coordinator", "interlock-gateway")
BUILD_S_MAX = 1500


def git(*words):
    return subprocess.run(["git", "-C", str(SOURCE), *words], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL)


def other_version():
    named = os.environ.get("INTERLOCK_OTHER_VERSION")
    tag = git("describe", "--tags", "--abbrev=0").stdout.strip()
    return named or tag or FIRST


class OtherVersion:
    """`build` gives the folder of its programs; `clean_up` in any case."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-other-"))
        self.tree = self.folder / "tree"

    def build(self):
        made = git("worktree", "add", "--detach", str(self.tree), other_version())
        assert made.returncode == 0, made.stderr
        done = subprocess.run([self.tree / "deploy" / "build.sh", "--target", *PROGRAMS],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=BUILD_S_MAX, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return self.tree / "build" / "bin"

    def clean_up(self):
        git("worktree", "remove", "--force", str(self.tree))
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def other_programs():
    """The folder of another version's programs; in the CI share the present ones, which are then
    another revision by name only."""
    if os.environ.get("INTERLOCK_FULL") != "1":
        yield BIN
        return
    other = OtherVersion()
    try:
        yield other.build()
    finally:
        other.clean_up()
