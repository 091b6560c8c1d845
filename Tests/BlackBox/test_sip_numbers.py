"""Numbers of SIP trunks: what a LiveKit gateway gets for them, and that all of it goes again."""

import json
import re

import grpc
import pytest

import harness
from harness import wait_until
from test_provider_types import create, trunk
from world import ANSWER_MAX, deployment, refusal, request_id

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with deployment(stubs, tmp_path_factory.mktemp("sip")) as world:
        harness.secrets.add("outbound password")
        yield world


def inventory(world):
    return world.sim.control("GET", "/inventory")


def field(entry, name):
    """LiveKit's JSON, whichever way its names are written."""
    first, *rest = name.split("_")
    return entry.get(name, entry.get(first + "".join(word.capitalize() for word in rest)))


def linked(world, address, **members):
    gateway = world.gateway()
    return create(world, trunk(world, address, gateway, **members)), gateway


def imported(world, provider, e164, **members):
    request = world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=e164, **{"request_id": request_id(), **members})
    return world.numbers.ImportPhoneNumber(request, timeout=ANSWER_MAX).phone_number


def ours(number, entries):
    return [entry for entry in entries if number.id in json.dumps(entry)]


def get(world, number):
    request = world.v1.GetPhoneNumberRequest(id=number.id)
    return world.numbers.GetPhoneNumber(request, timeout=ANSWER_MAX).phone_number


def repair(world, number):
    request = world.v1.RepairPhoneNumberRequest(id=number.id, request_id=request_id())
    operation = world.numbers.RepairPhoneNumber(request, timeout=ANSWER_MAX).operation
    wait = world.v1.WaitOperationRequest(id=operation.id)
    wait.timeout.seconds = 60
    ended = world.operations.WaitOperation(wait, timeout=ANSWER_MAX).operation
    assert ended.state == world.v1.Operation.STATE_SUCCEEDED, ended
    return get(world, number)


def test_all_is_made_and_goes_again(world):
    v1 = world.v1
    provider, gateway = linked(world, "sip.all.example:5061")
    before = inventory(world)
    number = imported(world, provider, "+14155550101", ingress=v1.PhoneNumber.INGRESS_SIP)
    assert number.state == v1.PhoneNumber.STATE_ACTIVE
    assert (number.ingress, number.gateway_provider_id) == (v1.PhoneNumber.INGRESS_SIP, gateway.id)
    assert number.carrier_sid == "" and not number.HasField("former")
    name = f"trunkline-{number.id}"
    made = {v1.PhoneNumber.Leftover.Type.Name(r.type): r for r in number.resources}
    assert set(made) == {
        "TYPE_GATEWAY_INBOUND_TRUNK", "TYPE_GATEWAY_OUTBOUND_TRUNK", "TYPE_DISPATCH_RULE"}
    assert {(r.name, r.provider_id) for r in number.resources} == {(name, gateway.id)}

    at = inventory(world)
    assert at["trunks"] == before["trunks"]
    [inbound] = ours(number, at["livekit"]["inbound_trunks"])
    [outbound] = ours(number, at["livekit"]["outbound_trunks"])
    [rule] = ours(number, at["livekit"]["dispatch_rules"])
    assert inbound["numbers"] == outbound["numbers"] == ["+14155550101"]
    assert field(inbound, "allowed_addresses") == ["192.0.2.0/24"]
    assert field(inbound, "allowed_numbers") == ["+15005550009"]
    assert outbound["address"] == "sip.all.example:5061"
    assert outbound["transport"] == "SIP_TRANSPORT_TLS"
    assert "SIP_MEDIA_ENCRYPT_REQUIRE" in json.dumps(outbound)
    assert outbound["headers"] == {"X-Line": "one"}
    assert field(outbound, "auth_username") == "line"
    assert field(outbound, "auth_password") == "outbound password"
    assert field(rule, "trunk_ids") == [made["TYPE_GATEWAY_INBOUND_TRUNK"].external_id]
    # Repairing what is whole changes nothing.
    assert repair(world, number).state == v1.PhoneNumber.STATE_ACTIVE
    assert inventory(world) == at
    world.delete_number(number)
    assert inventory(world) == before


def test_a_lost_answer_makes_nothing_twice(world):
    """Each request that makes something has its effect and no answer."""
    provider, _ = linked(world, "sip.lost.example")
    for index, method in enumerate(
        ("CreateSIPInboundTrunk", "CreateSIPOutboundTrunk", "CreateSIPDispatchRule")
    ):
        world.sim.control(
            "POST", "/faults", {"kind": "lost_after", "path": f"*/{method}", "count": 1})
        number = imported(world, provider, f"+1415555020{index}")
        livekit = inventory(world)["livekit"]
        for kind in ("inbound_trunks", "outbound_trunks", "dispatch_rules"):
            assert len(ours(number, livekit[kind])) == 1, (method, kind)
        world.delete_number(number)


def test_a_refusal_undoes_all(world):
    provider, _ = linked(world, "sip.refused.example")
    before = inventory(world)
    for index, method in enumerate(
        ("CreateSIPInboundTrunk", "CreateSIPOutboundTrunk", "CreateSIPDispatchRule")
    ):
        world.sim.control("POST", "/faults", {
            "kind": "status", "path": f"*/{method}", "status": 403, "count": 1})
        answer = refusal(world.numbers.ImportPhoneNumber, world.v1.ImportPhoneNumberRequest(
            provider_id=provider.id, e164=f"+1415555030{index}"))
        assert answer.code == Code.FAILED_PRECONDITION, answer
        assert inventory(world) == before, method


