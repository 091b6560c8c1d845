"""Peers that hold a connection by saying next to nothing."""

import time

from wire import DATA, END_HEADERS, HEADERS, PREFACE, Attacker, frame, request_block

# An EchoRequest of 1,000 bytes that is never finished.
BODY = bytes.fromhex("00000003e8") + b"\x12\xe5\x07" + bytes(997)


def _drip(attacker, data, seconds, pause=0.2):
    """A byte at a time, until it is cut off or the time is over."""
    deadline = time.monotonic() + seconds
    for at in range(len(data)):
        if time.monotonic() > deadline or not attacker.send(data[at : at + 1], 1):
            break
        attacker.read(pause)
    return attacker.wait_for_end(max(deadline - time.monotonic(), 0))


def silent(address, seconds=3):
    """Connects, and says nothing."""
    with Attacker(address, preface=False) as attacker:
        return attacker.wait_for_end(seconds)


def preface(address, seconds=3):
    """The preface, a byte at a time."""
    with Attacker(address, preface=False) as attacker:
        return _drip(attacker, PREFACE, seconds)


def headers(address, seconds=3):
    """A request's headers, a byte at a time."""
    with Attacker(address) as attacker:
        return _drip(attacker, frame(HEADERS, END_HEADERS, 1, request_block()), seconds)


def body(address, seconds=3, streams=100):
    """Bodies on many streams, a byte of each at a time."""
    with Attacker(address) as attacker:
        for turn in range(streams):
            attacker.send(frame(HEADERS, END_HEADERS, 2 * turn + 1, request_block()))
        deadline = time.monotonic() + seconds
        at = 0
        while time.monotonic() < deadline and not attacker.is_cut:
            for turn in range(streams):
                attacker.send(frame(DATA, 0, 2 * turn + 1, BODY[at : at + 1]), 1)
            at = min(at + 1, len(BODY) - 2)
            attacker.read(0.05)
        return attacker.outcome()


def creep(address, seconds=5, pause=0.2, method="Echo"):
    """A body of which a byte comes before each bound is over, so that it never stands still."""
    with Attacker(address) as attacker:
        attacker.send(frame(HEADERS, END_HEADERS, 1, request_block(method)))
        deadline = time.monotonic() + seconds
        for at in range(len(BODY)):
            if time.monotonic() > deadline or not attacker.send(frame(DATA, 0, 1, BODY[at : at + 1]), 1):
                break
            attacker.read_until(lambda: 1 in attacker.ended, pause)
            if 1 in attacker.ended:
                break
        return attacker.outcome()


ALL = [silent, preface, headers, body]
