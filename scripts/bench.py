#!/usr/bin/env python3
"""Measures what a unary echo call costs our server, beside C++ gRPC and nghttpd.

Each server has CPU 0 for itself and h2load has CPU 1; they run in turn, several rounds in one run,
and the medians are compared, so that what else the machine does hits all of them alike. nghttpd
serves a file of 32 bytes and speaks no gRPC: it is the practical floor.

h2load takes a gRPC error for a success. So a grpcio client checks each server's answers first, and
after each measurement the bytes that h2load received must be those of right answers.

    scripts/bench.py [--rounds N] [--output FILE] [--no-build]
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import grpc

ROOT = pathlib.Path(__file__).resolve().parents[1]
PEERS = ROOT / "Sources" / "Testing" / "BenchPeers"
PEERS_OUT = ROOT / ".build" / "bench-peers"
METHOD = "/trunkline.testing.v1.EchoService/Echo"
PAYLOAD = bytes(range(97, 97 + 26)) + b"012345"
# EchoRequest { payload: PAYLOAD }: field 2, length-delimited. EchoResponse is the same on the wire.
MESSAGE = bytes([0x12, len(PAYLOAD)]) + PAYLOAD
FRAMED = struct.pack(">BI", 0, len(MESSAGE)) + MESSAGE
TICKS = os.sysconf("SC_CLK_TCK")
# How long a server may take to listen, in seconds.
START_MAX = 20
SERVER_CPU, CLIENT_CPU = "0", "1"

# Connections, streams of each, calls of one measurement. CPU time comes in ticks of 10 ms, so the
# calls must last for a few hundred of them.
SHAPES = [("8x10", 8, 10, 300_000), ("1x1", 1, 1, 30_000)]
# The aim of this version, of C++ gRPC's CPU per call.
AIM = 0.45


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """One server under measurement, on CPU 0."""

    def __init__(self, name, command, port, path, is_grpc):
        self.name, self.port, self.path, self.is_grpc = name, port, path, is_grpc
        self.log = tempfile.TemporaryFile()
        self.popen = subprocess.Popen(
            ["taskset", "-c", SERVER_CPU, *map(str, command)],
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wait_until_listening()

    def _wait_until_listening(self):
        deadline = time.monotonic() + START_MAX
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.popen.poll() is not None or time.monotonic() > deadline:
                    self.log.seek(0)
                    sys.exit(f"bench: {self.name} does not listen:\n{self.log.read().decode()}")
                time.sleep(0.02)

    def cpu_seconds(self):
        """User and system time of all its threads so far."""
        text = pathlib.Path(f"/proc/{self.popen.pid}/stat").read_text()
        fields = text.rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stop(self):
        try:
            os.killpg(self.popen.pid, signal.SIGTERM)
            self.popen.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()
        except ProcessLookupError:
            pass

    def check(self):
        """A real client's word that the answers are right."""
        with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel:
            echo = channel.unary_unary(METHOD)
            for _ in range(10):
                answer = echo(MESSAGE, timeout=10)
                if answer != MESSAGE:
                    sys.exit(f"bench: {self.name} answered {answer!r} to {MESSAGE!r}")
            try:
                channel.unary_unary(METHOD + "Nowhere")(MESSAGE, timeout=10)
                sys.exit(f"bench: {self.name} answers a method that does not exist")
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                    sys.exit(f"bench: {self.name}: an unknown method is {error.code()}")


