"""LiveKit servers and SIP trunks as providers, against carrier-sim's LiveKit."""

import json

import grpc
import pytest

import harness
from world import ANSWER_MAX, deployment, refusal, request_id

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with deployment(stubs, tmp_path_factory.mktemp("types")) as world:
        yield world


def livekit(world, **members):
    """A provider of the simulator's LiveKit with a key of its own, not linked yet."""
    v1 = world.v1
    key = world.sim.control("POST", "/livekit/keys", {})
    gateway = v1.Provider.LiveKit(
        **{"url": world.sim.url("livekit"), "api_key": key["key"], "api_secret": key["secret"],
           **members})
    return v1.Provider(region=v1.REGION_US1, display_name="gateway", livekit=gateway)


def trunk(world, address, gateway=None, **members):
    v1 = world.v1
    config = v1.Provider.SipTrunk(
        outbound=v1.Provider.SipTrunk.Outbound(
            address=address, transport="SIP_TRANSPORT_TLS",
            media_encryption="MEDIA_ENCRYPTION_REQUIRED", headers={"X-Line": "one"},
            username="line", password="outbound password"),
        inbound=v1.Provider.SipTrunk.Inbound(
            allowed_addresses=["192.0.2.0/24"], allowed_numbers=["+15005550009"]),
        gateway_provider_id=gateway.id if gateway else "")
    return v1.Provider(region=v1.REGION_US1, display_name="trunk", sip_trunk=config, **members)


def create(world, provider):
    request = world.v1.CreateProviderRequest(provider=provider, request_id=request_id())
    return world.providers.CreateProvider(request, timeout=ANSWER_MAX).provider


def refused(world, provider):
    return refusal(
        world.providers.CreateProvider, world.v1.CreateProviderRequest(provider=provider))


def test_each_type_is_linked_and_listed(world):
    v1 = world.v1
    twilio = world.provider(world.account())
    gateway = create(world, livekit(world))
    assert gateway.livekit.url == world.sim.url("livekit")
    assert gateway.livekit.has_api_secret and not gateway.livekit.HasField("api_secret")
    assert "****" in gateway.livekit.api_key
    assert [c.reason for c in gateway.conditions] == ["ACCEPTED"]
    made = create(world, trunk(world, "SIP.one.example:5061", gateway))
    assert made.sip_trunk.outbound.address == "sip.one.example:5061"
    assert made.sip_trunk.outbound.has_password
    assert not made.sip_trunk.outbound.HasField("password")
    assert made.sip_trunk.inbound.media_encryption == v1.MEDIA_ENCRYPTION_ALLOWED
    assert made.sip_trunk.gateway_provider_id == gateway.id
    for kind, provider in (
        ("TWILIO", twilio), ("LIVEKIT", gateway), ("SIP_TRUNK", made),
    ):
        request = v1.ListProvidersRequest(type=f"PROVIDER_TYPE_{kind}", page_size=200)
        listed = world.providers.ListProviders(request, timeout=ANSWER_MAX).providers
        assert provider.id in [p.id for p in listed]
        assert {p.WhichOneof("config") for p in listed} == {kind.lower()}
    # Each once; the remedy is named.
    again = refused(world, trunk(world, "sip.one.example:5061"))
    assert (again.code, again.reason) == (Code.ALREADY_EXISTS, "PROVIDER_EXISTS")
    assert again.info.metadata["provider_id"] == made.id


def test_what_is_wrong_with_a_livekit_is_told_apart(world, start_stranger):
    good = livekit(world).livekit
    expected = {
        "GATEWAY_KEY_UNKNOWN": {"api_key": "APInobodysKey"},
        "GATEWAY_SECRET_WRONG": {"api_key": good.api_key, "api_secret": "wrong"},
        "GATEWAY_UNREACHABLE": {"url": f"http://127.0.0.1:{harness.free_port()}"},
        "GATEWAY_NOT_LIVEKIT": {"url": start_stranger},
    }
    for reason, members in expected.items():
        answer = refused(world, livekit(world, **members))
        code = Code.UNAVAILABLE if reason == "GATEWAY_UNREACHABLE" else Code.FAILED_PRECONDITION
        assert (answer.code, answer.reason) == (code, reason), answer
        assert "Check" in answer.message
    # A key that may not see trunks. The simulator's keys may all, so that it is told to say no.
    world.sim.control("POST", "/faults", {
        "kind": "status", "path": "*/ListSIPInboundTrunk", "status": 403, "count": 1})
    answer = refused(world, livekit(world))
    assert (answer.code, answer.reason) == (Code.FAILED_PRECONDITION, "GATEWAY_NOT_PERMITTED")
    assert "sip.admin" in answer.message


@pytest.fixture(scope="module")
def start_stranger(world):
    """An HTTP server that is no LiveKit: the simulator's own control API."""
    return world.sim.url("control")


