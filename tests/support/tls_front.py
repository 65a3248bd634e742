"""What ends TLS before a service: a certificate that vouches for itself, and a relay."""

import asyncio
import contextlib
import ssl
import subprocess

from stack import free_port


def self_signed(folder):
    """(a server's context, the file with the authority that vouches for `localhost`: itself)."""
    pem, private = folder / "front-cert", folder / "front-private"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", private, "-out", pem, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context, pem


class TlsFront:
    """Listens on a port of its own and hands what it deciphers to `target`, a port of this machine."""

    def __init__(self, target, context):
        self.target = target
        self.port = free_port()
        self.context = context
        self.server = None
        self.tasks = set()

    async def __aenter__(self):
        # One who does not trust the certificate hangs up in the handshake: no news.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        self.server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self.context)
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        with contextlib.suppress(OSError):
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.target)
            await asyncio.gather(self._pump(reader, to_writer), self._pump(to_reader, writer))

    @staticmethod
    async def _pump(reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
