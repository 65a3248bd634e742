"""The platform's edge in front of a gRPC service: every call, unary or streaming, is relayed to an
instance that the service chooses for it, with metadata, deadline, cancellation, status, details and
trailers. A client's channel is connected to this edge, and says nothing of any instance."""

import asyncio
import contextlib
import functools

import grpc

from service import NoRoom

OPTIONS = [("grpc.http2.min_ping_interval_without_data_ms", 5000), ("grpc.so_reuseport", 0),
           ("grpc.max_receive_message_length", 8 << 20), ("grpc.max_send_message_length", 8 << 20)]
TO_INSTANCE = [*OPTIONS, ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0),
               ("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100),
               ("grpc.max_reconnect_backoff_ms", 500)]
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def passed_on(metadata):
    """What a client or a server said itself, and not its library."""
    return tuple((name, value) for name, value in metadata or ()
                 if not name.startswith(":") and name not in ("user-agent", "te", "content-type"))


class GrpcBalancer(grpc.GenericRpcHandler):
    def __init__(self, behind, port, streams_max=None):
        self.behind = behind          # a RunService
        self.port = port
        self.streams_max = streams_max  # at once on one connection of a client; further ones wait
        self.asked = []               # (method, peer), as calls came
        self.relayed = []             # (method, instance's name), as they were passed on
        self.refuse_with = 0          # above 0: every call, as when no instance has room
        self.cut_status = UNAVAILABLE  # with which the edge ends a call at its hour
        self.cuts = 0
        self.invoker = None           # an Invoker: who may call
        self._lose = {}               # method: how many answers are lost from now on
        self._calls = set()
        self._channels = {}
        self._server = None

    async def start(self):
        limit = [("grpc.max_concurrent_streams", self.streams_max)] if self.streams_max else []
        self._server = grpc.aio.server(options=[*OPTIONS, *limit])
        self._server.add_generic_rpc_handlers((self,))
        assert self._server.add_insecure_port(f"127.0.0.1:{self.port}") == self.port
        await self._server.start()
        return self

    async def stop(self):
        self.cut_all()
        await self._server.stop(0.2)
        for channel in self._channels.values():
            await channel.close()

    # ---- what can be done to calls ----

    def cut_all(self):
        """Every call ends now, as at its hour."""
        for task in list(self._calls):
            task.cancel()

    def lose_answers(self, method, number):
        """The next answers of a method (its full name) never arrive, though it was carried out."""
        self._lose[method] = number

    # ---- relaying ----

    def service(self, handler_call_details):
        serve = functools.partial(self._serve, handler_call_details.method)
        return grpc.stream_stream_rpc_method_handler(serve)  # bytes: nothing is understood

    async def _serve(self, method, requests, context):
        self.asked.append((method, context.peer()))
        if self.refuse_with:
            await context.abort(UNAVAILABLE, f"Received http2 header with status: "
                                             f"{self.refuse_with}")
        if self.invoker and (code := self.invoker.refusal(method, context.invocation_metadata())):
            await context.abort(code, "The request was not authorized to invoke this service.")
        await self.behind.link.delay()
        try:
            async with self.behind.admit() as instance:
                self.relayed.append((method, instance.name))
                await self._bounded(method, instance, requests, context)
        except NoRoom as no_room:
            await context.abort(UNAVAILABLE, f"Received http2 header with status: "
                                             f"{no_room.status}")

    async def _bounded(self, method, instance, requests, context):
        """As long as the edge lets it last. The client's own cancellation ends this coroutine."""
        relaying = asyncio.ensure_future(self._relay(method, instance, requests, context))
        self._calls.add(relaying)
        try:
            done, _ = await asyncio.wait({relaying}, timeout=self.behind.link.request_s_max or None)
            was_cut = not done or relaying.cancelled()
        finally:
            self._calls.discard(relaying)
            relaying.cancel()
            answer = (await asyncio.gather(relaying, return_exceptions=True))[0]
        if was_cut:
            self.cuts += 1
            await context.abort(self.cut_status, "upstream request timeout")
        if isinstance(answer, BaseException):
            raise answer
        code, details, trailers = answer
        if code != grpc.StatusCode.OK:
            await context.abort(code, details, trailers)
        context.set_trailing_metadata(trailers)

    async def _relay(self, method, instance, requests, context):
        """(code, details, trailers) as the instance said them."""
        metadata = passed_on(context.invocation_metadata())
        if self.invoker:
            metadata = self.invoker.passed_on(metadata)
        call = self._channel(instance).stream_stream(method)(
            metadata=metadata, timeout=context.time_remaining())
        up = asyncio.ensure_future(self._up(requests, call))
        try:
            await self._down(method, call, context)
            trailers = passed_on(await call.trailing_metadata())
            return await call.code(), await call.details(), trailers
        except grpc.aio.AioRpcError as error:
            return error.code(), error.details(), passed_on(error.trailing_metadata())
        finally:
            up.cancel()
            call.cancel()
            await asyncio.gather(up, return_exceptions=True)

    async def _up(self, requests, call):
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            async for message in self.behind.link.carry(requests):
                await call.write(message)
            await call.done_writing()

    async def _down(self, method, call, context):
        initial = passed_on(await call.initial_metadata())
        if initial:
            await context.send_initial_metadata(initial)
        async for message in self.behind.link.carry(call):
            if self._lose.get(method):
                self._lose[method] -= 1
                await asyncio.Event().wait()  # until the client's deadline, or the cut
            await context.write(message)

    def _channel(self, instance):
        if instance.name not in self._channels:
            self._channels[instance.name] = grpc.aio.insecure_channel(
                f"127.0.0.1:{instance.port}", options=TO_INSTANCE)
        return self._channels[instance.name]
