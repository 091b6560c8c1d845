"""gRPC's interop cases against our interop-server, with clients that others wrote.

Which case is played by which client, and why some are not, stands in docs/interop.md.
"""

import base64
import re
import subprocess

import pytest

import harness
import interop
import interop_cases
import raw_http2

MODES = ["plain"]
CPP_CASES = re.findall(
    r'^    \{"(\w+)"',
    (harness.ROOT / "Sources/Testing/BenchPeers/cpp_interop/client.cc").read_text(),
    re.MULTILINE,
)

# Played when the runtime compresses.
WAITING = {
    "client_compressed_unary", "client_compressed_streaming",
    "server_compressed_unary", "server_compressed_streaming",
}


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    return interop.load_messages(tmp_path_factory.mktemp("interop"))


@pytest.fixture(scope="module", params=MODES)
def server(request, tmp_path_factory):
    """An interop-server for all tests of this file, in plaintext and over TLS."""
    folder = tmp_path_factory.mktemp(f"interop-{request.param}")
    certificates = interop.Certificates(folder) if request.param == "tls" else None
    process = interop.InteropServer(folder, certificates).start()
    yield process
    assert process.stop() == 0


@pytest.mark.parametrize("name", [name for name in interop_cases.CASES if name not in WAITING])
def test_grpcio(server, messages, name):
    def open_channel():
        return interop.open_channel(server.address, server.certificates)

    with open_channel() as channel:
        interop_cases.CASES[name](interop_cases.Session(channel, messages, open_channel))


@pytest.fixture(scope="module")
def cpp_peers():
    return interop.build_cpp_peers()


@pytest.mark.parametrize("name", [name for name in CPP_CASES if name not in WAITING])
def test_cpp(server, cpp_peers, name):
    command = [str(cpp_peers / "cpp-interop-client"), f"--port={server.port}", f"--case={name}"]
    if server.certificates is not None:
        command += [f"--ca={server.certificates.ca}", f"--name={interop.TLS_NAME}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")


# What neither grpcio nor C++ shows: by hand.


def test_orca_per_rpc(server, messages):
    asked = {"cpu_utilization": 0.8210, "request_cost": {"cost": 3456.32}, "utilization": {"util": 0.30499}}
    report = messages.TestOrcaReport(memory_utilization=0.5847, **asked)
    request = messages.SimpleRequest(orca_per_query_report=report).SerializeToString()
    answer = raw_http2.call(
        server.address, f"{interop.SERVICE}/UnaryCall", [raw_http2.frame(request)], server.certificates
    )
    assert answer.status == "0"
    text = answer.trailers[interop.LOAD_REPORT]
    got = messages.OrcaLoadReport.FromString(base64.b64decode(text + "=" * (-len(text) % 4)))
    assert got == messages.OrcaLoadReport(mem_utilization=0.5847, **asked)
