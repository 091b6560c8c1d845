"""The life of tokens and of what they lead to: the first start, certificates, limits, the audit log."""

import concurrent.futures
import datetime
import json
import os
import stat
import subprocess
import types
import urllib.request

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

import harness
import interop
from test_access import bearer, forged
from world import Refusal, deployment, refusal

CODE = grpc.StatusCode


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with deployment(stubs, tmp_path_factory.mktemp("tokens")) as world:
        yield world


def agents_of(stubs, channel):
    return stubs.v1.AgentServiceStub(channel)


def list_agents(stubs, server, token=None):
    """The code that ListAgents gets with a token, or without."""
    with server.bare_channel() as channel:
        try:
            agents_of(stubs, channel).ListAgents(
                stubs.v1.ListAgentsRequest(), timeout=30, metadata=bearer(token) if token else ())
        except grpc.RpcError as error:
            return error.code()
    return CODE.OK


def make_agent(stubs, agents, id):
    agent = stubs.v1.Agent(id=id)
    agent.connections.add().media_stream.url = "wss://agent.example/stream"
    return agents.CreateAgent(stubs.v1.CreateAgentRequest(agent=agent), timeout=30)


# The first start


def test_the_first_token_is_written_once_for_its_owner_alone(start_server, stubs):
    server = start_server("first")
    first = server.token
    assert stat.S_IMODE(os.stat(server.token_file).st_mode) == 0o600
    assert list_agents(stubs, server, first) == CODE.OK
    server.stop()
    server.token_file.unlink()
    server.start()
    # There are tokens: none is made, and the first one is as good as before.
    assert not server.token_file.exists()
    assert list_agents(stubs, server, first) == CODE.OK
    assert list_agents(stubs, server) == CODE.UNAUTHENTICATED
    assert first not in server.output()


def test_a_caller_without_a_good_token_is_told_of_the_scheme(world):
    """RFC 6750, section 3: in the headers of an HTTP answer, and in what trails a gRPC answer."""
    server, v1 = world.server, world.v1
    invalid = 'Bearer error="invalid_token"'
    for token, challenge in ((None, "Bearer"), (forged(), invalid)):
        with server.bare_channel() as channel, pytest.raises(grpc.RpcError) as caught:
            v1.AgentServiceStub(channel).ListAgents(
                v1.ListAgentsRequest(), timeout=30, metadata=bearer(token) if token else ())
        assert caught.value.code() == CODE.UNAUTHENTICATED
        assert dict(caught.value.trailing_metadata())["www-authenticate"] == challenge
        authorization = ["-H", f"authorization: Bearer {token}"] if token else []
        answer = subprocess.run(
            [
                "curl", "-sS", "--http2-prior-knowledge", "-i", "-H", "content-type: application/json",
                *authorization, "--data", "{}",
                f"http://{server.address}/trunkline.v1.AgentService/ListAgents",
            ],
            capture_output=True, text=True, timeout=60, check=True).stdout  # fmt: skip
        head = answer.partition("\n\n")[0].splitlines()
        assert head[0].split()[1] == "401"
        assert f"www-authenticate: {challenge}" in head
        assert not [line for line in head if line.startswith("trailer-www-authenticate")]


def test_a_lost_administrator_is_replaced_when_that_is_asked_for(start_server, stubs):
    server = start_server("lost")
    first = server.token
    server.stop()
    server.token_file.unlink()
    server.arguments.append("--new-admin-token")
    server.start()
    assert server.token != first
    assert list_agents(stubs, server, server.token) == list_agents(stubs, server, first) == CODE.OK
    listed = harness.run_cli("tokens", "ls", "-o", "json", address=server.address)
    assert listed.returncode == 0, listed.stderr
    expiries = [token.get("expireTime") for token in json.loads(listed.stdout)["tokens"]]
    assert len(expiries) == 2 and expiries.count(None) == 1
    assert "take the flag away" in server.output()


