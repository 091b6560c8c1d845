"""gRPC's interop cases against our interop-server, with clients that others wrote.

Which case is played by which client, and why some are not, stands in docs/interop.md.
"""

import base64
import json
import re
import subprocess

import pytest

import harness
import interop
import interop_cases
import raw_http2

MODES = ["plain", "tls"]
CPP_CASES = re.findall(
    r'^    \{"(\w+)"',
    (harness.ROOT / "Sources/Testing/BenchPeers/cpp_interop/client.cc").read_text(),
    re.MULTILINE,
)


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


@pytest.mark.parametrize("name", list(interop_cases.CASES))
def test_grpcio(server, messages, name):
    def open_channel():
        return interop.open_channel(server.address, server.certificates)

    with open_channel() as channel:
        interop_cases.CASES[name](interop_cases.Session(channel, messages, open_channel))


@pytest.fixture(scope="module")
def cpp_peers():
    return interop.build_cpp_peers()


@pytest.mark.parametrize("name", CPP_CASES)
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


# How many streams a connection has.


@pytest.fixture(scope="module", params=MODES)
def narrow_server(request, tmp_path_factory):
    """An interop-server that takes two streams on a connection."""
    folder = tmp_path_factory.mktemp(f"narrow-{request.param}")
    certificates = interop.Certificates(folder) if request.param == "tls" else None
    # In either spelling: gRPC's own flag, and the server's setting.
    spelling = "--setting=max-concurrent-streams=2" if certificates else "--max_concurrent_streams=2"
    process = interop.InteropServer(folder, certificates, [spelling]).start()
    yield process
    assert process.stop() == 0


@pytest.mark.parametrize("setting", ["no-such-bound=1", "max-connection-age=soon", "max-connection-age"])
def test_a_wrong_setting_is_said(setting):
    command = [str(harness.program("interop-server")), f"--setting={setting}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 64 and setting in result.stderr


def ask_peer(messages):
    request = messages.StreamingOutputCallRequest()
    request.response_parameters.add(size=1).fill_peer_socket_address.value = True
    return request


def test_max_concurrent_streams_connection_scaling(narrow_server, messages):
    """grpcio fills a connection, and makes another for the third call (gRFC A105)."""
    scaling = json.dumps({"connectionScaling": {"maxConnectionsPerSubchannel": 2}})
    options = [("grpc.service_config", scaling)]
    address, certificates = narrow_server.address, narrow_server.certificates
    with interop.open_channel(address, certificates, options) as channel:
        stub = interop.Stub(channel, messages)
        calls, peers = [], []
        for _ in range(3):
            requests = interop_cases.Requests()
            responses = stub.FullDuplexCall(iter(requests), timeout=interop_cases.TIMEOUT)
            # A call that nobody holds is cancelled.
            calls.append((requests, responses))
            requests.put(ask_peer(messages))
            peers.append(next(responses).peer_socket_address)
        for requests, responses in calls:
            requests.end()
            assert list(responses) == []
    assert peers[0] == peers[1] != peers[2]
    assert all(peer.startswith("ipv4:127.0.0.1:") for peer in peers)


# The compressed flag of each message, by hand.


def unary(server, body, headers=()):
    """UnaryCall with the framed message `body`; the answer."""
    return raw_http2.call(
        server.address, f"{interop.SERVICE}/UnaryCall", [body], server.certificates, headers=headers
    )


def large(messages, **fields):
    payload = messages.Payload(body=bytes(271828))
    request = messages.SimpleRequest(response_size=314159, payload=payload, **fields)
    return request.SerializeToString()


def bodies(answer, response):
    """Of each message whether it was compressed, and the size of its payload."""
    return [
        (message.is_compressed, len(response.FromString(message.body).payload.body))
        for message in answer.messages
    ]


GZIP = [("grpc-encoding", "gzip")]
TAKES_GZIP = [("grpc-accept-encoding", "identity,gzip")]


def test_client_compressed_unary(server, messages):
    expected = large(messages, expect_compressed=messages.BoolValue(value=True))
    unexpected = large(messages, expect_compressed=messages.BoolValue(value=False))
    plain, zipped = raw_http2.frame, raw_http2.compressed
    assert unary(server, plain(expected)).status == "3"
    # The call may compress and the message not.
    assert unary(server, plain(expected), GZIP).status == "3"
    assert unary(server, zipped(unexpected), GZIP).status == "3"
    for body in (zipped(expected), plain(unexpected)):
        answer = unary(server, body, GZIP)
        assert answer.status == "0"
        # The client takes no gzip: it gets none.
        assert bodies(answer, messages.SimpleResponse) == [(False, 314159)]


def test_client_compressed_streaming(server, messages):
    def request(size, is_expected):
        return messages.StreamingInputCallRequest(
            payload=messages.Payload(body=bytes(size)),
            expect_compressed=messages.BoolValue(value=is_expected),
        ).SerializeToString()

    def call(*framed):
        path = f"{interop.SERVICE}/StreamingInputCall"
        return raw_http2.call(server.address, path, framed, server.certificates, headers=GZIP)

    plain, zipped = raw_http2.frame, raw_http2.compressed
    assert call(plain(request(27182, True))).status == "3"
    assert call(zipped(request(27182, True)), zipped(request(45904, False))).status == "3"
    answer = call(zipped(request(27182, True)), plain(request(45904, False)))
    assert answer.status == "0"
    [message] = answer.messages
    response = messages.StreamingInputCallResponse.FromString(message.body)
    assert response.aggregated_payload_size == 73086


def test_server_compressed_unary(server, messages):
    for is_wanted in (True, False):
        body = large(messages, response_compressed=messages.BoolValue(value=is_wanted))
        answer = unary(server, raw_http2.frame(body), TAKES_GZIP)
        assert answer.status == "0"
        assert bodies(answer, messages.SimpleResponse) == [(is_wanted, 314159)]
        # A client that takes no gzip gets none, whatever it asks for.
        answer = unary(server, raw_http2.frame(body))
        assert bodies(answer, messages.SimpleResponse) == [(False, 314159)]


def test_server_compressed_streaming(server, messages):
    wanted = [(True, 31415), (False, 92653), (True, 10), (False, 0)]
    request = messages.StreamingOutputCallRequest()
    for is_wanted, size in wanted:
        request.response_parameters.add(size=size).compressed.value = is_wanted
    path = f"{interop.SERVICE}/StreamingOutputCall"
    framed = [raw_http2.frame(request.SerializeToString())]
    answer = raw_http2.call(server.address, path, framed, server.certificates, headers=TAKES_GZIP)
    assert answer.status == "0"
    assert bodies(answer, messages.StreamingOutputCallResponse) == wanted
