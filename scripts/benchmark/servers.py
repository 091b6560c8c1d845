"""The servers that are measured, each pinned to the same CPU."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import grpc
from ports import free_port

from . import workloads

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = ROOT / "Sources" / "Testing" / "BenchPeers"
OUT = ROOT / ".build" / "bench-peers"
TICKS = os.sysconf("SC_CLK_TCK")
# How long a server may take to listen, in seconds.
START_MAX = 20


def build_peers():
    """Compiles the C++ server, the allocation counter, and the stubs of the Python server."""
    OUT.mkdir(parents=True, exist_ok=True)
    protos = ROOT / "Protos"
    subprocess.run(
        ["make", "--silent", "-C", PEERS / "cpp_echo", f"OUT={OUT}", f"PROTOS={protos}"], check=True)
    for name in ("malloc_count", "answer_time"):
        source = PEERS / name / f"{name}.c"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", source, "-o", OUT / f"{name}.so"], check=True)
    stubs = OUT / "python"
    stubs.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{protos}", f"--python_out={stubs}",
         f"--grpc_python_out={stubs}", "trunkline/testing/v1/echo.proto"], check=True)


def build_load():
    """Compiles the client that reads a registry."""
    OUT.mkdir(parents=True, exist_ok=True)
    source = PEERS / "grpc_load" / "grpc_load.c"
    subprocess.run(
        ["gcc", "-O2", "-Wall", source, "-o", OUT / "grpc-load", "-lnghttp2"], check=True)


def make_certificate(folder):
    """A key and a self-signed certificate for 127.0.0.1, P-256 for all servers."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", "/CN=bench", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


class Server:
    """One server under measurement."""

    def __init__(self, name, command, port, *, speaks_grpc=True, takes_messages=None, tls=None,
                 share=1, environment=None):
        # `share` of a workload's calls are enough to measure a slower server.
        self.name, self.port, self.share = name, port, share
        self.speaks_grpc, self.tls = speaks_grpc, tls
        # Whether it is sent gRPC's requests: one that speaks no gRPC may have a file at their path.
        self.takes_messages = speaks_grpc if takes_messages is None else takes_messages
        self.log = tempfile.TemporaryFile()
        self.popen = subprocess.Popen(
            ["taskset", "-c", workloads.SERVER_CPU, *map(str, command)],
            stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
            env=os.environ | (environment or {}))
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

    def memory(self, what):
        """VmRSS or VmHWM, in KiB."""
        for line in pathlib.Path(f"/proc/{self.popen.pid}/status").read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1])
        raise workloads.Failed(f"{self.name} has no {what}")

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
        """A grpcio client's word that the answers are right: h2load takes an error for a success."""
        if not self.speaks_grpc:
            return
        address = f"127.0.0.1:{self.port}"
        if self.tls:
            roots = grpc.ssl_channel_credentials(self.tls[0].read_bytes())
            channel = grpc.secure_channel(address, roots)
        else:
            channel = grpc.insecure_channel(address)
        message = workloads.field_bytes(2, workloads.payload(32))
        with channel:
            answer = channel.unary_unary(workloads.SERVICE + "Echo")(message, timeout=20)
            if answer != message:
                sys.exit(f"bench: {self.name} answered {answer!r} to {message!r}")
            try:
                channel.unary_unary(workloads.SERVICE + "Nowhere")(message, timeout=20)
                sys.exit(f"bench: {self.name} answers a method that does not exist")
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                    sys.exit(f"bench: {self.name}: an unknown method is {error.code()}")


def trunkline(name="Trunkline", *, tls=None, flags=(), environment=None):
    port = free_port()
    command = [ROOT / ".build" / "release" / "Bench", "serve", "--listen", f"127.0.0.1:{port}"]
    # As its peers: a service that echoes and looks at no metadata.
    command += ["--loops", 1, "--metadata", "ignored", *flags]
    if tls:
        command += ["--tls-cert", tls[0], "--tls-key", tls[1]]
    return Server(name, command, port, tls=tls, environment=environment)


def cpp_grpc(*, tls=None):
    port = free_port()
    return Server(
        "C++ gRPC", [OUT / "cpp-echo", f"127.0.0.1:{port}", *(tls or ())], port, tls=tls, share=0.3)


def grpcio_aio(*, tls=None):
    port = free_port()
    command = [sys.executable, PEERS / "aio_echo" / "server.py", f"127.0.0.1:{port}", OUT / "python"]
    return Server("grpcio.aio", [*command, *(tls or ())], port, tls=tls, share=0.03)


def nghttpd(folder, *, tls=None, takes_messages=False, environment=None):
    """Serves files from `folder`: HTTP/2 and nothing above it."""
    port = free_port()
    command = ["nghttpd", "--workers=1", "--address=127.0.0.1", "-d", folder]
    command += [port, tls[1], tls[0]] if tls else ["--no-tls", port]
    name = "nghttpd, same request" if takes_messages else "nghttpd"
    return Server(name, command, port, speaks_grpc=False, takes_messages=takes_messages, tls=tls,
                  environment=environment)
