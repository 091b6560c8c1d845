"""trunklined over TLS, its gRPC settings, and its API by Connect and gRPC-Web."""

import json
import re
import ssl
import subprocess
import urllib.request

import grpc
import pytest

import harness
import interop


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return interop.Certificates(tmp_path_factory.mktemp("certificates"))


def list_agents(server, stubs, certificates, **pair):
    credentials = grpc.ssl_channel_credentials(certificates.ca.read_bytes(), **pair)
    options = [("grpc.ssl_target_name_override", interop.TLS_NAME)]
    with grpc.secure_channel(server.address, credentials, options) as channel:
        shown = (("authorization", f"Bearer {server.token}"),)
        request = stubs.v1.ListAgentsRequest()
        return stubs.v1.AgentServiceStub(channel).ListAgents(request, timeout=20, metadata=shown)


def test_the_api_over_tls(start_server, stubs, certificates):
    server = start_server(
        "tls", wait=False, arguments=[f"--tls-cert={certificates.cert}", f"--tls-key={certificates.key}"])
    harness.wait_until(lambda: server.check_running() and '"serving"' in server.output(), "trunklined")
    assert list(list_agents(server, stubs, certificates).agents) == []
    with grpc.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            stubs.v1.AgentServiceStub(channel).ListAgents(stubs.v1.ListAgentsRequest(), timeout=20)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    # The CLI, probes and metrics are on ports of their own; the certificate's end is a metric.
    with urllib.request.urlopen(f"http://{server.admin_address}/metrics", timeout=20) as answer:
        metrics = answer.read().decode()
    assert "grpc_server_tls_handshakes" in metrics
    [expiry] = re.findall(r"^trunkline_tls_certificate_expiry_timestamp_seconds (\S+)$", metrics, re.MULTILINE)
    assert float(expiry) == expiry_of(certificates.cert)


def expiry_of(certificate):
    """When it ends, in seconds since 1970, as openssl reads it."""
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(certificate), "-noout", "-enddate"],
        capture_output=True, text=True, timeout=60, check=True)
    return ssl.cert_time_to_seconds(shown.stdout.strip().split("=", 1)[1])


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--tls-cert=cert.pem"], "TLS needs both --tls-cert and --tls-key."),
        (["--tls-cert=/nowhere.pem", "--tls-key=/nowhere.key", "--listen=127.0.0.1:0"], "can't be read"),
        (["--grpc-setting=max-connection-age=soon"], "max-connection-age"),
        (["--grpc-setting=no-such-bound=1"], "no-such-bound"),
        (["--listen=0.0.0.0:0"], "Give --tls-cert and --tls-key"),
        (["--busy-poll=1001"], "from 0 to 1000"),
        (["--trace-ratio=2"], "from 0 to 1"),
        (["--trace-parents=some"], "none, all, or a number"),
    ],
)
def test_what_does_not_fit_is_said_at_the_start(tmp_path, arguments, complaint):
    command = [str(harness.program("trunklined")), "serve", "--data-dir", str(tmp_path / "data")]
    command += ["--webhook-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    assert result.returncode != 0 and complaint in result.stderr + result.stdout


def test_the_api_by_connect_and_grpc_web(start_server):
    server = start_server("web")
    method = f"http://{server.address}/trunkline.v1.AgentService/"
    shown = f"authorization: Bearer {server.token}"
    curl = ["curl", "-s", "--http2-prior-knowledge", "-H", shown]
    curl += ["-H", "content-type: application/json", "-d"]
    refused = subprocess.run(
        [*curl, '{"agent": {"noSuchField": 1}}', method + "CreateAgent"],
        capture_output=True, text=True, timeout=60, check=True)
    error = json.loads(refused.stdout)
    assert error["code"] == "invalid_argument" and "noSuchField" in error["message"]
    listed = subprocess.run(
        [*curl, "{}", method + "ListAgents"], capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(listed.stdout)
    assert answer == {}
    missing = subprocess.run(
        [*curl, '{"id": "nobody"}', method + "GetAgent"],
        capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(missing.stdout)["code"] == "not_found"
    for protocol in ("grpc", "grpcweb", "connect"):
        command = [str(harness.BUF), "curl", "--protocol", protocol, "--http2-prior-knowledge", "--reflect"]
        command += ["--header", shown, "--reflect-header", "*"]
        called = subprocess.run(
            [*command, "--data", "{}", method + "ListAgents"],
            capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(called.stdout) == answer
