"""A number goes to another region; what somebody changed is repaired; what is lost is given up."""

import json

import grpc
import pytest

import harness
from harness import wait_until
from world import ANSWER_MAX, deployment, refusal, request_id

# Long enough to call in meanwhile.
OVERLAP = 3


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    flags = [f"--move-overlap={OVERLAP}s"]
    with deployment(stubs, tmp_path_factory.mktemp("move"), arguments=flags) as world:
        yield world


def move(world, number, target, **members):
    request = world.v1.MovePhoneNumberRequest(
        id=number.id, provider_id=target.id, request_id=request_id(), **members)
    return world.numbers.MovePhoneNumber(request, timeout=ANSWER_MAX).operation


def end_of(world, operation):
    request = world.v1.WaitOperationRequest(id=operation.id)
    return world.operations.WaitOperation(request, timeout=ANSWER_MAX).operation


def settings(world, number):
    """Webhook of each region, and the region that handles calls."""
    held = world.at_carrier(number.carrier_sid)
    urls = {region: own["voice_url"] for region, own in held["configurations"].items()}
    return urls, held["voice_region"]


def cli(world, *arguments):
    outcome = harness.run_cli("phone-numbers", *arguments, address=world.server.address)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def test_a_number_moves_under_calls(world):
    """Calls of either region are answered while it moves, each in its own region."""
    account = world.account()
    target = world.provider(account, "ie1", token=account["auth_tokens"]["ie1"]["primary"])
    number = world.number_of("us1", account)
    before, _ = settings(world, number)
    operation = move(world, number, target)
    moving = wait_until(
        lambda: (found := world.number(number.id)).pending_provider_id and found, "a move")
    assert (moving.provider_id, moving.pending_provider_id) == (number.provider_id, target.id)
    wait_until(lambda: settings(world, number)[1] == "ie1", "the new region")
    for region in ("us1", "ie1"):
        call = world.call_in(number.e164, region=region)
        assert call["twiml"][0]["verb"] == "Connect" and call["errors"] == [], call
    seen = world.calls.ListCalls(world.v1.ListCallsRequest(), timeout=ANSWER_MAX).calls
    ours = [call for call in seen if call.phone_number_id == number.id]
    assert sorted(world.v1.Region.Name(call.region) for call in ours) == [
        "REGION_IE1", "REGION_US1"]
    done = end_of(world, operation)
    assert done.state == world.v1.Operation.STATE_SUCCEEDED, done
    moved = world.number(number.id)
    assert (moved.provider_id, moved.pending_provider_id) == (target.id, "")
    after, region = settings(world, number)
    assert region == "ie1" and after["ie1"].startswith("http")
    assert after.get("us1", "") != before["us1"]
    assert moved.agent_id == number.agent_id
    assert world.call_in(number.e164)["twiml"][0]["verb"] == "Connect"


def test_the_command_line_moves_and_repairs(world):
    account = world.account()
    target = world.provider(account, "au1")
    number = world.number_of("us1", account, assigned=False)
    told = cli(world, "move", number.id, target.id, "--wait")
    assert "move_phone_number" in told and "succeeded" in told and "propagation au1 done" in told
    told = json.loads(cli(world, "repair", number.id, "--wait", "-o", "json"))
    assert told["operation"]["state"] == "STATE_SUCCEEDED"
    left = world.corrupt(world.number(number.id))
    refused = harness.run_cli("phone-numbers", "delete", world.number_of().id, "--force",
                              address=world.server.address)
    assert refused.returncode != 0 and "PHONE_NUMBER_NOT_CORRUPTED" in refused.stderr
    told = cli(world, "delete", number.id, "--force")
    assert "given up" in told and "webhook in au1" in told
    assert refusal(world.numbers.GetPhoneNumber,
                   world.v1.GetPhoneNumberRequest(id=number.id)).code is grpc.StatusCode.NOT_FOUND
    events = world.audit_log.ListAuditEvents(
        world.v1.ListAuditEventsRequest(action="force_delete"), timeout=ANSWER_MAX).events
    assert events[0].resource_id == number.id
    assert [change.old_value for change in events[0].changes
            if change.field.startswith("leftovers")] == ["webhook in au1"]
    assert len(left.leftovers) == 1


def test_a_corrupted_number_is_repaired_away(world):
    number = world.number_of("us1", assigned=False)
    world.corrupt(number)
    request = world.v1.RepairPhoneNumberRequest(id=number.id, request_id=request_id())
    operation = world.numbers.RepairPhoneNumber(request, timeout=ANSWER_MAX).operation
    assert end_of(world, operation).state == world.v1.Operation.STATE_SUCCEEDED
    assert refusal(world.numbers.GetPhoneNumber,
                   world.v1.GetPhoneNumberRequest(id=number.id)).code is grpc.StatusCode.NOT_FOUND
    again = world.numbers.RepairPhoneNumber(request, timeout=ANSWER_MAX).operation
    assert again.id == operation.id


def test_a_move_goes_on_after_a_kill(world):
    number = world.number_of("us1", assigned=False)
    account = {"sid": world.at_carrier(number.carrier_sid)["account_sid"]}
    target = world.provider(account, "ie1")
    operation = move(world, number, target)
    wait_until(lambda: settings(world, number)[1] == "ie1", "the new region")
    world.server.kill()
    world.server.start()
    done = end_of(world, operation)
    assert done.state == world.v1.Operation.STATE_SUCCEEDED
    assert world.number(number.id).provider_id == target.id