def load(server, connections, streams, calls, folder):
    """One run of h2load; gives calls per second, and p50 and p99 in microseconds."""
    log = folder / "h2load.log"
    log.unlink(missing_ok=True)
    command = ["taskset", "-c", CLIENT_CPU, "h2load", f"--requests={calls}"]
    command += [f"--clients={connections}", f"--max-concurrent-streams={streams}"]
    command += ["--threads=1", f"--log-file={log}"]
    if server.is_grpc:
        command += [f"--data={folder / 'body.bin'}"]
        command += ["--header=te: trailers", "--header=content-type: application/grpc"]
    command += [f"http://127.0.0.1:{server.port}{server.path}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    text = result.stdout
    if result.returncode != 0 or f"{calls} succeeded, 0 failed, 0 errored" not in text:
        sys.exit(f"bench: h2load against {server.name}:\n{text}{result.stderr}")
    received = int(re.search(r"\((\d+)\) data", text).group(1))
    expected = calls * len(FRAMED if server.is_grpc else PAYLOAD)
    if received != expected:
        sys.exit(f"bench: {server.name} sent {received} bytes of data, {expected} are right")
    rate = float(re.search(r", ([\d.]+) req/s", text).group(1))
    durations = sorted(int(line.rsplit("\t", 1)[1]) for line in log.read_text().splitlines())
    return rate, durations[len(durations) // 2], durations[len(durations) * 99 // 100]


def build():
    subprocess.run(
        ["make", "--silent", "-C", PEERS / "cpp_echo", f"OUT={PEERS_OUT}", f"PROTOS={ROOT}/Protos"],
        check=True,
    )


def start_servers(folder):
    bench, cpp, nghttpd = free_port(), free_port(), free_port()
    swift = ROOT / ".build" / "release" / "Bench"
    www = folder / "www"
    www.mkdir()
    (www / "file").write_bytes(PAYLOAD)
    started = []
    commands = [
        (
            "Trunkline",
            [swift, "serve", "--listen", f"127.0.0.1:{bench}", "--loops", 1],
            bench,
            METHOD,
        ),
        ("C++ gRPC", [PEERS_OUT / "cpp-echo", f"127.0.0.1:{cpp}"], cpp, METHOD),
        (
            "nghttpd",
            ["nghttpd", "--no-tls", "--workers=1", "--address=127.0.0.1", "-d", www, nghttpd],
            nghttpd,
            "/file",
        ),
    ]
    try:
        for name, command, port, path in commands:
            started.append(Server(name, command, port, path, is_grpc=path == METHOD))
    except BaseException:
        for server in started:
            server.stop()
        raise
    return started


def measure(servers, rounds, folder):
    """Every sample: shape -> server -> list of measurements."""
    samples = {shape: {server.name: [] for server in servers} for shape, *_ in SHAPES}
    for server in servers:
        load(server, 8, 10, 20_000, folder)
    for number in range(1, rounds + 1):
        for shape, connections, streams, calls in SHAPES:
            for server in servers:
                before = server.cpu_seconds()
                rate, p50, p99 = load(server, connections, streams, calls, folder)
                cpu = (server.cpu_seconds() - before) * 100_000 / calls
                sample = {"cpu_seconds_per_100k": cpu, "calls_per_second": rate}
                samples[shape][server.name].append(sample | {"p50_us": p50, "p99_us": p99})
        print(f"bench: round {number} of {rounds} done", file=sys.stderr)
    return samples


def summarize(samples):
    """Medians, and the ratios of CPU to the other servers'."""
    shapes = {}
    for shape, servers in samples.items():
        rows = {
            name: {key: statistics.median(m[key] for m in runs) for key in runs[0]}
            for name, runs in servers.items()
        }
        for row in rows.values():
            cpu = row["cpu_seconds_per_100k"]
            row["of_cpp_grpc"] = cpu / rows["C++ gRPC"]["cpu_seconds_per_100k"]
            row["of_nghttpd"] = cpu / rows["nghttpd"]["cpu_seconds_per_100k"]
        shapes[shape] = rows
    return shapes


def show(shapes):
    head = ("server", "CPU s/100k", "calls/s", "p50 us", "p99 us", "x C++", "x nghttpd")
    for shape, connections, streams, calls in SHAPES:
        print(f"\nunary echo of {len(PAYLOAD)} bytes, {calls} calls, {shape} (connections x streams)")
        print(f"{head[0]:<12}" + "".join(f"{cell:>12}" for cell in head[1:]))
        for name, row in shapes[shape].items():
            print(
                f"{name:<12}{row['cpu_seconds_per_100k']:>12.3f}{row['calls_per_second']:>12.0f}"
                f"{row['p50_us']:>12.0f}{row['p99_us']:>12.0f}{row['of_cpp_grpc']:>12.2f}"
                f"{row['of_nghttpd']:>12.2f}"
            )
    ratio = shapes["8x10"]["Trunkline"]["of_cpp_grpc"]
    print(f"\nCPU per call is {ratio:.2f} of C++ gRPC's; the aim is at most {AIM}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / ".run" / "bench.json")
    parser.add_argument("--no-build", action="store_true", help="the C++ server is built already")
    options = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("bench: needs two CPUs, one for the servers and one for h2load")
    for tool in ("taskset", "h2load", "nghttpd"):
        if shutil.which(tool) is None:
            sys.exit(f"bench: {tool} is missing; scripts/deps.sh bench installs it")
    if not options.no_build:
        build()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "body.bin").write_bytes(FRAMED)
        servers = start_servers(folder)
        try:
            for server in servers:
                if server.is_grpc:
                    server.check()
            samples = measure(servers, options.rounds, folder)
        finally:
            for server in servers:
                server.stop()
    shapes = summarize(samples)
    show(shapes)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    result = {"rounds": options.rounds, "shapes": shapes, "samples": samples}
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(f"Every measurement is in {options.output}.")


if __name__ == "__main__":
    main()
