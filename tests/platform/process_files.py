"""What the kernel says of a process's sockets."""

import os
import pathlib

ESTABLISHED, LISTENING = "01", "0A"


def sockets_of(pid):
    """[(local address, remote address, state)] in the kernel's hexadecimal."""
    inodes = set()
    for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(link)
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[len("socket:["):-1])
    found = []
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes:
                found.append((fields[1], fields[2], fields[3]))
    return found


def connections_to(pid, port):
    return sum(state == ESTABLISHED and int(remote.rpartition(":")[2], 16) == port
               for _, remote, state in sockets_of(pid))


def listens_on(pid):
    """{port: address, such as "00000000" for every address}."""
    return {int(local.rpartition(":")[2], 16): local.rpartition(":")[0]
            for local, _, state in sockets_of(pid) if state == LISTENING}
