"""PostgreSQLs of the test's own: Debian's programs, folders for their data, ports on loopback."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from process_tree import children_of, kill_tree
from stack import BIN, free_port

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
PATIENCE_S = 30
STALL = BIN / "tests" / "stall_sync"


class Postgres:
    """Started within, ended with it. Its disk stalls while the file `stall` exists (stall_sync.cc),
    if it was made with `can_stall`."""

    def __init__(self, can_stall=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-postgres-"))
        self.port = free_port()
        self.url = f"postgres://interlock:secret@127.0.0.1:{self.port}/interlock"
        self.process = None
        self.stall = self.folder / "stall"
        self.wrapped = [STALL, self.stall] if can_stall else []
        # It refuses to run as root.
        self.user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self.user:
            os.chown(self.folder, pwd.getpwnam("postgres").pw_uid, -1)

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def make(self):
        self._run("initdb", "-D", self.folder / "data", "-U", "admin", "--auth=trust", "--no-sync",
                  "--no-instructions", "-E", "UTF8", "--locale=C")
        self.configure()
        self.start()
        self.sql("CREATE ROLE interlock LOGIN PASSWORD 'secret'", database="postgres")
        self.sql("CREATE DATABASE interlock OWNER interlock", database="postgres")

    def configure(self):
        with open(self.folder / "data" / "postgresql.conf", "a", encoding="ascii") as conf:
            conf.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                       "unix_socket_directories = ''\nshared_buffers = 32MB\n")

    def start(self, wait=True):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapped, PROGRAMS / "postgres", "-D", self.folder / "data"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self.user)
        if wait:
            self.wait_until_it_answers()

    def wait_until_it_answers(self):
        deadline = time.monotonic() + PATIENCE_S
        while subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p",
                              str(self.port)], check=False).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                log = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise AssertionError(f"PostgreSQL does not start:\n{log}")
            time.sleep(0.05)

    def leader(self):
        """Whoever takes writes: it is alone."""
        return self

    def server_pid(self):
        """The postmaster's, which may run within another program."""
        return (children_of(self.process.pid) if self.wrapped else [self.process.pid])[0]

    def kill(self):
        """SIGKILL: to its children too, each of which is in a session of its own."""
        if self.process is not None:
            kill_tree(self.process)
        self.process = None

    def stop(self, how=signal.SIGINT):
        """SIGINT: fast, every session is ended; SIGQUIT: at once, as in a crash."""
        os.kill(self.server_pid(), how)
        self.process.wait(PATIENCE_S)
        self.process = None

    def sql(self, text, database="interlock"):
        return self._run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "admin", "-d",
                         database, "-Atqc", text)

    def _run(self, program, *arguments):
        done = subprocess.run([PROGRAMS / program, *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, cwd="/", check=False, **self.user)
        if done.returncode != 0:
            raise AssertionError(f"{program}: {done.stderr}")
        return done.stdout


class Standby(Postgres):
    """A copy of `primary` that follows it."""

    def __init__(self, primary, can_stall=False):
        super().__init__(can_stall)
        self.primary = primary

    def make(self):
        self._run("pg_basebackup", "-D", self.folder / "data", "-h", "127.0.0.1", "-p",
                  str(self.primary.port), "-U", "admin", "-R", "-X", "stream", "-c", "fast",
                  "--no-sync")
        self.configure()
        self.start()

    def promote(self):
        self.sql("SELECT pg_promote(true, 30)", database="postgres")


class PostgresPair:
    """A primary and a synchronous standby, each on an address of its own for ever."""

    def __init__(self, can_stall=False):
        self.can_stall = can_stall
        self.primary = Postgres(can_stall)
        self.standby = None
        self.retired = []  # to be cleaned up
        self.ports = [self.primary.port, free_port()]
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        self.url = f"postgres://interlock:secret@{hosts}/interlock"

    def __enter__(self):
        try:
            self.primary.__enter__()
            self.add_standby()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        for server in [self.standby, self.primary, *self.retired]:
            if server is not None:
                server.__exit__(None, None, None)

    def add_standby(self):
        """On the other port; commits wait for it from when it follows."""
        self.standby = Standby(self.primary, self.can_stall)
        self.standby.port = next(port for port in self.ports if port != self.primary.port)
        self.standby.__enter__()
        deadline = time.monotonic() + PATIENCE_S
        while self.primary.sql("SELECT state FROM pg_stat_replication").strip() != "streaming":
            assert time.monotonic() < deadline, "the standby does not follow"
            time.sleep(0.05)
        self.require_standby(self.primary, "*")
        while self.primary.sql("SELECT sync_state FROM pg_stat_replication").strip() != "sync":
            assert time.monotonic() < deadline, "the standby is not synchronous"
            time.sleep(0.05)

    @staticmethod
    def require_standby(server, names):
        """In force when this returns: it is the checkpointer that tells all sessions, and it reads
        the setting between two checkpoints."""
        server.sql(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'", database="postgres")
        server.sql("SELECT pg_reload_conf()", database="postgres")
        deadline = time.monotonic() + PATIENCE_S
        while server.sql("SHOW synchronous_standby_names", database="postgres").strip() != names:
            assert time.monotonic() < deadline, "the setting is not taken"
            time.sleep(0.02)
        for _ in range(2):
            server.sql("CHECKPOINT", database="postgres")

    def fail_over(self):
        """The primary is killed, the standby takes its place; the old one's data stays."""
        old = self.primary
        old.kill()
        self.standby.promote()
        self.require_standby(self.standby, "")  # as a manager does that has no other one
        self.primary, self.standby = self.standby, None
        self.retired.append(old)
        return old
