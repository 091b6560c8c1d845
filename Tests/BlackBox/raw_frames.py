"""HTTP/2 frames by hand, right and wrong ones, and what a server makes of them.

h2 refuses to send what a peer must not send; here nothing is refused.
"""

import dataclasses
import socket
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 1, 1, 4, 8, 32
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)
(
    NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED,
    FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM,
) = range(12)

# How long a server may be silent, in seconds.
SILENCE_MAX = 20


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """A frame; `length` may lie."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


def block(fields):
    """A header block without the dynamic table, so that blocks stand alone."""
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    return encoder.encode([hpack.NeverIndexedHeaderTuple(*field) for field in fields], huffman=False)


@dataclasses.dataclass
class Outcome:
    """What came until the server had dealt with everything or was gone."""

    goaway: int | None = None
    debug: bytes = b""
    resets: dict = dataclasses.field(default_factory=dict)
    is_alive: bool = False
    frames: list = dataclasses.field(default_factory=list)
    fields: dict = dataclasses.field(default_factory=dict)

    def data(self, stream):
        return b"".join(payload for kind, _, of, payload in self.frames if (kind, of) == (DATA, stream))


class FrameConnection:
    """A connection with the preface and SETTINGS of both sides behind it."""

    def __init__(self, address, first=PREFACE + settings(), wrap=lambda plain: plain):
        host, port = address.rsplit(":", 1)
        self.address = address
        self.socket = wrap(socket.create_connection((host, int(port)), timeout=SILENCE_MAX))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder = hpack.Decoder()
        self.rest = b""
        self.outcome = Outcome()
        # SETTINGS of ours that the server has not acknowledged.
        self.unacknowledged = 0
        self.send(first)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, path, *more, without=(), replacing=()):
        """The fields of a call."""
        fields = {
            ":method": "POST", ":scheme": "http", ":path": path, ":authority": self.address,
            "te": "trailers", "content-type": "application/grpc",
        }
        fields.update(replacing)
        return [(name, value) for name, value in fields.items() if name not in without] + list(more)

    def send(self, data):
        rest = data.removeprefix(PREFACE)
        while len(rest) >= 9:
            if rest[3] == SETTINGS and not rest[4] & ACK:
                self.unacknowledged += 1
            rest = rest[9 + int.from_bytes(rest[:3], "big") :]
        try:
            self.socket.sendall(data)
        except OSError:
            # The server may be gone before all was sent; reading shows it.
            pass

    def finish(self, *frames):
        """Sends frames; reads until the server has dealt with them, or is gone.

        It has when it has acknowledged SETTINGS that follow. That may overtake what was queued before
        (nghttp2 calls it urgent), so they are sent twice. Pings would do, but a server counts them.
        """
        self.send(b"".join(frames))
        for _ in range(2):
            self.send(settings())
            while self.unacknowledged > 0:
                if self.read() is None:
                    return self.outcome
        self.outcome.is_alive = True
        return self.outcome

    def until_over(self, stream):
        """Reads until `stream` has ended or the server is gone."""
        while True:
            received = self.read()
            if received is None:
                return self.outcome
            kind, flags, of, _ = received
            if of == stream and (kind == RST_STREAM or kind in (DATA, HEADERS) and flags & END_STREAM):
                return self.outcome

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.rest += data
        return bool(data)

    def read(self):
        """The next frame; `None` at the end."""
        while len(self.rest) < 9 or len(self.rest) < 9 + int.from_bytes(self.rest[:3], "big"):
            if not self._more():
                return None
        size = int.from_bytes(self.rest[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", self.rest[3:9])
        payload, self.rest = self.rest[9 : 9 + size], self.rest[9 + size :]
        self.outcome.frames.append((kind, flags, stream, payload))
        if kind == SETTINGS and flags & ACK:
            self.unacknowledged -= 1
        elif kind == SETTINGS:
            self.send(frame(SETTINGS, ACK))
        elif kind == RST_STREAM:
            self.outcome.resets[stream] = int.from_bytes(payload, "big")
        elif kind == HEADERS:
            self.outcome.fields.setdefault(stream, []).extend(self.decoder.decode(payload))
        elif kind == GOAWAY:
            self.outcome.goaway = int.from_bytes(payload[4:8], "big")
            self.outcome.debug = payload[8:]
        return kind, flags, stream, payload
