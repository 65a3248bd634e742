"""A proxy that cuts a client off in the middle of a frame: half of its bytes arrive."""

from cut_proxy import CHUNK_BYTES, DOWN, CutProxy

TEXT = 1


def frame_length(data):
    """Bytes of the server's frame at the start of `data`, or None: its head is not whole yet."""
    if len(data) < 2:
        return None
    short = data[1] & 127
    extra = {126: 2, 127: 8}.get(short, 0)
    if len(data) < 2 + extra:
        return None
    return 2 + extra + (int.from_bytes(data[2:2 + extra], "big") if extra else short)


class FrameCutter(CutProxy):
    """For one client at a time."""

    def __init__(self, port, server_port):
        super().__init__(port, server_port)
        self.armed = False
        self.cuts = 0

    def arm(self):
        """The next text frame of at least four bytes is the last, and only half of it arrives."""
        self.armed = True

    async def _pump(self, reader, writer, direction):
        if direction != DOWN:
            return await super()._pump(reader, writer, direction)
        writer.write(await reader.readuntil(b"\r\n\r\n"))  # the answer to the upgrade
        data = b""
        while True:
            chunk = await reader.read(CHUNK_BYTES)
            if not chunk:
                return None
            data += chunk
            while (length := frame_length(data)) is not None and len(data) >= length:
                frame, data = data[:length], data[length:]
                if self.armed and frame[0] & 15 == TEXT and length >= 4:
                    return await self._cut(writer, frame[:length // 2])
                writer.write(frame)
            await writer.drain()

    async def _cut(self, writer, half):
        self.armed = False
        self.cuts += 1
        writer.write(half)
        await writer.drain()
