"""TLS, unix sockets, IPv6 and bound descriptors, as grpcio, curl, openssl and buf see them."""

import json
import os
import pathlib
import re
import resource
import socket
import ssl
import subprocess
import threading

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import harness

ECHO = "/trunkline.testing.v1.EchoService/Echo"
HEALTH = "/grpc.health.v1.Health/Check"


class Authority:
    """A certificate authority whose files live as long as the test."""

    def __init__(self, folder, name="authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key = self.folder / f"{name}.key"
        self.certificate = self.folder / f"{name}.crt"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", self.key, "-out", self.certificate, "-subj", f"/CN={name}", "-days", "2",
        )

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def issue(self, name, names, days=1):
        """A certificate and its key for `names`, as subject alternative names; their paths."""
        key, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        certificate, extensions = self.folder / f"{name}.crt", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/CN={name}",
        )
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
            "-CAcreateserial", "-days", days, "-out", certificate, "-extfile", extensions,
        )
        return certificate, key


LOCAL = "DNS:localhost,IP:127.0.0.1,IP:::1"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("server", LOCAL)


@pytest.fixture(scope="module")
def client_pair(authority):
    return authority.issue("caller", "URI:spiffe://example.org/agent,DNS:caller.example")


def tls_flags(pair):
    return ["--tls-cert", pair[0], "--tls-key", pair[1]]


class Server(harness.Process):
    """A Bench server on a free port of 127.0.0.1 and of ::1."""

    def __init__(self, folder, arguments, log="bench.log"):
        port = harness.free_port()
        self.address, self.address6 = f"127.0.0.1:{port}", f"[::1]:{port}"
        listen = ["--listen", self.address, "--listen", self.address6]
        super().__init__("Bench", ["serve", *listen, *arguments], pathlib.Path(folder) / log)

    def start(self):
        super().start()
        harness.wait_until(lambda: self.check_running() and "[::1]" in self.listening(), "Bench")
        return self

    def listening(self):
        lines = [line for line in self.output().splitlines() if line.startswith("listening on")]
        return "[::1]" if len(lines) >= 2 else ""


@pytest.fixture(scope="module")
def server(tmp_path_factory, pair):
    """One that asks nobody for a certificate."""
    process = Server(tmp_path_factory.mktemp("tls"), tls_flags(pair)).start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def mutual(tmp_path_factory, authority, pair):
    """One that demands a certificate."""
    flags = [*tls_flags(pair), "--tls-client-ca", authority.certificate]
    process = Server(tmp_path_factory.mktemp("mtls"), flags).start()
    yield process
    process.stop()


def credentials(authority, client=None):
    root = authority.certificate.read_bytes()
    if client is None:
        return grpc.ssl_channel_credentials(root)
    return grpc.ssl_channel_credentials(root, client[1].read_bytes(), client[0].read_bytes())


def whoami(channel, stubs):
    """The answer's initial metadata: who the server thinks is calling."""
    stub = stubs.testing.EchoServiceStub(channel)
    request = stubs.testing.EchoRequest(text="x")
    answer, call = stub.Echo.with_call(request, metadata=[("x-whoami", "1")], timeout=30)
    assert answer.text == "x"
    return dict(call.initial_metadata())


# grpcio


@pytest.mark.parametrize("family", ["address", "address6"])
def test_grpcio_over_tls(server, authority, stubs, family):
    with grpc.secure_channel(getattr(server, family), credentials(authority)) as channel:
        caller = whoami(channel, stubs)
    assert caller["x-peer"].startswith("ipv4:127.0.0.1:" if family == "address" else "ipv6:[::1]:")
    assert "x-subject" not in caller


def test_large_messages_over_tls(server, authority, stubs):
    with grpc.secure_channel(server.address, credentials(authority)) as channel:
        stub = stubs.testing.EchoServiceStub(channel)
        payload = bytes(range(256)) * 4 * 3000
        answer = stub.Echo(stubs.testing.EchoRequest(payload=payload), timeout=30)
        assert answer.payload == payload


