#!/usr/bin/python3
"""The images are built and run, by buildah in a chroot: without a daemon or a registry.

The base is a Debian 12 made here by mmdebstrap, unless INTERLOCK_BASE_IMAGE names one that buildah
can have. The runtime stages take the programs of build/bin; with INTERLOCK_FULL=1 the build stage
compiles them too. Where there is no builder, or no base, the exit status is 77: skipped.
"""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ["INTERLOCK_SOURCE_DIR"])
sys.path.insert(0, str(SOURCE / "tests" / "support"))

from process_tree import children_of, kill_tree  # noqa: E402
from stack import BIN, count, free_port, http_get  # noqa: E402

SKIPPED = 77
FULL = os.environ.get("INTERLOCK_FULL") == "1"
PROGRAMS = {"coordinator": "interlock-coordinator", "gateway": "interlock-gateway",
            "interlockctl": "interlockctl", "demo-agent": "interlock-demo-agent"}
USER = 10001
BASE_S_MAX, BUILD_S_MAX, COMPILE_S_MAX, RUN_S_MAX, STOP_S_MAX = 400, 500, 4800, 60, 10
# Of a whole image, and of what it has beside its base.
IMAGE_BYTES_MAX, OWN_BYTES_MAX = 260 << 20, 150 << 20
TOOLS = ("cc c++ gcc g++ clang clang++ clang-19 clang++-19 ld lld as make ninja cmake ccache "
         "git curl wget python3 strip")
MIRROR = "http://deb.debian.org/debian"
# As in Debian's own slim images.
SLIM = ("path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/man/*",
        "path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/info/*")


class NoBuilder(Exception):
    """The text says what is missing."""