def test_what_somebody_removed_is_made_again(world):
    provider, gateway = linked(world, "sip.removed.example")
    number = imported(world, provider, "+14155550401")
    for kind in [resource.type for resource in number.resources]:
        # A rule for a trunk that is gone is made anew with the trunk.
        [resource] = [r for r in get(world, number).resources if r.type == kind]
        is_rule = "RULE" in world.v1.PhoneNumber.Leftover.Type.Name(kind)
        remove(world, resource.external_id, is_rule)
        assert repair(world, number).state == world.v1.PhoneNumber.STATE_ACTIVE
        livekit = inventory(world)["livekit"]
        for kind in ("inbound_trunks", "outbound_trunks", "dispatch_rules"):
            assert len(ours(number, livekit[kind])) == 1, kind
    world.delete_number(number)


def remove(world, id, is_rule):
    """As somebody else at the gateway would: by LiveKit's own client."""
    import asyncio

    from livekit import api
    from livekit.protocol import sip as proto

    key = world.sim.control("POST", "/livekit/keys", {})

    async def run():
        async with api.LiveKitAPI(world.sim.url("livekit"), key["key"], key["secret"]) as client:
            if is_rule:
                await client.sip.delete_dispatch_rule(
                    proto.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=id))
            else:
                await client.sip.delete_trunk(proto.DeleteSIPTrunkRequest(sip_trunk_id=id))

    asyncio.run(run())


def test_without_a_gateway_it_is_degraded(world):
    v1 = world.v1
    provider = create(world, trunk(world, "sip.none.example"))
    before = inventory(world)
    number = imported(world, provider, "+14155550501")
    assert number.state == v1.PhoneNumber.STATE_DEGRADED
    [condition] = number.conditions
    assert (condition.type, condition.reason) == ("GATEWAY", "NO_GATEWAY")
    assert inventory(world) == before
    answer = refusal(
        world.numbers.RepairPhoneNumber, v1.RepairPhoneNumberRequest(id=number.id))
    assert (answer.code, answer.reason) == (Code.FAILED_PRECONDITION, "NO_GATEWAY")
    gateway = world.gateway()
    change = v1.Provider(
        id=provider.id, sip_trunk=v1.Provider.SipTrunk(gateway_provider_id=gateway.id))
    world.providers.UpdateProvider(
        v1.UpdateProviderRequest(provider=change), timeout=ANSWER_MAX)
    repaired = repair(world, number)
    assert repaired.state == v1.PhoneNumber.STATE_ACTIVE
    assert repaired.gateway_provider_id == gateway.id and len(repaired.resources) == 3
    world.delete_number(number)
    assert inventory(world) == before


def test_its_calls_are_never_sent_to_a_carrier(world):
    v1 = world.v1
    provider, _ = linked(world, "sip.calls.example")
    number = imported(world, provider, "+14155550601")
    agent = world.agent()
    world.assign(number, agent)

    def answer():
        request = v1.PlaceCallsRequest(
            from_number_id=number.id, request_id=request_id(),
            outbound_calls=[v1.OutboundCall(to_number=world.fresh_far_end())])
        refused = refusal(world.calls.PlaceCalls, request)
        # The route may not have come to the dispatch yet.
        return refused if refused.reason != "PHONE_NUMBER_NOT_FOUND" else None

    refused = wait_until(answer, "the number's route", ANSWER_MAX)
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "DIALLED_BY_GATEWAY")
    assert "not built yet" in refused.message
    assert world.sim.control("GET", "/calls") in ({"calls": []}, [])
    request = v1.DeletePhoneNumberRequest(id=number.id)
    assert refusal(world.numbers.DeletePhoneNumber, request).reason == "PHONE_NUMBER_ASSIGNED"


def test_a_number_is_one_in_its_tenant(world):
    v1 = world.v1
    provider, _ = linked(world, "sip.once.example")
    number = imported(world, provider, "+14155550701")
    again = refusal(world.numbers.ImportPhoneNumber, v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164="+14155550701"))
    assert (again.code, again.reason) == (Code.ALREADY_EXISTS, "PHONE_NUMBER_EXISTS")
    assert again.info.metadata["phone_number_id"] == number.id
    for kind, there in (("SIP_TRUNK", True), ("TWILIO", False), ("LIVEKIT", False)):
        request = v1.ListPhoneNumbersRequest(type=f"PROVIDER_TYPE_{kind}", page_size=200)
        listed = world.numbers.ListPhoneNumbers(request, timeout=ANSWER_MAX).phone_numbers
        assert (number.id in [n.id for n in listed]) == there
    in_use = refusal(world.providers.DeleteProvider, v1.DeleteProviderRequest(id=provider.id))
    assert in_use.reason == "PROVIDER_IN_USE"
    changed = refusal(world.providers.UpdateProvider, v1.UpdateProviderRequest(
        provider=v1.Provider(id=provider.id, sip_trunk=v1.Provider.SipTrunk(
            inbound=v1.Provider.SipTrunk.Inbound(allowed_addresses=["0.0.0.0/0"])))))
    assert changed.reason == "PROVIDER_IN_USE"


def test_the_command_line_imports(world):
    provider, _ = linked(world, "sip.cli.example")
    address = world.server.address
    made = harness.run_cli(
        "phone-numbers", "import", "+14155550801", f"--provider-id={provider.id}", address=address)
    assert made.returncode == 0, made.stderr
    id = re.search(r"pn_[0-9a-f]{32}", made.stdout).group()
    shown = harness.run_cli("phone-numbers", "get", id, address=address).stdout
    assert re.search(r"ingress: +sip", shown), shown
    listed = harness.run_cli("phone-numbers", "ls", "--type=sip-trunk", address=address).stdout
    assert id in listed
    gone = harness.run_cli("phone-numbers", "delete", id, address=address)
    assert gone.returncode == 0, gone.stderr
