"""Numbers by trunk: what is made for them at the carrier and at LiveKit, and that all of it goes again."""

import json

import grpc
import pytest
import requests
from livekit.api import AccessToken, SIPGrants

import harness
from harness import wait_until
from world import ANSWER_MAX, deployment, refusal, request_id


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with deployment(stubs, tmp_path_factory.mktemp("trunk")) as world:
        yield world


def inventory(world):
    return world.sim.control("GET", "/inventory")


def held(world, region="us1", **members):
    """An account with a number that somebody set up, its provider, and the number."""
    account = world.account()
    records = {r: {"voice_url": f"https://{r}.example/voice"} for r in harness.REGIONS}
    number = world.carrier_number(account, configurations=records, **members)
    return account, world.provider(account, region), number


def ours(world, number, entries):
    return [entry for entry in entries if number.id in json.dumps(entry)]


def field(entry, name):
    """LiveKit's JSON, whichever way its names are written."""
    first, *rest = name.split("_")
    return entry.get(name, entry.get(first + "".join(word.capitalize() for word in rest)))


def plant(world, e164):
    """Makes a trunk at LiveKit that takes calls to a number, and is not ours."""
    key = world.sim.control("POST", "/livekit/keys", {})
    token = AccessToken(key["key"], key["secret"]).with_sip_grants(SIPGrants(admin=True)).to_jwt()
    answer = requests.post(
        f"{world.sim.url('livekit')}/twirp/livekit.SIP/CreateSIPInboundTrunk",
        json={"trunk": {"name": "theirs", "numbers": [e164]}},
        headers={"authorization": f"Bearer {token}"}, timeout=ANSWER_MAX)
    assert answer.ok, answer.text


@pytest.mark.parametrize("region", harness.REGIONS)
def test_all_is_made_and_goes_again(world, region):
    account, provider, at_carrier = held(world, region, voice_region="au1")
    gateway = world.gateway(region)
    before = inventory(world)
    number = world.import_by_trunk(provider, gateway, at_carrier["phone_number"])
    v1 = world.v1
    assert number.state == v1.PhoneNumber.STATE_ACTIVE
    assert (number.ingress, number.gateway_provider_id) == (v1.PhoneNumber.INGRESS_TRUNK, gateway.id)
    name = f"trunkline-{number.id}"
    made = {
        v1.PhoneNumber.Leftover.Type.Name(resource.type): resource for resource in number.resources}
    assert set(made) == {
        "TYPE_TRUNK", "TYPE_CREDENTIAL_LIST", "TYPE_CREDENTIAL", "TYPE_TRUNK_CREDENTIAL_LIST",
        "TYPE_ORIGINATION_URL", "TYPE_GATEWAY_INBOUND_TRUNK", "TYPE_GATEWAY_OUTBOUND_TRUNK",
        "TYPE_DISPATCH_RULE",
    }  # fmt: skip
    assert {resource.name for resource in number.resources} == {name}

    at = inventory(world)
    [trunk] = ours(world, number, at["trunks"])
    [credentials] = ours(world, number, at["credential_lists"])
    [credential] = credentials["credentials"]
    livekit = at["livekit"]
    [inbound] = ours(world, number, livekit["inbound_trunks"])
    [outbound] = ours(world, number, livekit["outbound_trunks"])
    [rule] = ours(world, number, livekit["dispatch_rules"])
    assert trunk["sid"] == made["TYPE_TRUNK"].external_id and trunk["friendly_name"] == name
    [url] = trunk["origination_urls"]
    assert url["sip_url"] == "sip:127.0.0.1;transport=tcp"
    assert trunk["credential_lists"] == [credentials["sid"]]
    assert trunk["phone_numbers"] == [at_carrier["sid"]]
    # Both ends have one user and one password.
    assert field(outbound, "auth_username") == credential["username"]
    assert field(outbound, "auth_password") == credential["password"]
    assert outbound["address"] == trunk["domain_name"]
    assert inbound["numbers"] == outbound["numbers"] == [at_carrier["phone_number"]]
    assert field(rule, "trunk_ids") == [made["TYPE_GATEWAY_INBOUND_TRUNK"].external_id]
    assert number.id in json.dumps(rule["rule"]) and number.id in json.dumps(rule["attributes"])
    record = world.at_carrier(at_carrier["sid"])
    assert record["voice_region"] == region
    assert record["configurations"][region]["trunk_sid"] == trunk["sid"]
    # What is stored and told holds no password.
    assert credential["password"] not in str(number)

    world.delete_number(number)
    after = inventory(world)
    # Set and not set back is us1, or what it was.
    assert after == before
    assert refusal(world.numbers.GetPhoneNumber, v1.GetPhoneNumberRequest(id=number.id)).code == (
        grpc.StatusCode.NOT_FOUND)


def test_a_number_that_only_calls_out_touches_nothing_of_its_own(world):
    account, provider, at_carrier = held(world)
    before = world.at_carrier(at_carrier["sid"])
    number = world.import_by_trunk(
        provider, world.gateway(), at_carrier["phone_number"], supports_inbound=False)
    assert world.at_carrier(at_carrier["sid"]) == before
    assert len(number.resources) == 5 and not number.HasField("former")
    [trunk] = ours(world, number, inventory(world)["trunks"])
    assert trunk["origination_urls"] == trunk["phone_numbers"] == []
    world.delete_number(number)
    assert ours(world, number, inventory(world)["trunks"]) == []
    assert world.at_carrier(at_carrier["sid"]) == before