class Buildah:
    """With a storage of its own, which goes when it ends."""

    def __init__(self):
        for program in ("buildah", "mmdebstrap"):
            if shutil.which(program) is None:
                raise NoBuilder(f"there is no {program} (deploy/install.sh images)")
        if os.geteuid() != 0:
            raise NoBuilder("building in a chroot needs root")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-images-"))
        self.command = []
        for driver in ("overlay", "vfs"):  # the second copies every layer, and works everywhere
            self.command = ["buildah", f"--storage-driver={driver}",
                            f"--root={self.folder}/{driver}",
                            f"--runroot={self.folder}/{driver}-run"]
            if self("mount", self("from", "scratch", check=False) or "none", check=False):
                return
        self.remove()
        raise NoBuilder("buildah can keep nothing here, neither as overlays nor as copies")

    def __call__(self, *words, seconds=RUN_S_MAX, check=True):
        done = subprocess.run([*self.command, *map(str, words)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=seconds, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"buildah {words}: {done.returncode}\n{done.stdout[-4000:]}\n"
                                 f"{done.stderr[-4000:]}")
        return done.stdout.strip()

    def base(self):
        """The name of an image of Debian 12."""
        named = os.environ.get("INTERLOCK_BASE_IMAGE")
        if named:
            return named
        tar = base_tar()
        container = self("from", "scratch")
        self("add", container, tar, "/")
        self("commit", "-q", container, "localhost/debian:12-slim")
        self("rm", container)
        return "localhost/debian:12-slim"

    def build(self, target, context, *arguments, seconds=BUILD_S_MAX):
        self("build", "--isolation=chroot", "--layers",
             "--file", SOURCE / "deploy" / "images" / "Dockerfile", *arguments,
             f"--target={target}", f"--tag=interlock/{target}", context, seconds=seconds)

    def remove(self):
        for words in (["umount", "--all"], ["rm", "--all"]):
            subprocess.run([*self.command, *words], stdin=subprocess.DEVNULL, capture_output=True,
                           timeout=RUN_S_MAX, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def base_tar():
    """Kept beside the build: it takes half a minute, and changes with Debian only."""
    command = ["mmdebstrap", "--variant=minbase", "--quiet",
               *(f"--dpkgopt={one}" for one in SLIM),
               "--customize-hook=rm -rf $1/var/lib/apt/lists/*", "bookworm"]
    sources = [f"deb {MIRROR} bookworm main", f"deb {MIRROR} bookworm-updates main",
               f"deb {MIRROR}-security bookworm-security main"]
    digest = hashlib.sha256(" ".join([*command, *sources]).encode()).hexdigest()[:12]
    tar = BIN.parent / "images" / f"base-{digest}.tar"
    if not tar.exists():
        tar.parent.mkdir(exist_ok=True)
        fresh = tar.with_suffix(f".{os.getpid()}.tar")
        done = subprocess.run([*command, fresh, *sources], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=BASE_S_MAX, check=False)
        if done.returncode != 0:
            fresh.unlink(missing_ok=True)
            raise NoBuilder(f"mmdebstrap cannot make a Debian 12 here: {done.stderr[-300:]}")
        fresh.rename(tar)
    return tar


def prebuilt_context(folder):
    """What the runtime stages take from a clone that was built, without debug information."""
    programs = folder / "build" / "bin"
    programs.mkdir(parents=True)
    for program in PROGRAMS.values():
        subprocess.run(["strip", "-o", programs / program, BIN / program], check=True, timeout=60)
    (folder / "deploy").mkdir()
    for script in ("install.sh", "packages.sh"):
        shutil.copy2(SOURCE / "deploy" / script, folder / "deploy")
    return folder


def source_context(folder):
    """The files of the clone that git knows, as a fresh clone would have them."""
    names = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z"], capture_output=True, text=True,
                           check=True, timeout=60).stdout.split("\0")
    for name in filter(None, names):
        if (SOURCE / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, folder / name)
    return folder


def compiler_cache():
    """This machine's, lent to the build: what was compiled from the same text need not be again."""
    if shutil.which("ccache") is None:
        return []
    done = subprocess.run(["ccache", "--get-config", "cache_dir"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=20, check=False)
    folder = done.stdout.strip()
    return [f"--volume={folder}:/root/.cache/ccache"] if os.path.isdir(folder) else []


def descendants(pid):
    for child in children_of(pid):
        yield child
        yield from descendants(child)


def size_of(folder):
    return sum(os.lstat(os.path.join(place, name)).st_size
               for place, _, names in os.walk(folder) for name in names)


class Images(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-context-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        if FULL:
            context, binaries, seconds = source_context(cls.folder), "built", COMPILE_S_MAX
        else:
            context, binaries, seconds = prebuilt_context(cls.folder), "prebuilt", BUILD_S_MAX
        for target in PROGRAMS:
            BUILDAH.build(target, context, f"--build-arg=BASE={BASE}", *compiler_cache(),
                          f"--build-arg=BINARIES={binaries}", seconds=seconds)
        cls.containers = {target: BUILDAH("from", f"localhost/interlock/{target}")
                          for target in PROGRAMS}

    def inside(self, target, *words, check=True):
        return BUILDAH("run", "--isolation=chroot", self.containers[target], "--", *words,
                       check=check)

    def config(self, target):
        described = json.loads(BUILDAH("inspect", "--type=image", f"localhost/interlock/{target}"))
        return described["OCIv1"]["config"]

    def test_each_runs_its_program_directly_and_as_a_numbered_user(self):
        for target, program in PROGRAMS.items():
            with self.subTest(target=target):
                config = self.config(target)
                self.assertEqual(config["Entrypoint"], [f"/usr/local/bin/{program}"])
                self.assertEqual(config["User"], f"{USER}:{USER}")
                self.assertEqual(self.inside(target, "id", "-u"), str(USER))

    def test_nothing_that_compiles_or_downloads_is_in_it(self):
        for target in PROGRAMS:
            with self.subTest(target=target):
                found = self.inside(
                    target, "sh", "-c",
                    f"for tool in {TOOLS}; do command -v $tool || true; done")
                self.assertEqual(found, "")
                packages = self.inside(target, "dpkg-query", "-W", "-f", "${Package}\n")
                self.assertNotIn("-dev\n", packages + "\n")

    def test_only_what_it_needs_is_its_own(self):
        for target in PROGRAMS:
            with self.subTest(target=target):
                whole = size_of(BUILDAH("mount", self.containers[target]))
                base = size_of(BUILDAH("mount", BUILDAH("from", BASE)))
                count(f"image_{target}_mib", round(whole / 2**20))
                print(f"{target}: {whole >> 20} MiB, {(whole - base) >> 20} beside its base",
                      file=sys.stderr)
                self.assertLess(whole, IMAGE_BYTES_MAX)
                self.assertLess(whole - base, OWN_BYTES_MAX)

    def test_its_only_own_files_are_one_program_and_it_may_write_to_its_home_alone(self):
        for target, program in PROGRAMS.items():
            with self.subTest(target=target):
                self.assertEqual(self.inside(target, "ls", "/usr/local/bin"), program)
                self.inside(target, "sh", "-c", "touch ./mine && rm ./mine")
                refused = self.inside(target, "sh", "-c",
                                      "touch /usr/local/bin/x /etc/x /x 2>/dev/null; ls /x /etc/x",
                                      check=False)
                self.assertEqual(refused, "")

    def test_the_tool_says_its_version(self):
        said = self.inside("interlockctl", "/usr/local/bin/interlockctl", "version")
        self.assertRegex(said, r"\d+\.\d+")

    def serve(self, target, arguments, http_port):
        """Starts it as a platform does, until it is ready; ends it by SIGTERM."""
        program = PROGRAMS[target]
        log = open(self.folder / f"{target}.log", "w+", encoding="utf-8")
        runner = subprocess.Popen(
            [*BUILDAH.command, "run", "--isolation=chroot", self.containers[target], "--",
             *self.config(target)["Entrypoint"], *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.wait_ready(runner, log, http_port)
            mine = [pid for pid in descendants(runner.pid)
                    if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == program]
            self.assertEqual(len(mine), 1)
            status = pathlib.Path(f"/proc/{mine[0]}/status").read_text()
            uids = next(line for line in status.splitlines() if line.startswith("Uid:"))
            self.assertEqual(set(uids.split()[1:]), {str(USER)})
            os.kill(mine[0], signal.SIGTERM)
            self.assertEqual(runner.wait(STOP_S_MAX), 0)
        finally:
            if runner.poll() is None:
                kill_tree(runner)
            log.close()

    def wait_ready(self, runner, log, http_port):
        deadline = time.monotonic() + RUN_S_MAX
        while True:
            try:
                if http_get(f"http://127.0.0.1:{http_port}/health/ready")[0] == 200:
                    return
            except OSError:
                pass
            if runner.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise AssertionError(f"not ready; {runner.poll()}: {log.read()[-3000:]}")
            time.sleep(0.05)

    def test_a_coordinator_serves_and_ends_when_it_is_told_to(self):
        port, http_port = free_port(), free_port()
        self.serve("coordinator", [f"--listen=127.0.0.1:{port}", "--auth=none",
                                   f"--http_listen=127.0.0.1:{http_port}"], http_port)

    def test_a_gateway_serves_and_ends_when_it_is_told_to(self):
        port, http_port = free_port(), free_port()
        self.serve("gateway", [f"--listen=127.0.0.1:{port}", "--auth=none",
                               f"--http_listen=127.0.0.1:{http_port}",
                               f"--coordinator=127.0.0.1:{free_port()}"], http_port)


if __name__ == "__main__":
    try:
        BUILDAH = Buildah()
    except NoBuilder as missing:
        print(f"SKIPPED: no image was built: {missing}.")
        sys.exit(SKIPPED)
    try:
        BASE = BUILDAH.base()
        unittest.main(verbosity=2)
    except NoBuilder as missing:
        print(f"SKIPPED: no image was built: {missing}.")
        sys.exit(SKIPPED)
    finally:
        BUILDAH.remove()
