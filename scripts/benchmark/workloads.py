"""What is measured, and how one measurement is taken with h2load."""

import dataclasses
import re
import struct
import subprocess

SERVICE = "/trunkline.testing.v1.EchoService/"
SERVER_CPU, CLIENT_CPU = "0", "1"
# How many messages one call of a streaming workload is answered with.
STREAM_COUNT = 1000


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field_bytes(number, value):
    return varint(number << 3 | 2) + varint(len(value)) + value


def field_number(number, value):
    return varint(number << 3) + varint(value) if value else b""


def framed(message):
    return struct.pack(">BI", 0, len(message)) + message


def payload(size):
    return (bytes(range(97, 123)) + b"012345") * (size // 32)


@dataclasses.dataclass(frozen=True)
class Workload:
    """One shape of load. `calls` is what our server is asked for; slower ones are asked for less."""

    name: str
    connections: int
    streams: int
    calls: int
    size: int = 32
    tls: bool = False
    streaming: bool = False

    @property
    def method(self):
        return SERVICE + ("Repeat" if self.streaming else "Echo")

    def request(self):
        """The request message: EchoRequest or RepeatRequest, with its payload in field 2."""
        message = field_bytes(2, payload(self.size))
        return message + field_number(3, STREAM_COUNT) if self.streaming else message

    def answer_size(self):
        """How many bytes of DATA a right answer has."""
        if not self.streaming:
            return len(framed(field_bytes(2, payload(self.size))))
        one = field_bytes(2, payload(self.size))
        return sum(len(framed(one + field_number(3, index))) for index in range(STREAM_COUNT))

    @property
    def file_size(self):
        """What nghttpd serves instead: as many bytes without gRPC."""
        return self.answer_size() if self.streaming else self.size


def all_workloads():
    unary = [
        Workload(f"unary 32 B, {c}x{s}", c, s, calls)
        for c, s, calls in [
            (1, 1, 15_000), (8, 1, 60_000), (8, 10, 150_000), (8, 100, 150_000), (32, 10, 150_000)
        ]
    ]
    sizes = [
        Workload("unary 4 KiB, 8x10", 8, 10, 60_000, size=4 << 10),
        Workload("unary 256 KiB, 8x10", 8, 10, 4_000, size=256 << 10),
        Workload("1,000 messages, 8x1", 8, 1, 400, streaming=True),
    ]
    plain = unary + sizes
    chosen = [plain[0], plain[2], *sizes]
    return plain + [dataclasses.replace(w, name=f"TLS {w.name}", tls=True) for w in chosen]


def put_file_at_method(folder):
    """What a server of files answers gRPC's requests of 32 bytes with, 1x1."""
    workload = all_workloads()[0]
    file = folder / workload.method.lstrip("/")
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(payload(workload.size))


def quick_workloads():
    return [w for w in all_workloads() if w.name in ("unary 32 B, 1x1", "unary 32 B, 8x10")]


class Failed(Exception):
    """A measurement that is worth nothing, and why."""


def load(server, workload, calls, folder):
    """One run of h2load: calls per second, and p50, p99 and the longest in microseconds."""
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    command = ["taskset", "-c", CLIENT_CPU, "h2load", f"--requests={calls}"]
    command += [f"--clients={workload.connections}", f"--max-concurrent-streams={workload.streams}"]
    command += ["--threads=1", f"--log-file={log}"]
    body = folder / "body.bin"
    if server.takes_messages:
        body.write_bytes(framed(workload.request()))
        command += [f"--data={body}", "--header=te: trailers"]
        command += ["--header=content-type: application/grpc"]
    path = workload.method if server.takes_messages else f"/{workload.file_size}"
    expected = workload.answer_size() if server.speaks_grpc else workload.file_size
    scheme = "https" if workload.tls else "http"
    command += [f"{scheme}://127.0.0.1:{server.port}{path}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    text = result.stdout
    if result.returncode != 0 or f"{calls} succeeded, 0 failed, 0 errored" not in text:
        raise Failed(f"h2load against {server.name}, {workload.name}:\n{text}{result.stderr}")
    received = int(re.search(r"\((\d+)\) data", text).group(1))
    if received != calls * expected:
        raise Failed(
            f"{server.name}, {workload.name}: {received} bytes of data came, "
            f"{calls * expected} are right")
    rate = float(re.search(r", ([\d.]+) req/s", text).group(1))
    times = sorted(int(line.rsplit("\t", 1)[1]) for line in log.read_text().splitlines())
    return {
        "calls_per_second": rate,
        "p50_us": times[len(times) // 2],
        "p99_us": times[len(times) * 99 // 100],
        "max_us": times[-1],
    }
