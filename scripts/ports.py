"""TCP ports for programs that are started to be tested, measured or shown.

A port that the kernel picks for a probe may be taken again before the program listens: by another
probe, or as the near end of anybody's outgoing connection. These ports lie below the range that the
kernel picks from, in a block that this process alone holds, and come round only after all others.
"""

import fcntl
import os
import pathlib
import random
import socket
import tempfile
import threading

BLOCK_SIZE = 1000
BLOCKS_FIRST = 10_000
# Where Linux begins to pick ports by itself, unless told otherwise.
EPHEMERAL_FIRST = 32_768


def _ephemeral_first():
    try:
        text = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    except OSError:
        return EPHEMERAL_FIRST
    return int(text.split()[0])


def _claim_block():
    """The first port of a block that no other process holds, and the open file that holds it."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"trunkline-ports.{os.getuid()}"
    folder.mkdir(exist_ok=True)
    blocks = list(range(BLOCKS_FIRST, _ephemeral_first() - BLOCK_SIZE + 1, BLOCK_SIZE))
    random.shuffle(blocks)
    for first in blocks:
        file = (folder / str(first)).open("w")
        try:
            # Held until this process ends, however it ends. Python's files are not inherited.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        return first, file
    raise RuntimeError(f"every block of ports is held; see {folder}")


_block = None
_next = 0
_lock = threading.Lock()


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on, and that nobody else is given."""
    with _lock:
        return _free_port()


def _free_port():
    global _block, _next
    if _block is None:
        _block = _claim_block()
    for _ in range(BLOCK_SIZE):
        port = _block[0] + _next
        _next = (_next + 1) % BLOCK_SIZE
        with socket.socket() as probe:
            # Connections that ended a moment ago are no hindrance; a listener is.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError("every port of the block is taken")
