"""HTTP/2 by hand: what no library would send, and what comes back.

Each attack is a function `attack(address) -> Outcome` that goes on until it is cut off or its own bound
is reached. The tests of this folder play each of them once, `scripts/soak.py` all of them at once.
"""

import dataclasses
import select
import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS, PADDED, ACK = 1, 4, 8, 1
INITIAL_WINDOW_SIZE = 4
ENHANCE_YOUR_CALM = 11

SERVICE = "/trunkline.testing.v1.EchoService/"
# How much the server takes on a stream before it credits some of it.
STREAM_WINDOW = 256 << 10
# An empty message and its prefix.
EMPTY_MESSAGE = bytes(5)


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def integer(value, prefix_bits, first=0):
    """A number of HPACK (RFC 7541, section 5.1)."""
    limit = (1 << prefix_bits) - 1
    if value < limit:
        return bytes([first | value])
    out = [first | limit]
    value -= limit
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes([*out, value])


def literal(name, value, kind=0x00):
    """A field that is spelt out; `kind` 0x40 puts it into the table."""
    name, value = (text if isinstance(text, bytes) else text.encode() for text in (name, value))
    return bytes([kind]) + integer(len(name), 7) + name + integer(len(value), 7) + value


def request_block(method="Echo", extra=b"", path=None, te="trailers", kind="application/grpc"):
    """The header block of a gRPC request, or of one of another `kind`."""
    block = b"\x83\x86" + literal(":path", path or SERVICE + method) + literal(":authority", "attacker")
    block += literal("content-type", kind)
    return block + (literal("te", te) if te else b"") + extra


@dataclasses.dataclass
class Outcome:
    """How an attack ended."""

    # Whether the server closed the connection.
    is_cut: bool
    # The last GOAWAY's code and reason.
    code: int | None
    reason: str
    # How many frames or turns the attacker got to send.
    sent: int
    seconds: float
    # RST_STREAM frames and answers that came, and their codes.
    resets: list
    statuses: list


class Attacker:
    """One raw connection that remembers what came."""

    def __init__(self, address, settings=b"", preface=True, receive_buffer=None, timeout=10):
        host, port = address.rsplit(":", 1)
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((host, int(port)))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.begun = time.monotonic()
        self.buffer = b""
        self.is_cut = False
        self.code, self.reason, self.resets, self.sent = None, "", [], 0
        # Streams on which the server ended, and how many bytes of DATA came.
        self.ended, self.data_count, self.pongs = set(), 0, 0
        # Streams on which HEADERS came.
        self.answered = set()
        # What may be sent on each stream, and on all of them together (0).
        self.windows = {0: 65535}
        if preface:
            self.send(PREFACE + frame(SETTINGS, payload=settings) + frame(SETTINGS, ACK))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, count=0):
        """Sends all of it unless the server has closed, or takes nothing any more."""
        self.sent += count
        if self.is_cut:
            return False
        try:
            self.socket.sendall(data)
        except (TimeoutError, OSError):
            self.is_cut = True
            return False
        return True

    def read(self, wait=0.0):
        """Takes what has come; waits at most `wait` seconds for the first of it."""
        while not self.is_cut:
            ready, _, _ = select.select([self.socket], [], [], wait)
            if not ready:
                return
            wait = 0
            try:
                data = self.socket.recv(1 << 18)
            except OSError:
                data = b""
            if not data:
                self.is_cut = True
                return
            self.buffer += data
            self._parse()

    def _parse(self):
        offset = 0
        while len(self.buffer) - offset >= 9:
            size = int.from_bytes(self.buffer[offset : offset + 3])
            if len(self.buffer) - offset < 9 + size:
                break
            kind, flags = self.buffer[offset + 3], self.buffer[offset + 4]
            stream = int.from_bytes(self.buffer[offset + 5 : offset + 9])
            payload = self.buffer[offset + 9 : offset + 9 + size]
            offset += 9 + size
            if kind == GOAWAY:
                code = int.from_bytes(payload[4:8])
                self.code = code
                self.reason = payload[8:].decode() or self.reason
            elif kind == RST_STREAM:
                self.resets.append(int.from_bytes(payload))
                self.ended.add(stream)
            elif kind == DATA:
                self.data_count += size
            elif kind == WINDOW_UPDATE:
                self.windows[stream] = self.windows.get(stream, STREAM_WINDOW) + int.from_bytes(payload)
            elif kind == PING and flags & ACK:
                self.pongs += 1
            if kind == HEADERS:
                self.answered.add(stream)
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                self.ended.add(stream)
        self.buffer = self.buffer[offset:]

    def read_until(self, ready, seconds=10):
        """Reads until `ready()` or the server closes; whether it did."""
        deadline = time.monotonic() + seconds
        while not ready() and not self.is_cut and time.monotonic() < deadline:
            self.read(0.05)
        return ready()

    def send_payload(self, stream, piece, flags=0, seconds=5):
        """Sends DATA once the windows let it; `False` when the stream is over before.

        To wait with PING instead would have a client cut off that pings much and is sent nothing.
        """
        room = lambda: min(self.windows[0], self.windows.setdefault(stream, STREAM_WINDOW))  # noqa: E731
        if room() < len(piece):
            self.read_until(lambda: stream in self.ended or room() >= len(piece), seconds)
        if stream in self.ended or room() < len(piece):
            return False
        self.windows[0] -= len(piece)
        self.windows[stream] -= len(piece)
        return self.send(frame(DATA, flags, stream, piece), 1)

    def sync(self, seconds=10):
        """Waits until the server has handled what was sent."""
        before = self.pongs
        self.send(frame(PING, payload=bytes(8)))
        return self.read_until(lambda: self.pongs > before, seconds)

    def wait_for_end(self, seconds=10):
        """Reads until the server closes, at most so long."""
        self.read_until(lambda: self.is_cut, seconds)
        return self.outcome()

    def outcome(self):
        seconds = time.monotonic() - self.begun
        return Outcome(self.is_cut, self.code, self.reason, self.sent, seconds, self.resets, sorted(self.ended))


def flood(address, piece, turns, begin=b"", batch=50, seconds=10, open_max=None, **options):
    """Sends `piece(turn)` again and again until the server has had enough.

    With `open_max` it waits for the server to end streams, so that no more are open: one per turn.
    """
    with Attacker(address, **options) as attacker:
        attacker.send(begin)
        for turn in range(0, turns, batch):
            if not attacker.send(b"".join(piece(turn + n) for n in range(batch)), batch):
                break
            attacker.read()
            if open_max is not None:
                attacker.read_until(lambda turn=turn: len(attacker.ended) >= turn + batch - open_max, seconds)
        return attacker.wait_for_end(seconds)
