"""TLS that begins and stops."""

import contextlib
import socket
import ssl
import time


def _client_hello():
    """What a client says first."""
    outgoing = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()


def stall(address, count=200, part=None, seconds=10):
    """Opens connections that say `part` of a ClientHello, all of it without, and nothing more.

    How many seconds each of them lasted, as far as `seconds`.
    """
    host, port = address.rsplit(":", 1)
    hello = _client_hello()
    opened = []
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            connection = stack.enter_context(socket.create_connection((host, int(port)), timeout=seconds))
            connection.sendall(hello[:part])
            opened.append((connection, time.monotonic()))
        lasted = []
        for connection, begun in opened:
            with contextlib.suppress(TimeoutError, OSError):
                while connection.recv(1 << 16):
                    pass
            lasted.append(time.monotonic() - begun)
        return lasted
