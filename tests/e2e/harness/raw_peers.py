"""Both ends of the proxy as plain sockets in the test's own asyncio loop: an origin that records every byte and answers as
it is told, and clients that send exactly the bytes that a test has."""
import asyncio
import contextlib
import socket
import struct

from harness import strict_http
from harness.waiting import SLOWNESS

RESET = struct.pack("ii", 1, 0)


def split_address(address):
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def reset(writer):
    """Ends a connection with RST instead of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


class OriginConnection:
    """One connection from the router: what came, what was made of it, how it ended."""

    def __init__(self, number, reader, writer):
        self.number = number
        self.reader = reader
        self.writer = writer
        self.received = b""
        self.requests = []  # whole ones
        self.parsed = 0     # bytes of `received` that belong to them
        self.malformed = None
        self.ended = None   # "fin" or "reset"
        self.lied = False   # a script called retire(): no request may come any more
        self.after_lie = b""

    @property
    def rest(self):
        return self.received[self.parsed:]

    async def more(self):
        """Reads once; False at the end."""
        try:
            piece = await self.reader.read(1 << 20)
        except ConnectionError:
            self.ended = "reset"
            return False
        if not piece:
            self.ended = self.ended or "fin"
            return False
        self.received += piece
        if self.lied:
            self.after_lie += piece
        return True

    async def until_ended(self):
        while await self.more():
            pass

    def write(self, data):
        self.writer.write(data)

    async def send(self, data, step=0):
        """Writes; in pieces of `step` bytes, each on its own way. ConnectionError when nobody takes it, which ends the script."""
        for at in range(0, len(data), step or max(len(data), 1)):
            if self.writer.transport.is_closing():
                raise ConnectionResetError
            self.writer.write(data[at:at + step] if step else data)
            await self.writer.drain()
            await asyncio.sleep(0)

    def retire(self):
        self.lied = True

    def reset(self):
        reset(self.writer)

    def finish(self):
        with contextlib.suppress(OSError, RuntimeError):
            if self.writer.can_write_eof():
                self.writer.write_eof()


class RecordingOrigin:
    """Runs `answer(connection, request)` for every whole request; that returns False to end the connection's script.
    `on_head(connection, head)`, when given, is run as soon as a head is there, and returns True when it dealt with it."""

    def __init__(self, answer, on_head=None):
        self.answer = answer
        self.on_head = on_head
        self.connections = []
        self._all = []
        self._tasks = set()
        self.errors = []
        self.server = None
        self.address = None

    async def start(self, path=None, host="127.0.0.1"):
        if path:
            self.server = await asyncio.start_unix_server(self._serve, path, limit=1 << 21)
            self.address = f"unix:{path}"
        else:
            self.server = await asyncio.start_server(self._serve, host, 0, limit=1 << 21, backlog=1024)
            port = self.server.sockets[0].getsockname()[1]
            self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return self

    async def close(self):
        self.server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # what was aborted is closed on the next turns

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        connection = OriginConnection(len(self.connections), reader, writer)
        self.connections.append(connection)
        if writer.get_extra_info("socket").family != socket.AF_UNIX:
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._requests(connection)
        except strict_http.Malformed as error:
            connection.malformed = error
            self.errors.append(f"connection {connection.number}: {error}")
        except ConnectionError:
            connection.ended = connection.ended or "reset"
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(OSError):
                writer.close()

    async def _requests(self, connection):
        head_done = False
        while True:
            if self.on_head and not head_done:
                head = strict_http.head_at(connection.received, connection.parsed, True)
                if head:
                    head_done = True
                    if await self.on_head(connection, head):
                        return
            request = strict_http.read_message(connection.received, connection.parsed, True)
            if request:
                connection.parsed = request.end
                connection.requests.append(request)
                self._all.append(request)
                head_done = False
                if await self.answer(connection, request) is False:
                    return
            elif not await connection.more():
                return

    def requests(self):
        """Whole requests in the order in which they came."""
        return list(self._all)

    async def settled(self):
        """All that is on its way to the origin has come: nothing new for a few turns."""
        quiet, last = 0, -1
        while quiet < 5:
            now = sum(len(c.received) + (c.ended is not None) for c in self.connections)
            quiet, last = (quiet + 1, now) if now == last else (0, now)
            await asyncio.sleep(0.01)


class RawClient:
    """One client connection. `received` is every byte; `ended` is None, "fin", "reset" or "late"."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.received = b""
        self.ended = None

    @classmethod
    async def open(cls, address, source=None):
        if address.startswith("unix:"):
            reader, writer = await asyncio.open_unix_connection(address[5:], limit=1 << 21)
        else:
            host, port = split_address(address)
            local = (source, 0) if source else None
            reader, writer = await asyncio.open_connection(host, port, local_addr=local, limit=1 << 21)
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(reader, writer)

    async def send(self, data, step=0):
        """False when the other side does not take it any more."""
        try:
            for at in range(0, len(data), step or max(len(data), 1)):
                self.writer.write(data[at:at + step] if step else data)
                await self.writer.drain()
                if step:
                    await asyncio.sleep(0)
        except ConnectionError:
            return False
        return True

    def half_close(self):
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.write_eof()

    def reset(self):
        reset(self.writer)
        self.ended = "us"

    def close(self):
        with contextlib.suppress(OSError):
            self.writer.close()

    async def more(self, timeout=10.0):
        if self.ended:
            return False
        try:
            piece = await asyncio.wait_for(self.reader.read(1 << 20), timeout * SLOWNESS)
        except ConnectionError:
            before = bytes(self.reader._buffer)  # what came before the reset; read() would not give it any more
            self.received += before
            self.ended = "reset"
            return bool(before)
        except TimeoutError:
            self.ended = "late"  # says nothing, and does not end
            return False
        if not piece:
            self.ended = "fin"
            return False
        self.received += piece
        return True

    async def to_end(self, timeout=10.0):
        while await self.more(timeout):
            pass
        return self.received

    async def response(self, at=0, method="GET", timeout=10.0):
        """The final response that begins at `at`, interim ones in `interim`; None when it breaks off."""
        interim = []
        while True:
            message = strict_http.read_message(self.received, at, False, method, self.ended == "fin")
            if message and message.status < 200 and message.status != 101:
                interim.append(message)
                at = message.end
            elif message:
                message.interim = interim
                return message
            elif not await self.more(timeout):
                if self.ended == "fin" and strict_http.head_at(self.received, at, False):
                    return strict_http.read_message(self.received, at, False, method, True)
                return None


async def in_parallel(jobs, width=64):
    """Runs coroutines, at most `width` at a time; returns their results in order."""
    gate = asyncio.Semaphore(width)

    async def one(job):
        async with gate:
            return await job

    return await asyncio.gather(*(one(job) for job in jobs))
