"""Connections by the thousand."""

import contextlib
import socket
import time

from wire import PREFACE, SETTINGS, frame


def flood(address, count=500, seconds=1.0, preface=True):
    """Opens connections as fast as it can, and holds them."""
    host, port = address.rsplit(":", 1)
    opened = []
    begun = time.monotonic()
    try:
        for _ in range(count):
            connection = socket.socket()
            connection.settimeout(1)
            try:
                connection.connect((host, int(port)))
            except OSError:
                connection.close()
                continue
            opened.append(connection)
            if preface:
                with contextlib.suppress(OSError):
                    connection.sendall(PREFACE + frame(SETTINGS))
        time.sleep(max(seconds - (time.monotonic() - begun), 0))
        return len(opened)
    finally:
        for connection in opened:
            connection.close()


def churn(address, seconds=1.0):
    """Connects and hangs up, again and again, some with a reset."""
    host, port = address.rsplit(":", 1)
    deadline, count = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        with socket.socket() as connection, contextlib.suppress(OSError):
            connection.settimeout(1)
            connection.connect((host, int(port)))
            if count % 2:
                connection.sendall(PREFACE)
            if count % 3 == 0:
                # Nothing lingers: the close is an RST.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        count += 1
    return count


ALL = [flood, churn]