def test_without_a_file_the_token_is_printed_and_not_logged(tmp_path, stubs):
    address = f"127.0.0.1:{harness.free_port()}"
    command = [str(harness.program("trunklined")), "serve", "--data-dir", str(tmp_path / "data")]
    command += [f"--listen={address}", "--webhook-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"]
    with (tmp_path / "out").open("wb") as out, (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=out, stderr=log)
        try:
            harness.wait_until(lambda: harness.is_serving(address), "trunklined")
        finally:
            process.terminate()
            process.wait(harness.STOP_MAX)
    printed = [line for line in (tmp_path / "out").read_text().splitlines() if "trk_" in line]
    assert len(printed) == 1 and printed[0].startswith("trk_") and len(printed[0]) == 86
    assert "trk_" not in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (["--auth=off", "--listen=0.0.0.0:0"], "--auth off all of them are the operator"),
        (["--identities=x"], "it needs --tls-client-ca"),
        (["--auth=maybe"], "--auth"),
        (["--quota=tables=1"], "--quota"),
        (["--rate-limit=0"], "--rate-limit"),
        (["--registry-token-file=x"], "for a dispatch alone"),
        (
            ["--roles=dispatch", "--registry=registry.example:1", "--registry-token-file=x"],
            "for others to read",
        ),
    ],
)
def test_what_is_not_safe_is_refused_at_the_start(tmp_path, arguments, complaint):
    command = [str(harness.program("trunklined")), "serve", "--data-dir", str(tmp_path / "data")]
    result = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    assert result.returncode == 64 and complaint in result.stderr


def test_off_a_token_that_is_not_good_is_not_overlooked(start_server, stubs):
    server = start_server("off", auth=False)
    assert list_agents(stubs, server) == CODE.OK
    assert list_agents(stubs, server, forged()) == CODE.UNAUTHENTICATED
    assert "need not say who they are" in server.output()


# Tokens


def test_a_token_expires_and_notes_its_last_use(world):
    v1, tokens = world.v1, world.v1.TokenServiceStub(world.server.channel())
    request = v1.CreateTokenRequest(scopes=["agents:read"])
    request.expire_time.FromDatetime(
        datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3))
    made = tokens.CreateToken(request, timeout=30)
    harness.secrets.add(made.token_text)

    stubs = types.SimpleNamespace(v1=v1)
    assert list_agents(stubs, world.server, made.token_text) == CODE.OK

    def listed():
        answer = tokens.ListTokens(v1.ListTokensRequest(), timeout=30)
        return next(token for token in answer.tokens if token.id == made.token.id)

    harness.wait_until(lambda: listed().HasField("last_use_time"), "the last use")
    harness.wait_until(
        lambda: list_agents(stubs, world.server, made.token_text) == CODE.UNAUTHENTICATED,
        "the token's end", 30)
    with world.server.bare_channel() as channel:
        call = agents_of(stubs, channel).ListAgents
        with pytest.raises(grpc.RpcError) as caught:
            call(v1.ListAgentsRequest(), timeout=30, metadata=bearer(made.token_text))
    assert Refusal(caught.value).reason == "TOKEN_EXPIRED"


def test_revoking_ends_a_token_at_once_for_calls_that_come(world):
    v1, tokens = world.v1, world.v1.TokenServiceStub(world.server.channel())
    made = tokens.CreateToken(v1.CreateTokenRequest(scopes=["agents:read"]), timeout=30)
    harness.secrets.add(made.token_text)
    with world.server.bare_channel() as channel:
        call = world.v1.AgentServiceStub(channel).ListAgents
        call(v1.ListAgentsRequest(), timeout=30, metadata=bearer(made.token_text))
        tokens.RevokeToken(v1.RevokeTokenRequest(id=made.token.id), timeout=30)
        with pytest.raises(grpc.RpcError) as caught:
            call(v1.ListAgentsRequest(), timeout=30, metadata=bearer(made.token_text))
    assert caught.value.code() == CODE.UNAUTHENTICATED


def test_a_repeated_creation_makes_one_token_and_shows_no_text(world):
    v1, tokens = world.v1, world.v1.TokenServiceStub(world.server.channel())
    request = v1.CreateTokenRequest(scopes=["calls:read"], tenant_id="new", request_id="once")
    first, again = (tokens.CreateToken(request, timeout=30) for _ in range(2))
    harness.secrets.add(first.token_text)
    assert first.token == again.token and first.token_text and not again.token_text
    request.scopes.append("admin")
    assert refusal(tokens.CreateToken, request).fields == ["request_id"]


