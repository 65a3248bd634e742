"""The network between the members of an etcd, in which one of them can be cut off from the others,
in both directions. A connection is known by the process that made it."""

import os

from cut_proxy import CutProxy
from process_tree import children_of
from stack import free_port


def owner_of(port, processes):
    """Which of {member: process} has the loopback connection from this port; None: none of them."""
    inodes = set()
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            if int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for member, process in processes.items():
        for pid in [process.pid, *children_of(process.pid)]:
            try:
                folder = f"/proc/{pid}/fd"
                if any(os.readlink(f"{folder}/{name}") in inodes for name in os.listdir(folder)):
                    return member
            except OSError:
                continue
    return None


class MemberProxy(CutProxy):
    """In front of one member's port for the others."""

    def __init__(self, proxies, member):
        super().__init__(free_port(), member.peer_port)
        self.proxies = proxies
        self.member = member
        member.advertised_peer_port = self.port

    async def _serve(self, reader, writer):
        cut_off = self.proxies.member
        if cut_off is not None:
            port = writer.get_extra_info("peername")[1]
            if self.member is cut_off or self.proxies.owner(port) is cut_off:
                self.proxies.refused += 1
                writer.transport.abort()
                return
        await super()._serve(reader, writer)


class MemberProxies:
    def __init__(self, etcd):
        self.etcd = etcd
        self.member = None  # who is cut off
        self.refused = 0
        self.all = [MemberProxy(self, member) for member in etcd.members]

    def owner(self, port):
        return owner_of(port, {member: member.process for member in self.etcd.members
                               if member.process is not None})

    async def start(self):
        for proxy in self.all:
            await proxy.start()

    async def stop(self):
        for proxy in self.all:
            await proxy.stop()

    def cut_off(self, member):
        """Every connection ends; those that do not concern the member are made anew."""
        self.member = member
        for proxy in self.all:
            proxy.cut()

    def heal(self):
        self.member = None
