"""Messages that are too large, torn, or unpack to too much."""

import gzip
import struct

from wire import (
    DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, Attacker, frame, literal, request_block,
)  # fmt: skip

MIB = 1 << 20


def _send(address, pieces, method="Echo", extra=b"", seconds=10):
    """One call whose DATA frames are `pieces`; it reads until the server has ended it."""
    with Attacker(address) as attacker:
        attacker.send(frame(HEADERS, END_HEADERS, 1, request_block(method, extra)))
        for flags, piece in pieces:
            if not attacker.send_payload(1, piece, flags):
                break
        attacker.read_until(lambda: 1 in attacker.ended, seconds)
        return attacker.outcome()


def _pieces(body, ends=True):
    for at in range(0, len(body), 16384):
        last = ends and at + 16384 >= len(body)
        yield END_STREAM if last else 0, body[at : at + 16384]


def oversized(address):
    """A prefix that promises 4 GiB, and the bytes after it."""
    return _send(address, _pieces(b"\0\xff\xff\xff\xff" + bytes(4 * MIB)))


def half(address):
    """Half a message, then the end."""
    return _send(address, _pieces(b"\0\0\0\x10\0" + bytes(2048)))


def endless_second(address):
    """A whole message, and then bytes without end."""
    return _send(address, ((0, bytes(5)) if n == 0 else (0, bytes(16384)) for n in range(2_000)))


def endless_after_broken(address):
    """A message with a wrong flag, and then bytes without end, to a call of many messages."""
    return _send(address, ((0, b"\xff" * 16384) for n in range(2_000)), "Converse")


def tiny_messages(address, streams=100):
    """Messages of two bytes, 2,340 in each frame, to calls that wait for a peer that takes no answer."""
    body = b"\0\0\0\0\x02\x0a\0" * 2340
    settings = struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)
    with Attacker(address, settings=settings) as attacker:
        for stream in range(1, 2 * streams, 2):
            attacker.send(frame(HEADERS, END_HEADERS, stream, request_block("Converse")))
            # Nearly the whole window of the stream.
            attacker.send(frame(DATA, 0, stream, body) * 15, 1)
            # No PING for each: headers that come late would have it cut off for its pings.
            attacker.read_until(lambda stream=stream: stream in attacker.answered)
        attacker.sync()
        return attacker.outcome()


def gzip_bomb(address):
    """64 MiB of nothing in 64 KiB, claiming to be one message."""
    payload = gzip.compress(b"\x12" + b"\x80\x80\x80\x20" + bytes(64 * MIB), 9)
    message = struct.pack(">BI", 1, len(payload)) + payload
    return _send(address, _pieces(message), extra=literal("grpc-encoding", "gzip"))


def gzip_bombs(address, streams=50, kind="application/grpc"):
    """The same on many streams at once."""
    payload = gzip.compress(bytes(3 * MIB), 9)
    message = struct.pack(">BI", 1, len(payload)) + payload
    with Attacker(address) as attacker:
        for turn in range(streams):
            block = request_block(extra=literal("grpc-encoding", "gzip"), kind=kind)
            attacker.send(frame(HEADERS, END_HEADERS, 2 * turn + 1, block))
            attacker.send(frame(DATA, END_STREAM, 2 * turn + 1, message), 1)
        attacker.read_until(lambda: len(attacker.ended) == streams)
        return attacker.outcome()


def nesting(address):
    """Messages in messages: google.rpc.Status, Any, Any... beyond any depth, and groups likewise."""
    body = b"\x22\0"
    for _ in range(3_000):
        body = b"\x22" + _varint(len(body)) + body
    groups = b"\x23" * 100_000
    outcome = _send(address, _pieces(struct.pack(">BI", 0, len(body)) + body))
    return outcome if outcome.is_cut else _send(address, _pieces(struct.pack(">BI", 0, len(groups)) + groups))


def many_fields(address):
    """Two million empty fields."""
    body = b"\x22\0" * 2_000_000
    return _send(address, _pieces(struct.pack(">BI", 0, len(body)) + body))


def web_gzip_bombs(address):
    """The same over gRPC-Web."""
    return gzip_bombs(address, kind="application/grpc-web+proto")


def large_json(address, count=300_000):
    """A Connect call whose JSON is 1 MB of empty objects."""
    body = b'{"fail":{"details":[' + b",".join([b"{}"] * count) + b"]}}"
    with Attacker(address) as attacker:
        attacker.send(frame(HEADERS, END_HEADERS, 1, request_block(kind="application/json")))
        for flags, piece in _pieces(body):
            if not attacker.send_payload(1, piece, flags):
                break
        attacker.read_until(lambda: 1 in attacker.ended)
        return attacker.outcome()


def _varint(value):
    out = b""
    while value >= 128:
        out += bytes([value % 128 | 128])
        value //= 128
    return out + bytes([value])


ALL = [
    oversized, half, endless_second, endless_after_broken, tiny_messages, gzip_bomb, gzip_bombs,
    web_gzip_bombs, nesting, many_fields, large_json,
]  # fmt: skip