def test_the_cli_makes_lists_and_revokes(world):
    address = world.server.address
    made = harness.run_cli(
        "tokens", "create", "--name=x", "--scopes=agents:read", "-o", "json", address=address)
    assert made.returncode == 0, made.stderr
    answer = json.loads(made.stdout)
    harness.secrets.add(answer["tokenText"])
    environment = {"TRUNKLINE_TOKEN": answer["tokenText"]}
    id = answer["token"]["id"]
    assert id in harness.run_cli("tokens", "ls", address=address).stdout
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRUNKLINE_")}
    command = [str(harness.program("trunkline")), "agents", "ls", f"--server={address}"]
    for expected in (0, 7):
        result = subprocess.run(
            command, env=clean | environment, capture_output=True, text=True, timeout=60)
        assert result.returncode == expected, result.stderr
        harness.run_cli("tokens", "revoke", id, address=address)
    assert "TOKEN_INVALID" in result.stderr and answer["tokenText"] not in result.stderr
    audit = harness.run_cli("audit", "ls", f"--resource={id}", "-o", "json", address=address)
    events = json.loads(audit.stdout)["events"]
    assert [event["action"] for event in events] == ["revoke", "create"]
    assert answer["tokenText"] not in audit.stdout


# Open services


def test_health_is_open_and_reflection_is_as_it_is_told(start_server):
    server = start_server("closed")
    assert harness.is_serving(server.address)
    command = [str(harness.BUF), "curl", "--protocol", "grpc", "--http2-prior-knowledge"]
    listing = [*command, "--list-services", f"http://{server.address}"]
    closed = subprocess.run(listing, capture_output=True, text=True, timeout=60)
    assert closed.returncode != 0 and "not authenticated" in closed.stderr
    opened = start_server("open", arguments=["--public-services=health,reflection"])
    listing[-1] = f"http://{opened.address}"
    shown = subprocess.run(listing, capture_output=True, text=True, timeout=60)
    assert "trunkline.v1.TokenService" in shown.stdout, shown.stderr


def test_a_token_is_good_by_connect_and_grpc_web(start_server):
    server = start_server("web")
    url = f"http://{server.address}/trunkline.v1.AgentService/ListAgents"
    curl = ["curl", "-s", "--http2-prior-knowledge", "-H", "content-type: application/json"]
    # Again and again: an answer that comes before the request's end is one that curl may throw away.
    for _ in range(30):
        none = subprocess.run(
            [*curl, "-i", "-d", "{", url], capture_output=True, text=True, timeout=60, check=True)
        assert "401" in none.stdout.splitlines()[0]
        assert '"unauthenticated"' in none.stdout
    good = subprocess.run(
        [*curl, "-H", f"authorization: Bearer {server.token}", "-d", "{}", url],
        capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(good.stdout) == {}


# Certificates


def test_certificates_are_mapped_and_the_map_is_read_anew(start_server, stubs, tmp_path):
    certificates = interop.Certificates(tmp_path)
    identities = tmp_path / "identities"
    identities.write_text("nobody.example main admin\n")
    server = start_server("mtls", wait=False, arguments=[
        f"--tls-cert={certificates.cert}", f"--tls-key={certificates.key}",
        f"--tls-client-ca={certificates.ca}", f"--identities={identities}"])
    harness.wait_until(lambda: server.check_running() and '"serving"' in server.output(), "trunklined")
    credentials = grpc.ssl_channel_credentials(
        certificates.ca.read_bytes(), certificates.key.read_bytes(), certificates.cert.read_bytes())
    options = [("grpc.ssl_target_name_override", interop.TLS_NAME)]
    with grpc.secure_channel(server.address, credentials, options) as channel:
        agents = agents_of(stubs, channel)
        refused = refusal(agents.ListAgents, stubs.v1.ListAgentsRequest())
        assert (refused.code, refused.reason) == (CODE.UNAUTHENTICATED, "IDENTITY_UNKNOWN")
        names = _names(certificates.cert)
        identities.write_text(f"{names[0]} main agents:read\n")

        def listed():
            try:
                agents.ListAgents(stubs.v1.ListAgentsRequest(), timeout=30)
            except grpc.RpcError:
                return False
            return True

        harness.wait_until(listed, "the new identities")
        with pytest.raises(grpc.RpcError) as caught:
            make_agent(stubs, agents, "x")
        assert Refusal(caught.value).reason == "SCOPE_MISSING"
        # What can't be read changes nothing, and is said.
        identities.write_text("broken\n")
        harness.wait_until(lambda: "identities' file changed" in server.output(), "the complaint")
        assert listed()


def _names(certificate):
    """The DNS names of a certificate."""
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(certificate)],
        capture_output=True, text=True, check=True).stdout
    return [part.split("DNS:")[1].strip() for part in text.split(",") if "DNS:" in part]


# Quotas and rates


