"""gRPC's interop cases with our interop-client, against servers that others wrote and our own.

Which case is played against which server, and why some are not, stands in docs/interop.md.
"""

import subprocess

import pytest

import harness
import interop
from interop_grpcio_server import GrpcioServer

MODES = ["plain", "tls"]
CASES = [
    "empty_unary", "large_unary", "client_compressed_unary", "server_compressed_unary",
    "client_compressed_streaming", "server_compressed_streaming", "client_streaming", "server_streaming",
    "ping_pong", "empty_stream", "cancel_after_begin", "cancel_after_first_response",
    "timeout_on_sleeping_server", "custom_metadata", "status_code_and_message", "special_status_message", "unimplemented_method", "unimplemented_service",
    "pick_first_unary", "orca_per_rpc", "orca_oob", "rpc_soak", "channel_soak", "concurrent_large_unary",
    "long_lived_channel",
]
# grpcio's servers can't see whether a request was compressed.
NOT_ON_GRPCIO = {"client_compressed_unary", "client_compressed_streaming"}
FLAGS = {
    "concurrent_large_unary": ["--concurrent_calls=20"],
    "rpc_soak": ["--soak_iterations=20", "--soak_num_threads=2"],
    "channel_soak": ["--soak_iterations=10"],
    "long_lived_channel": ["--soak_iterations=5", "--soak_min_time_ms_between_rpcs=20"],
}


def play(server, name, *flags, host="127.0.0.1"):
    """Plays one case; gives back what the client printed."""
    arguments = [f"--server_host={host}", f"--server_port={server.port}", f"--test_case={name}", *flags]
    if server.certificates is not None:
        arguments += [
            "--use_tls=true", f"--ca_file={server.certificates.ca}",
            f"--server_host_override={interop.TLS_NAME}",
        ]
    result = subprocess.run(
        [str(harness.program("interop-client")), *arguments, *FLAGS.get(name, [])],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith(f"{name}: passed\n")
    return result.stdout


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    return interop.load_messages(tmp_path_factory.mktemp("interop"))


@pytest.fixture(scope="module", params=MODES)
def certificates(request, tmp_path_factory):
    """What TLS needs; `None` for plaintext."""
    if request.param == "plain":
        return None
    return interop.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def ours(certificates, tmp_path_factory):
    process = interop.InteropServer(tmp_path_factory.mktemp("ours"), certificates).start()
    yield process
    assert process.stop() == 0


@pytest.fixture(scope="module")
def grpcio(certificates, messages):
    server = GrpcioServer(messages, certificates)
    yield server
    server.stop()


class CppServer(harness.Process):
    """The C++ interop server on a free port."""

    def __init__(self, path, folder, certificates):
        self.path, self.port, self.certificates = path, harness.free_port(), certificates
        flags = [f"--port={self.port}"]
        if certificates is not None:
            flags += [f"--cert={certificates.cert}", f"--key={certificates.key}"]
        super().__init__(path, flags, folder / "cpp-interop-server.log")


@pytest.fixture(scope="module")
def cpp(certificates, tmp_path_factory):
    path = interop.build_cpp_peers() / "cpp-interop-server"
    process = CppServer(path, tmp_path_factory.mktemp("cpp"), certificates).start()
    address = f"127.0.0.1:{process.port}"
    harness.wait_until(lambda: process.check_running() and interop.accepts(address), "the C++ server")
    yield process
    process.stop()


@pytest.mark.parametrize("name", CASES)
def test_against_cpp(cpp, name):
    play(cpp, name)


@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_ON_GRPCIO])
def test_against_grpcio(grpcio, name):
    play(grpcio, name)


@pytest.mark.parametrize("name", CASES)
def test_against_our_own(ours, name):
    play(ours, name)


# Cases that need servers of their own.


@pytest.mark.parametrize("peer", ["grpcio", "ours"])
def test_max_concurrent_streams_connection_scaling(certificates, messages, tmp_path, peer):
    """A server that takes two streams on a connection: the third call gets another one."""
    if peer == "ours":
        server = interop.InteropServer(tmp_path, certificates, ["--max_concurrent_streams=2"]).start()
    else:
        server = GrpcioServer(messages, certificates, [("grpc.max_concurrent_streams", 2)])
    play(server, "max_concurrent_streams_connection_scaling")
    server.stop()



def test_pick_first_of_two_servers(tmp_path):
    """`localhost` has two addresses, each with a server of its own: one of them gets all calls."""
    port = harness.free_port()
    servers = [
        interop.InteropServer(tmp_path, host=host, port=port) for host in ("127.0.0.1", "[::1]")
    ]
    for server in servers:
        server.start()
    play(servers[0], "pick_first_unary", host="localhost")
    for server in servers:
        assert server.stop() == 0


@pytest.mark.parametrize("flags", [[], ["--server_host_override=other.test.example"]])
def test_a_certificate_that_is_not_good_fails(certificates, ours, flags):
    """Of an authority that nobody named, or for another name."""
    if certificates is None:
        pytest.skip("there is no certificate in plaintext")
    arguments = ["--server_host=127.0.0.1", f"--server_port={ours.port}", "--test_case=empty_unary", "--use_tls"]
    arguments += flags and [f"--ca_file={certificates.ca}", *flags]
    command = [str(harness.program("interop-client")), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert "UNAVAILABLE" in result.stderr and "TLS failed" in result.stderr


def test_a_soak_that_is_too_slow_fails(ours):
    arguments = ["--server_host=127.0.0.1", f"--server_port={ours.port}", "--test_case=rpc_soak"]
    arguments += ["--soak_iterations=1000000", "--soak_overall_timeout_seconds=1"]
    if ours.certificates is not None:
        arguments += [
            "--use_tls", f"--ca_file={ours.certificates.ca}",
            f"--server_host_override={interop.TLS_NAME}",
        ]
    result = subprocess.run(
        [str(harness.program("interop-client")), *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert result.returncode == 1 and "the number of iterations in time" in result.stderr


def test_a_case_without_a_server_fails():
    port = harness.free_port()
    command = [str(harness.program("interop-client")), f"--server_port={port}", "--test_case=empty_unary"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1 and "UNAVAILABLE" in result.stderr
    assert result.stdout == "empty_unary: FAILED\n"


@pytest.mark.parametrize(
    "flags", [["--test_case=nothing"], ["--server_port=0"], ["--no_such_flag"], ["--soak_iterations=x"]]
)
def test_a_wrong_command_line(flags):
    command = [str(harness.program("interop-client")), *flags]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 64 and "usage: interop-client" in result.stderr
