"""How long a server itself works on a call: from the read that brings it to the write that answers.

The median latency of one call at a time is the kernel's for the most part: to wake the server and to
wake the client. This part is the server's own, and hardly changes with what else the machine does.
"""

import struct

from . import servers, workloads

# What answer_time.c keeps.
STEP_NANOSECONDS, COUNT = 10, 10_000
OWN = "us of its own, 1x1"


def median_us(make, folder):
    """The median of unary calls of 32 bytes, 1x1, to the server that `make` starts."""
    file = folder / "answer_time"
    file.write_bytes(bytes(8 * COUNT))
    server = make({"LD_PRELOAD": str(servers.OUT / "answer_time.so"), "ANSWER_TIME_FILE": str(file)})
    try:
        workload = workloads.Workload("", 1, 1, 0)
        workloads.load(server, workload, 2_000, folder)
        before = counts(file)
        workloads.load(server, workload, 10_000, folder)
        found = [after - first for after, first in zip(counts(file), before)]
    finally:
        server.stop()
    total = sum(found)
    if total < 9_000:
        raise workloads.Failed(f"{server.name}: {total} of 10000 answers were measured")
    rest = total // 2
    for step, number in enumerate(found):
        rest -= number
        if rest < 0:
            return (step + 0.5) * STEP_NANOSECONDS / 1000
    raise AssertionError("a median is among the counts")


def counts(file):
    return struct.unpack(f"<{COUNT}Q", file.read_bytes())


def facts(us, folder):
    """Ours beside nghttpd's, for its own small request and for the one that we answer."""
    ours = median_us(lambda e: servers.trunkline(environment=e), folder)
    small = median_us(lambda e: servers.nghttpd(folder, environment=e), folder)
    same = median_us(lambda e: servers.nghttpd(folder, takes_messages=True, environment=e), folder)
    return {f"{us}: {OWN}": ours, f"nghttpd: {OWN}": small, f"nghttpd, same request: {OWN}": same}


def ratios(us, found):
    """What a later change is held against."""
    if f"{us}: {OWN}" not in found:
        return {}
    return {"unary 32 B, 1x1: own time of_nghttpd": found[f"{us}: {OWN}"] / found[f"nghttpd: {OWN}"]}