def test_a_quota_holds_against_clients_in_parallel(start_server, stubs):
    server = start_server("quota", arguments=["--quota=agents=3,tokens=2"])
    with server.channel() as channel:
        agents = agents_of(stubs, channel)

        def attempt(index):
            try:
                make_agent(stubs, agents, f"a{index}")
            except grpc.RpcError as error:
                return error
            return None

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            refused = [error for error in pool.map(attempt, range(12)) if error]
        assert len(refused) == 9
        assert len(agents.ListAgents(stubs.v1.ListAgentsRequest(), timeout=30).agents) == 3
        for error in refused:
            assert error.code() == CODE.RESOURCE_EXHAUSTED
            assert Refusal(error).reason == "QUOTA_EXCEEDED"
            failure = error_details_pb2.QuotaFailure()
            details = rpc_status.from_call(error).details
            assert any(detail.Unpack(failure) for detail in details)
            assert failure.violations[0].subject == "agents"
        agents.DeleteAgent(
            stubs.v1.DeleteAgentRequest(
                id=agents.ListAgents(stubs.v1.ListAgentsRequest()).agents[0].id), timeout=30)
        make_agent(stubs, agents, "again")
        tokens = stubs.v1.TokenServiceStub(channel)
        request = stubs.v1.CreateTokenRequest(scopes=["calls:read"])
        harness.secrets.add(tokens.CreateToken(request, timeout=30).token_text)
        assert refusal(tokens.CreateToken, request).reason == "QUOTA_EXCEEDED"
        numbers = stubs.v1.PhoneNumberServiceStub(channel)
        told = numbers.GetQuota(stubs.v1.GetQuotaRequest(), timeout=30).quotas
        bounds = {q.name: (q.used, q.limit if q.HasField("limit") else None) for q in told}
        assert bounds == {
            "providers": (0, None), "numbers": (0, None), "agents": (3, 3), "tokens": (2, 2),
            "platform_numbers": (0, 0)}
    shown = harness.run_cli("phone-numbers", "quota", address=server.address).stdout
    assert ["agents", "3", "3"] in [line.split() for line in shown.splitlines()]


def test_a_tenant_that_calls_too_often_is_told_to_wait(start_server, stubs):
    server = start_server("rate", arguments=["--rate-limit=5"])
    with server.channel() as channel:
        agents = agents_of(stubs, channel)
        limited = None
        for _ in range(200):
            try:
                agents.ListAgents(stubs.v1.ListAgentsRequest(), timeout=30)
            except grpc.RpcError as error:
                limited = Refusal(error)
                break
    assert limited is not None and limited.code == CODE.RESOURCE_EXHAUSTED
    assert limited.reason == "RATE_LIMITED"
    assert 0 < limited.retry.retry_delay.ToTimedelta().total_seconds() <= 1
    # Health has no tenant.
    assert harness.is_serving(server.address)


# The audit log


def test_the_audit_log_tells_who_changed_what(world):
    v1 = world.v1
    log = v1.AuditServiceStub(world.server.channel())
    account = world.account()
    key = world.key(account)
    number = world.number_of(account=account, assigned=False)
    agent = world.agent()
    world.assign(number, agent)
    world.unassign(number)
    world.delete_number(number)

    def events(**filter):
        found, token = [], ""
        while True:
            request = v1.ListAuditEventsRequest(page_size=2, page_token=token, **filter)
            answer = log.ListAuditEvents(request, timeout=30)
            found += answer.events
            token = answer.next_page_token
            if not token:
                return found

    history = [(event.action, event.principal.split(":")[0]) for event in events(resource_id=number.id)]
    assert history[::-1] == [
        ("import", "token"), ("update", "system"), ("assign", "token"), ("unassign", "token"),
        ("delete", "token"), ("delete", "system"),
    ]
    assigned, = events(resource_id=number.id, action="assign")
    assert [(c.field, c.old_value, c.new_value) for c in assigned.changes] == [("agent_id", "", agent.id)]
    assert assigned.peer.startswith("ipv4:127.0.0.1:") and assigned.principal.startswith("token:tok_")
    assert assigned.method == "trunkline.v1.PhoneNumberService/AssignPhoneNumber"
    created, = events(resource_type="provider", action="create")
    secrets = {change.field: change.new_value for change in created.changes}
    assert secrets["twilio.api_key_secret"] == "set"
    everything = b"".join(event.SerializeToString() for event in events())
    for secret in (key["secret"], world.server.token, *harness.secrets):
        assert secret.encode() not in everything
    times = [event.time.ToNanoseconds() for event in events()]
    assert times == sorted(times, reverse=True)


def test_no_metric_holds_a_token(world):
    with urllib.request.urlopen(f"http://{world.server.admin_address}/metrics", timeout=20) as answer:
        assert "trk_" not in answer.read().decode()
