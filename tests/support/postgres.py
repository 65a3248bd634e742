"""A PostgreSQL of the test's own: Debian's programs, a folder for its data, a port on loopback."""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from stack import free_port

PROGRAMS = pathlib.Path("/usr/lib/postgresql/15/bin")
PATIENCE_S = 30


class Postgres:
    """Started within, ended with it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="interlock-postgres-"))
        self.port = free_port()
        self.url = f"postgres://interlock:secret@127.0.0.1:{self.port}/interlock"
        self.process = None
        # It refuses to run as root.
        self.user = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
        if self.user:
            os.chown(self.folder, pwd.getpwnam("postgres").pw_uid, -1)

    def __enter__(self):
        self._run("initdb", "-D", self.folder / "data", "-U", "admin", "--auth=trust", "--no-sync",
                  "--no-instructions", "-E", "UTF8", "--locale=C")
        with open(self.folder / "data" / "postgresql.conf", "a", encoding="ascii") as conf:
            conf.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
                       "unix_socket_directories = ''\nshared_buffers = 32MB\n")
        self.start()
        self.sql("CREATE ROLE interlock LOGIN PASSWORD 'secret'", database="postgres")
        self.sql("CREATE DATABASE interlock OWNER interlock", database="postgres")
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAMS / "postgres", "-D", self.folder / "data"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd="/", **self.user)
        deadline = time.monotonic() + PATIENCE_S
        while subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p",
                              str(self.port)], check=False).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                log = (self.folder / "log").read_text(errors="replace")[-2000:]
                raise AssertionError(f"PostgreSQL does not start:\n{log}")
            time.sleep(0.05)

    def kill(self):
        """SIGKILL: to its children too, each of which is in a session of its own."""
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
                                  capture_output=True, text=True, check=False).stdout.split()
        for pid in [self.process.pid, *map(int, children)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
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