@pytest.mark.parametrize("url, field", [
    ("https://livekit.example/path", "provider.livekit.url"),
    ("http://livekit.example", "provider.livekit.url"),
    ("wss://livekit.example", "provider.livekit.url"),
])
def test_an_address_is_scheme_host_and_port(world, url, field):
    answer = refused(world, livekit(world, url=url))
    assert answer.code == Code.INVALID_ARGUMENT
    assert answer.fields == [field]


def test_nothing_is_dropped_silently(world):
    wanted = trunk(world, "sip.dropped.example")
    wanted.sip_trunk.inbound.remote_domains.append("carrier.example")
    wanted.sip_trunk.inbound.allowed_numbers.append("+1500*")
    wanted.sip_trunk.outbound.headers["Via"] = "x"
    answer = refused(world, wanted)
    assert answer.code == Code.INVALID_ARGUMENT
    assert set(answer.fields) == {
        "provider.sip_trunk.inbound.remote_domains",
        "provider.sip_trunk.inbound.allowed_numbers",
        "provider.sip_trunk.outbound.headers",
    }


def test_a_gateway_in_use_stays(world):
    v1 = world.v1
    gateway = create(world, livekit(world))
    made = create(world, trunk(world, "sip.gateway.example", gateway))
    delete = v1.DeleteProviderRequest(id=gateway.id)
    answer = refusal(world.providers.DeleteProvider, delete)
    assert (answer.code, answer.reason) == (Code.FAILED_PRECONDITION, "GATEWAY_IN_USE")
    world.providers.DeleteProvider(v1.DeleteProviderRequest(id=made.id), timeout=ANSWER_MAX)
    world.providers.DeleteProvider(delete, timeout=ANSWER_MAX)
    other = world.provider(world.account())
    answer = refused(world, trunk(world, "sip.gateway.example", other))
    assert (answer.code, answer.reason) == (Code.FAILED_PRECONDITION, "NOT_A_GATEWAY")


def test_what_needs_an_account_says_so(world):
    v1 = world.v1
    gateway = create(world, livekit(world))
    calls = [
        (world.providers.ListProviderNumbers, v1.ListProviderNumbersRequest(provider_id=gateway.id)),
        (world.providers.SyncProvider, v1.SyncProviderRequest(id=gateway.id)),
        (world.providers.StageCredential, v1.StageCredentialRequest(
            id=gateway.id, twilio=v1.Provider.Twilio(auth_token="token"))),
        (world.numbers.ImportPhoneNumber, v1.ImportPhoneNumberRequest(
            provider_id=gateway.id, e164="+15005550006")),
    ]
    for call, request in calls:
        answer = refusal(call, request)
        assert (answer.code, answer.reason) == (
            Code.FAILED_PRECONDITION, "PROVIDER_TYPE_UNSUITED"), answer
        assert answer.info.metadata["type"] == "livekit"
    for call, request in (
        (world.providers.PromoteCredential, v1.PromoteCredentialRequest(id=gateway.id)),
        (world.providers.RollbackCredential, v1.RollbackCredentialRequest(id=gateway.id)),
    ):
        assert refusal(call, request).reason == "CREDENTIAL_NOT_STAGED"


def test_the_command_line_links_and_changes(world, tmp_path):
    address = world.server.address
    key = world.sim.control("POST", "/livekit/keys", {})
    secret = tmp_path / "secret"
    secret.write_text(key["secret"] + "\n")

    def run(*arguments, code=0):
        done = harness.run_cli(*arguments, address=address)
        assert done.returncode == code, done.stderr
        return done.stdout

    def made(*arguments):
        return json.loads(run("providers", "create", "--region=us1", "-o", "json", *arguments))["provider"]

    gateway = made(
        "--type=livekit", f"--url={world.sim.url('livekit')}", f"--api-key={key['key']}",
        f"--api-secret-file={secret}")
    secret.write_text("password")
    line = made(
        "--type=sip-trunk", "--address=sip.cli.example", "--transport=tls", "--header=X-Line=one",
        "--username=out", f"--password-file={secret}", "--allowed-address=192.0.2.7",
        f"--gateway={gateway['id']}")
    shown = run("providers", "get", line["id"])
    assert "sip.cli.example" in shown and "X-Line=one" in shown and gateway["id"] in shown
    assert line["id"] in run("providers", "ls", "--type=sip-trunk")
    assert line["id"] not in run("providers", "ls", "--type=twilio")
    run("providers", "delete", gateway["id"], code=6)
    run("providers", "update", line["id"], "--gateway=")
    run("providers", "update", line["id"], "--name=renamed")
    run("providers", "validate", gateway["id"])
    run("providers", "delete", gateway["id"])
    assert "renamed" in run("providers", "get", line["id"])
