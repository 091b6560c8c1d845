"""ImportPhoneNumber with credentials in place of a provider: it is found, or made."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

import harness
import postgres
import world as worlds
from test_access import bearer
from world import ANSWER_MAX, deployment, refusal, request_id

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with deployment(stubs, tmp_path_factory.mktemp("credentials")) as world:
        yield world


def request(world, account, key, e164, region="us1", **members):
    v1 = world.v1
    twilio = v1.Provider.Twilio(
        account_sid=account["sid"], api_key_sid=key["sid"], api_key_secret=key["secret"])
    provider = v1.Provider(
        region=v1.Region.Value(f"REGION_{region.upper()}"), display_name="Inline", twilio=twilio)
    return v1.ImportPhoneNumberRequest(
        provider=provider, e164=e164, **{"request_id": request_id(), **members})


def bought(world, account):
    return world.carrier_number(account)["phone_number"]


def send(world, wanted, **options):
    return world.numbers.ImportPhoneNumber(wanted, timeout=ANSWER_MAX, **options).phone_number


def of_account(world, account):
    return [p for p in world.all_providers() if p.twilio.account_sid == account["sid"]]


def test_the_provider_is_made_then_found(world):
    account = world.account()
    key, second = world.key(account), world.key(account)
    wanted = request(world, account, key, bought(world, account))
    first = send(world, wanted)
    [made] = of_account(world, account)
    assert (made.id, made.display_name) == (first.provider_id, "Inline")
    assert made.twilio.has_api_key_secret and key["sid"] not in str(made)
    assert first.state == world.v1.PhoneNumber.STATE_ACTIVE
    assert send(world, wanted) == first
    # Another key of the account is tried, and not kept.
    again = send(world, request(world, account, second, bought(world, account)))
    assert again.provider_id == made.id
    assert of_account(world, account) == [made]
    # Another region is another provider.
    abroad = world.key(account, "ie1")
    there = send(world, request(world, account, abroad, bought(world, account), "ie1"))
    assert {p.id for p in of_account(world, account)} == {made.id, there.provider_id}
    for secret in (key["secret"], second["secret"], abroad["secret"]):
        assert secret not in world.server.output()
    assert world.call_in(first.e164)["errors"] == []


def test_credentials_that_the_carrier_refuses_link_nothing(world):
    account, other = world.account(), world.account()
    key, theirs = world.key(account), world.key(other)
    e164 = bought(world, account)
    wrong = request(world, account, key, e164)
    wrong.provider.twilio.api_key_secret = "wrong"
    for linked in (False, True):
        if linked:
            world.provider(account, key=key)
        before = of_account(world, account)
        for wanted, reason in (
            (wrong, "CARRIER_REFUSED_CREDENTIALS"),
            (request(world, account, theirs, e164), "ACCOUNT_MISMATCH"),
            (request(world, account, world.key(account, "ie1"), e164),
             "CARRIER_CREDENTIALS_OF_OTHER_REGION"),
        ):
            refused = refusal(world.numbers.ImportPhoneNumber, wanted)
            assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, reason)
        assert of_account(world, account) == before and len(before) == linked
    missing = request(world, other, theirs, world.fresh_e164())
    refused = refusal(world.numbers.ImportPhoneNumber, missing)
    assert refused.reason == "NUMBER_NOT_AT_CARRIER" and "prv_" not in refused.message
    assert of_account(world, other) == []


def test_a_check_alone_stores_nothing(world):
    account = world.account()
    wanted = request(world, account, world.key(account), bought(world, account),
                     validate_only=True)
    number = send(world, wanted)
    assert (number.id, number.provider_id, number.e164) == ("", "", wanted.e164)
    assert of_account(world, account) == []


def test_a_provider_is_made_for_who_may_make_one(world):
    account = world.account()
    key = world.key(account)
    v1 = world.v1
    made = world.tokens.CreateToken(v1.CreateTokenRequest(scopes=["numbers:write"]), timeout=30)
    harness.secrets.add(made.token_text)
    wanted = request(world, account, key, bought(world, account))
    shown = bearer(made.token_text)
    with pytest.raises(grpc.RpcError) as denied:
        send(world, wanted, metadata=shown)
    assert denied.value.code() is Code.PERMISSION_DENIED
    assert "providers:write" in denied.value.details()
    assert of_account(world, account) == []
    provider = world.provider(account, key=key)
    assert send(world, wanted, metadata=shown).provider_id == provider.id


def many_at_once(first, second):
    """Six numbers of one account come at the same time, half of them at another registry."""
    account = first.account()
    key = first.key(account)
    wanted = [request(first, account, key, bought(first, account)) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        numbers = list(pool.map(send, [first, second] * 3, wanted))
    [made] = of_account(first, account)
    assert {number.provider_id for number in numbers} == {made.id}
    assert {number.e164 for number in numbers} == {it.e164 for it in wanted}
    shown = first.v1.ListAuditEventsRequest(resource_type="provider", resource_id=made.id)
    events = first.audit_log.ListAuditEvents(shown, timeout=ANSWER_MAX).events
    assert [event.action for event in events] == ["create"]


def test_many_at_once_make_one_provider(world):
    many_at_once(world, world)


def test_many_at_once_make_one_provider_at_two_registries(stubs, sim, start_server, tmp_path):
    with postgres.Server(tmp_path / "pg") as database:
        database.make_database("trunkline")
        shared = {
            "roles": "registry", "keyring": tmp_path / "keyring", "auth": False,
            "webhook_address": f"127.0.0.1:{harness.free_port()}",
            "arguments": [f"--database={database.url('trunkline')}"],
        }  # fmt: skip
        servers = [start_server(name, **shared) for name in ("first", "second")]
        first, second = (worlds.World(stubs, sim, server) for server in servers)
        many_at_once(first, second)
        for it in (first, second):
            it.close()
        for server in servers:
            server.stop()


def test_the_command_line_links_and_imports(world, tmp_path):
    account = world.account()
    key = world.key(account)
    secret = tmp_path / "secret"
    secret.write_text(key["secret"])
    e164 = bought(world, account)
    told = harness.run_cli(
        "phone-numbers", "import", e164, "--account-sid", account["sid"], "--region", "us1",
        "--api-key-sid", key["sid"], "--api-key-secret-file", secret, address=world.server.address)
    assert told.returncode == 0, told.stderr
    [made] = of_account(world, account)
    assert made.id in told.stdout and e164 in told.stdout and key["secret"] not in told.stdout


def test_a_quota_leaves_neither(stubs, tmp_path):
    with deployment(stubs, tmp_path, arguments=["--quota=numbers=0"]) as world:
        account = world.account()
        refused = refusal(
            world.numbers.ImportPhoneNumber,
            request(world, account, world.key(account), bought(world, account)))
        assert (refused.code, refused.reason) == (Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
        assert of_account(world, account) == []