def test_mutual_tls_tells_who_calls(mutual, authority, client_pair, stubs):
    with grpc.secure_channel(mutual.address, credentials(authority, client_pair)) as channel:
        caller = whoami(channel, stubs)
    assert caller["x-subject"] == "CN=caller"
    assert caller["x-uri"] == caller["x-spiffe"] == "spiffe://example.org/agent"
    assert caller["x-dns"] == "caller.example"


def test_mutual_tls_refuses_strangers(mutual, authority, tmp_path):
    stranger = Authority(tmp_path, "stranger").issue("caller", "DNS:caller.example")
    for client in [None, stranger]:
        with grpc.secure_channel(mutual.address, credentials(authority, client)) as channel:
            with pytest.raises(grpc.RpcError) as refused:
                health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=10)
            assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


# curl and buf


def test_curl_and_buf_over_tls(server, authority, tmp_path):
    message = tmp_path / "message"
    message.write_bytes(b"\0\0\0\0\0")
    command = [
        "curl", "-sv", "--http2", "--cacert", str(authority.certificate),
        "-H", "content-type: application/grpc", "-H", "te: trailers",
        "--data-binary", f"@{message}", "-o", "/dev/null",
        f"https://localhost:{server.address.split(':')[1]}{HEALTH}",
    ]
    called = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert "ALPN: server accepted h2" in called.stderr or "accepted to use h2" in called.stderr
    assert "grpc-status: 0" in called.stderr.lower()
    command = [
        str(harness.BUF), "curl", "--protocol", "grpc", "--cacert", str(authority.certificate),
        "--data", '{"text": "via buf"}', f"https://localhost:{server.address.split(':')[1]}{ECHO}",
    ]
    called = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(called.stdout) == {"text": "via buf"}


# openssl


def s_client(server, *arguments, text=""):
    """What `openssl s_client` says; it ends when the server closes or after `text`."""
    command = ["openssl", "s_client", "-connect", server.address, *map(str, arguments)]
    result = subprocess.run(
        command, input=text, capture_output=True, text=True, errors="replace", timeout=30, check=False)
    return result.returncode, result.stdout + result.stderr


