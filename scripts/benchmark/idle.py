"""How much memory idle connections cost a server."""

import socket
import ssl

from . import workloads

SETTINGS = b"\0\0\0\4\0\0\0\0\0"
ACKNOWLEDGED = b"\0\0\0\4\1\0\0\0\0"
# How much one connection may cost before the measurement is believed to be something else, in KiB.
SANE_MAX = 1024


def connect(port, context):
    """A connection that has spoken: preface, SETTINGS, and the answer to the server's SETTINGS."""
    sock = socket.create_connection(("127.0.0.1", port), 20)
    if context:
        sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
    sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS)
    received = b""
    while ACKNOWLEDGED not in received:
        data = sock.recv(4096)
        if not data:
            raise workloads.Failed("an idle connection was closed at its start")
        received += data
    sock.sendall(ACKNOWLEDGED)
    return sock


def kib_per_connection(server, count):
    """RSS that `count` idle connections add to a server, for each, in KiB."""
    context = None
    if server.tls:
        context = ssl.create_default_context(cafile=server.tls[0])
        context.set_alpn_protocols(["h2"])
    # The first ones pay for what is made once.
    sockets = [connect(server.port, context) for _ in range(100)]
    before = server.memory("VmRSS")
    try:
        sockets += [connect(server.port, context) for _ in range(count)]
        # A call answered after them: what they said has been read by now.
        server.check()
        cost = (server.memory("VmRSS") - before) / count
    finally:
        for sock in sockets:
            sock.close()
    if cost > SANE_MAX:
        raise workloads.Failed(f"{server.name}: {cost:.0f} KiB for an idle connection")
    return cost
