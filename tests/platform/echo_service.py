"""What the harness's own tests put behind the edges: instances within the test's process."""

import asyncio
import contextlib

import grpc
import websockets

from service import RunService
from stack import free_port


class LocalInstance:
    """Ready at once, and no process: there is nothing to freeze."""

    def __init__(self, name):
        self.name = name
        self.port = free_port()
        self.requests = 0
        self.served = 0
        self.taking = False
        self.alive = True
        self.servers = []

    async def come_up(self, cold_s=0.0):
        await asyncio.sleep(cold_s)
        await self.serve()
        self.taking = True
        return self

    async def terminate(self):
        self.taking = False
        await self.end()


class EchoGrpc(LocalInstance, grpc.GenericRpcHandler):
    """`/Who` answers its name; `/Echo` what it hears; `/Fail` a status; `/Wait` never answers."""

    def __init__(self, name):
        super().__init__(name)
        self.cancelled = asyncio.Event()
        self.remaining_s = None
        self.metadata = ()

    async def serve(self):
        self.server = grpc.aio.server()
        self.server.add_generic_rpc_handlers((self,))
        self.server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self.server.start()

    async def end(self):
        await self.server.stop(0)

    def service(self, handler_call_details):
        name = handler_call_details.method.rpartition("/")[2]
        return grpc.stream_stream_rpc_method_handler(getattr(self, name.lower()))

    async def who(self, requests, context):
        async for _ in requests:
            await context.write(self.name.encode())

    async def echo(self, requests, context):
        self.metadata = context.invocation_metadata()
        self.remaining_s = context.time_remaining()
        await context.send_initial_metadata((("first", "1"),))
        context.set_trailing_metadata((("last-bin", b"\x00\xff"),))
        async for message in requests:
            await context.write(message)

    async def fail(self, _, context):
        await context.abort(grpc.StatusCode.ABORTED, "somebody else's", (("why-bin", b"\x01"),))

    async def wait(self, _, context):
        try:
            await context.write(b"begun")
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


class EchoHttp(LocalInstance):
    """Echoes what a WebSocket says, behind its name."""

    async def serve(self):
        async def echo(client):
            with contextlib.suppress(websockets.ConnectionClosed):
                async for text in client:
                    await client.send(f"{self.name}: {text}")
        self.server = await websockets.serve(echo, "127.0.0.1", self.port)

    async def end(self):
        self.server.close()
        await self.server.wait_closed()


class NamedHttp(EchoHttp):
    """Answers every request with its name, and keeps the connection."""

    async def serve(self):
        async def answer(reader, writer):
            with contextlib.suppress(asyncio.IncompleteReadError):
                while await reader.readuntil(b"\r\n\r\n"):
                    writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.name)}\r\n\r\n"
                                 f"{self.name}".encode())
            writer.close()
        self.server = await asyncio.start_server(answer, "127.0.0.1", self.port)


async def two_of(kind, **options):
    service = RunService("echo", **options)
    await service.deploy("one", kind, instances=2, instances_max=2, share=100)
    return service