def test_tls_1_2_and_1_3_are_spoken(server, authority):
    for version, suite in [("-tls1_2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
                           ("-tls1_3", "TLS_AES_128_GCM_SHA256")]:
        code, said = s_client(
            server, version, "-alpn", "h2", "-CAfile", authority.certificate,
            "-verify_return_error")
        assert code == 0 and "ALPN protocol: h2" in said and suite in said
        assert "Compression: NONE" in said


@pytest.mark.parametrize("arguments", [
    ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
    ["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
])
def test_old_versions_are_refused(server, arguments):
    code, said = s_client(server, "-alpn", "h2", *arguments)
    assert code != 0 and "alert protocol version" in said


@pytest.mark.parametrize("cipher", [
    "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM",
])
def test_other_ciphers_are_refused(server, cipher):
    code, said = s_client(server, "-alpn", "h2", "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
    assert code != 0 and "handshake failure" in said


@pytest.mark.parametrize("arguments", [[], ["-alpn", "http/1.1"], ["-alpn", "h2c,spdy/3"]])
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_other_protocols_are_refused(server, version, arguments):
    code, said = s_client(server, version, *arguments)
    assert code != 0 and "no application protocol" in said


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_resumed(server, authority, tmp_path, version):
    saved = tmp_path / "session"
    # The server's SETTINGS are read before the input ends, and the ticket of TLS 1.3 before them.
    arguments = [version, "-alpn", "h2", "-CAfile", authority.certificate]
    with subprocess.Popen(
        ["openssl", "s_client", "-connect", server.address, *map(str, arguments), "-sess_out", saved],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as first:
        harness.wait_until(lambda: saved.exists() and saved.stat().st_size > 0, "a session")
        first.communicate(timeout=30)
    code, said = s_client(server, *arguments, "-sess_in", saved)
    assert code == 0 and "Reused, TLSv1" in said


def test_renegotiation_is_refused(server):
    code, said = s_client(server, "-tls1_2", "-alpn", "h2", text="R\n")
    assert code != 0
    # OpenSSL's client gives up at the alert, or at the server's SETTINGS if these are there first.
    assert "no renegotiation" in said or "unexpected record" in said


def test_endless_key_updates_end_the_connection(server):
    with subprocess.Popen(
        ["openssl", "s_client", "-connect", server.address, "-tls1_3", "-alpn", "h2"],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, bufsize=0,
    ) as connection:

        def is_over():
            # s_client takes one command per read.
            try:
                connection.stdin.write(b"K\n")
            except BrokenPipeError:
                return True
            return connection.poll() is not None

        try:
            harness.wait_until(is_over, "the end of the connection", interval=0.005)
        finally:
            connection.kill()


def test_plaintext_is_refused_and_others_are_served(server, authority, stubs):
    for noise in [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", os.urandom(4096)]:
        with socket.create_connection(server.address.split(":"), timeout=10) as sock:
            sock.sendall(noise)
            try:
                while sock.recv(65536):
                    pass
            except ConnectionResetError:
                pass
    with grpc.secure_channel(server.address, credentials(authority)) as channel:
        whoami(channel, stubs)


# Certificates that change


class SecretVolume:
    """A folder like a mounted Kubernetes Secret: files are links through `..data`."""

    def __init__(self, folder, pair):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.count = 0
        self.swap(pair[0].read_bytes(), pair[1].read_bytes())
        for name in ["tls.crt", "tls.key"]:
            (self.folder / name).symlink_to(f"..data/{name}")
        self.pair = (self.folder / "tls.crt", self.folder / "tls.key")

    def swap(self, certificate, key):
        self.count += 1
        version = self.folder / f"..{self.count}"
        version.mkdir()
        (version / "tls.crt").write_bytes(certificate)
        (version / "tls.key").write_bytes(key)
        link = self.folder / "..data_tmp"
        link.symlink_to(version.name)
        link.rename(self.folder / "..data")


def served_names(server, authority):
    context = ssl.create_default_context(cafile=authority.certificate)
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(server.address.split(":"), timeout=10) as sock:
        with context.wrap_socket(sock, server_hostname="localhost") as tls:
            return [value for _, value in tls.getpeercert()["subjectAltName"]]


def test_certificates_are_swapped_while_calls_go_on(tmp_path, authority, stubs):
    volume = SecretVolume(tmp_path / "volume", authority.issue("first", LOCAL))
    process = Server(tmp_path, [*tls_flags(volume.pair), "--tls-reload", 20]).start()
    failures, counts, stop = [], [0, 0], threading.Event()

    def call(index, makes_channels):
        channel = None
        while not stop.is_set():
            if channel is None:
                channel = grpc.secure_channel(
                    process.address, credentials(authority), [("x", counts[index])])
            try:
                stub = stubs.testing.EchoServiceStub(channel)
                stub.Echo(stubs.testing.EchoRequest(text="x"), timeout=30)
                counts[index] += 1
            except grpc.RpcError as error:
                failures.append(error)
            if makes_channels:
                channel.close()
                channel = None
        if channel:
            channel.close()

    callers = [threading.Thread(target=call, args=(index, index == 1)) for index in range(2)]
    for caller in callers:
        caller.start()
    try:
        second = authority.issue("second", LOCAL + ",DNS:second.example")
        volume.swap(second[0].read_bytes(), second[1].read_bytes())
        harness.wait_until(
            lambda: "second.example" in served_names(process, authority), "the new certificate")
        # A pair that does not fit: the old one stays, and the reason is told.
        third = authority.issue("third", LOCAL + ",DNS:third.example")
        volume.swap(third[0].read_bytes(), second[1].read_bytes())
        harness.wait_until(lambda: "does not belong" in process.output(), "the reason")
        assert "second.example" in served_names(process, authority)
        seen = list(counts)
        harness.wait_until(
            lambda: failures or all(now > then for now, then in zip(counts, seen)), "more calls")
    finally:
        stop.set()
        for caller in callers:
            caller.join()
    assert not failures
    assert "PRIVATE" not in process.output()
    process.stop()


# Unix sockets and descriptors


def test_unix_socket(tmp_path, stubs):
    path = tmp_path / "bench.sock"
    # What a server that was killed leaves behind.
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(path))
    left.close()
    arguments = ["serve", "--listen", f"unix:{path}", "--loops", "2"]
    process = harness.Process("Bench", arguments, tmp_path / "bench.log").start()
    harness.wait_until(lambda: process.check_running() and harness.is_serving(f"unix:{path}"), "Bench")
    with grpc.insecure_channel(f"unix:{path}") as channel:
        assert whoami(channel, stubs)["x-peer"] == "unix:"
    command = [
        str(harness.BUF), "curl", "--protocol", "grpc", "--http2-prior-knowledge",
        "--unix-socket", str(path), "--data", '{"text": "via buf"}', f"http://localhost{ECHO}",
    ]
    called = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(called.stdout) == {"text": "via buf"}
    # Another server does not take the path of one that lives.
    second = harness.Process("Bench", arguments, tmp_path / "second.log").start()
    second.popen.wait(harness.STOP_MAX)
    second.stop()
    assert "where a server answers" in second.output()
    assert harness.is_serving(f"unix:{path}")
    assert process.stop() == 0
    assert not path.exists()


def test_bound_descriptor(tmp_path, pair, authority, stubs):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        os.set_inheritable(listener.fileno(), True)
        arguments = ["serve", "--listen", f"fd:{listener.fileno()}", *tls_flags(pair)]
        log = tmp_path / "bench.log"
        with log.open("wb") as output, subprocess.Popen(
            [str(harness.program("Bench")), *map(str, arguments)],
            pass_fds=[listener.fileno()], stdout=output, stderr=output,
        ) as process:
            address = "127.0.0.1:%d" % listener.getsockname()[1]
            try:
                with grpc.secure_channel(address, credentials(authority)) as channel:
                    grpc.channel_ready_future(channel).result(timeout=harness.START_MAX)
                    whoami(channel, stubs)
            finally:
                process.terminate()
            assert process.wait(harness.STOP_MAX) == 0


# What must not stop a server


def test_silent_handshakes_do_not_hold_a_shutdown(tmp_path, pair):
    bounds = ["goaway-wait=200ms", "tls-handshake-timeout=90s"]
    flags = [flag for bound in bounds for flag in ("--setting", bound)]
    process = Server(tmp_path, [*tls_flags(pair), "--drain-seconds", "90", *flags]).start()
    silent = [socket.create_connection(process.address.split(":")) for _ in range(3)]
    # The beginning of a ClientHello, and no more.
    silent[0].sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
    assert process.stop() == 0
    for sock in silent:
        sock.close()


def test_a_server_without_descriptors_serves_again(tmp_path, authority, pair, stubs):
    process = Server(tmp_path, tls_flags(pair)).start()
    limit = 64
    resource.prlimit(process.popen.pid, resource.RLIMIT_NOFILE, (limit, limit))
    with grpc.secure_channel(process.address, credentials(authority)) as channel:
        whoami(channel, stubs)
        crowd = []
        try:
            crowd = [
                socket.create_connection(process.address.split(":"), timeout=10)
                for _ in range(2 * limit)
            ]
            # Descriptors are used up; those who are connected are served.
            open_now = pathlib.Path(f"/proc/{process.popen.pid}/fd")
            harness.wait_until(lambda: len(list(open_now.iterdir())) >= limit, "no descriptors")
            whoami(channel, stubs)
            ticks = re.split(r"\) ", pathlib.Path(f"/proc/{process.popen.pid}/stat").read_text())[1]
            before = sum(map(int, ticks.split()[11:13]))
            whoami(channel, stubs)
            ticks = re.split(r"\) ", pathlib.Path(f"/proc/{process.popen.pid}/stat").read_text())[1]
            # It does not spin: less than 0.2 s of CPU.
            assert sum(map(int, ticks.split()[11:13])) - before < 20
        finally:
            for sock in crowd:
                sock.close()
        with grpc.secure_channel(
            process.address, credentials(authority), [("another", 1)]
        ) as other:
            whoami(other, stubs)
    assert process.stop() == 0