def test_another_trunk_at_the_gateway_undoes_all(world):
    account, provider, at_carrier = held(world)
    gateway = world.gateway()
    plant(world, at_carrier["phone_number"])
    before = inventory(world)
    refused = refusal(world.numbers.ImportPhoneNumber, world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=at_carrier["phone_number"], request_id=request_id(),
        ingress=world.v1.PhoneNumber.INGRESS_TRUNK, gateway_provider_id=gateway.id))
    assert (refused.code, refused.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION, "CARRIER_CONFLICT"), refused
    assert inventory(world) == before


def test_it_keeps_its_gateway_region_and_directions(world):
    account, provider, at_carrier = held(world)
    gateway = world.gateway()
    number = world.import_by_trunk(provider, gateway, at_carrier["phone_number"])
    v1 = world.v1
    other = world.provider(account, "ie1")
    moving = refusal(
        world.numbers.MovePhoneNumber, v1.MovePhoneNumberRequest(id=number.id, provider_id=other.id))
    changed = v1.PhoneNumber(id=number.id, supports_outbound=False)
    update = v1.UpdatePhoneNumberRequest(phone_number=changed)
    update.update_mask.paths.append("supports_outbound")
    turning = refusal(world.numbers.UpdatePhoneNumber, update)
    for refused in (moving, turning):
        assert (refused.code, refused.reason) == (
            grpc.StatusCode.FAILED_PRECONDITION, "PHONE_NUMBER_ON_TRUNK"), refused
        assert "import it anew" in refused.message
    unlinking = refusal(
        world.providers.DeleteProvider, v1.DeleteProviderRequest(id=gateway.id))
    assert (unlinking.code, unlinking.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION, "GATEWAY_IN_USE"), unlinking
    # An agent may have it, as any number.
    assert world.assign(number, world.agent()).agent_id
    world.delete_number(world.unassign(number))
    world.providers.DeleteProvider(v1.DeleteProviderRequest(id=gateway.id), timeout=ANSWER_MAX)


def test_only_livekit_can_be_a_gateway(world):
    _, provider, at_carrier = held(world)
    refused = refusal(world.numbers.ImportPhoneNumber, world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=at_carrier["phone_number"], request_id=request_id(),
        ingress=world.v1.PhoneNumber.INGRESS_TRUNK, gateway_provider_id=provider.id))
    assert (refused.code, refused.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION, "NOT_A_GATEWAY"), refused


def test_what_somebody_takes_apart_is_seen_and_repaired(world):
    account, provider, at_carrier = held(world)
    number = world.import_by_trunk(provider, world.gateway(), at_carrier["phone_number"])
    trunk = number.resources[0].external_id
    world.sim.control("POST", f"/numbers/{at_carrier['sid']}", {
        "configurations": {"us1": {"trunk_sid": ""}}})
    v1 = world.v1
    sync = v1.SyncProviderRequest(id=provider.id, request_id=request_id())
    operation = world.providers.SyncProvider(sync, timeout=ANSWER_MAX).operation
    world.operations.WaitOperation(v1.WaitOperationRequest(id=operation.id), timeout=ANSWER_MAX)
    seen = world.number(number.id)
    assert seen.state == v1.PhoneNumber.STATE_DEGRADED
    assert [condition.reason for condition in seen.conditions] == ["TRUNK_DETACHED"]
    outcome = harness.run_cli(
        "phone-numbers", "repair", number.id, "--wait", address=world.server.address)
    if outcome.returncode:
        outcome = harness.run_cli("phone-numbers", "repair", number.id, address=world.server.address)
    assert outcome.returncode == 0, outcome.stderr
    wait_until(
        lambda: world.number(number.id).state == v1.PhoneNumber.STATE_ACTIVE, "the repair")
    record = world.at_carrier(at_carrier["sid"])
    assert record["configurations"]["us1"]["trunk_sid"] == trunk
    world.delete_number(number)


def test_the_command_line_imports_by_trunk(world):
    _, provider, at_carrier = held(world)
    gateway = world.gateway()
    outcome = harness.run_cli(
        "phone-numbers", "import", at_carrier["phone_number"], "--provider-id", provider.id,
        "--ingress", "trunk", "--gateway", gateway.id, address=world.server.address)
    assert outcome.returncode == 0, outcome.stderr
    assert "trunk" in outcome.stdout and gateway.id in outcome.stdout
    [number] = [n for n in world.all_numbers() if n.e164 == at_carrier["phone_number"]]
    shown = harness.run_cli(
        "operations", "get", world.operation_of(number).id, address=world.server.address).stdout
    for step in ("trunk", "origination_url", "credential_list", "gateway_inbound_trunk",
                 "gateway_outbound_trunk", "dispatch_rule", "trunk_number"):  # fmt: skip
        assert step in shown, shown
    world.delete_number(number)
