"""Softphones: telephones that calls of a number are handed to, in place of an agent."""

import grpc
import pytest

import harness
import world as worlds
from harness import wait_until
from world import ANSWER_MAX, refusal, request_id

Code = grpc.StatusCode
PASSWORD = "a-softphone's-password"
harness.secrets.add(PASSWORD)


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with worlds.deployment(stubs, tmp_path_factory.mktemp("softphones")) as world:
        yield world


def dialled(world, number, uri):
    """The carrier's target when the number is called, once it is this address."""

    def target():
        [verb, *_] = world.call_in(number.e164)["twiml"]
        if verb["verb"] != "Dial":
            return None
        [child] = verb["children"]
        return child if child["text"].startswith(uri) else None

    return wait_until(target, f"{uri} is dialled", ANSWER_MAX)


def test_a_softphone_answers_a_number(world):
    v1 = world.v1
    ada = world.softphone(
        "sph_ada", uri="sip:ada@pbx.example", username="ada", password=PASSWORD,
        display_name="Ada's desk")
    assert ada.sip.has_password and not ada.sip.HasField("password")
    number = world.number_of(assigned=False)
    assigned = world.assign(number, ada)
    assert assigned.WhichOneof("assignee") == "softphone_id" and assigned.softphone_id == "sph_ada"
    target = dialled(world, number, "sip:ada@pbx.example")
    assert target["verb"] == "Sip"
    assert target["attributes"]["username"] == "ada" and target["attributes"]["password"] == PASSWORD

    usage = world.numbers.GetPhoneNumberUsage(
        v1.GetPhoneNumberUsageRequest(id=number.id), timeout=ANSWER_MAX).usage
    assert [(user.softphone_id, user.display_name) for user in usage.users] == [
        ("sph_ada", "Ada's desk")]
    assert not usage.deletable
    listed = world.numbers.ListPhoneNumbers(
        v1.ListPhoneNumbersRequest(softphone_id="sph_ada"), timeout=ANSWER_MAX).phone_numbers
    assert [listed_number.id for listed_number in listed] == [number.id]
    ada = world.softphones.GetSoftphone(
        v1.GetSoftphoneRequest(id="sph_ada"), timeout=ANSWER_MAX).softphone
    assert list(ada.phone_number_ids) == [number.id] and ada.phone_number_count == 1

    # Neither goes while they belong together.
    refused = refusal(world.softphones.DeleteSoftphone, v1.DeleteSoftphoneRequest(id="sph_ada"))
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "SOFTPHONE_IN_USE")
    refused = refusal(world.numbers.DeletePhoneNumber, v1.DeletePhoneNumberRequest(id=number.id))
    assert refused.reason == "PHONE_NUMBER_ASSIGNED"
    assert refused.info.metadata["softphone_id"] == "sph_ada"

    # It moves house; then an agent takes the number over: one assignee at a time.
    update = v1.UpdateSoftphoneRequest(softphone=v1.Softphone(
        id="sph_ada", sip=v1.Softphone.Sip(uri="sip:ada@home.example", username="ada")))
    moved = world.softphones.UpdateSoftphone(update, timeout=ANSWER_MAX).softphone
    assert not moved.sip.has_password and moved.display_name == "Ada's desk"
    assert "password" not in dialled(world, number, "sip:ada@home.example")["attributes"]
    taken = world.assign(number, world.agent())
    assert taken.WhichOneof("assignee") == "agent_id"
    world.softphones.DeleteSoftphone(v1.DeleteSoftphoneRequest(id="sph_ada"), timeout=ANSWER_MAX)
    refused = refusal(world.softphones.GetSoftphone, v1.GetSoftphoneRequest(id="sph_ada"))
    assert (refused.code, refused.reason) == (Code.NOT_FOUND, "SOFTPHONE_NOT_FOUND")


def test_who_is_called_talks_to_the_numbers_softphone(world):
    """PlaceCalls without an agent; both calls tell of the softphone, and of no agent."""
    v1 = world.v1
    softphone = world.softphone()
    assert softphone.id.startswith("sph_") and len(softphone.id) == 36
    number = world.number_of(assigned=False)
    world.assign(number, softphone)
    dialled(world, number, "sip:ada@pbx.example")
    to = world.fresh_e164()
    world.far_end(to, hang_up_after_ms=3_600_000)
    placed = world.place(number, to)[0].call
    assert (placed.softphone_id, placed.agent_id) == (softphone.id, "")
    call = world.wait_for_state(placed.id, "STATE_IN_PROGRESS")
    verbs = world.sim.control("GET", f"/calls/{call.carrier_call_id}")["twiml"]
    assert verbs[0]["children"][0]["text"].startswith("sip:ada@pbx.example")
    listed = world.calls.ListCalls(
        v1.ListCallsRequest(softphone_id=softphone.id), timeout=ANSWER_MAX).calls
    assert placed.id in [call.id for call in listed]
    assert {call.softphone_id for call in listed} == {softphone.id}
    refused = refusal(world.calls.ListCalls, v1.ListCallsRequest(
        softphone_id=softphone.id, agent_id="desk"))
    assert refused.code == Code.INVALID_ARGUMENT
    refused = refusal(world.calls.PlaceCalls, v1.PlaceCallsRequest(
        from_number_id=number.id, agent_id=softphone.id,
        outbound_calls=[v1.OutboundCall(to_number=world.fresh_e164())]))
    assert refused.code == Code.INVALID_ARGUMENT
    world.calls.HangUpCall(v1.HangUpCallRequest(id=placed.id), timeout=ANSWER_MAX)


def test_agents_and_softphones_are_apart(world):
    v1 = world.v1
    softphone = world.softphone()
    agent = world.agent()
    assert softphone.id not in [agent.id for agent in world.all_agents()]
    assert agent.id not in [softphone.id for softphone in world.all_softphones()]
    assert softphone.id in [softphone.id for softphone in world.all_softphones()]
    refused = refusal(world.agents.GetAgent, v1.GetAgentRequest(id=softphone.id))
    assert refused.code == Code.INVALID_ARGUMENT
    create = v1.CreateSoftphoneRequest(
        softphone=v1.Softphone(id=softphone.id, sip=v1.Softphone.Sip(uri="sip:b@pbx.example")))
    refused = refusal(world.softphones.CreateSoftphone, create)
    assert (refused.code, refused.reason) == (Code.ALREADY_EXISTS, "SOFTPHONE_EXISTS")
    create.softphone.id, create.request_id = "", request_id()
    made = world.softphones.CreateSoftphone(create, timeout=ANSWER_MAX)
    assert world.softphones.CreateSoftphone(create, timeout=ANSWER_MAX) == made


def test_a_softphone_outlives_a_restart(stubs, tmp_path):
    """Its password is opened for a call after it, too."""
    with worlds.deployment(stubs, tmp_path) as world:
        softphone = world.softphone(username="ada", password=PASSWORD)
        number = world.number_of(assigned=False)
        world.assign(number, softphone)
        world.server.stop()
        world.server.start()
        world.connect()
        target = dialled(world, number, "sip:ada@pbx.example")
        assert target["attributes"]["password"] == PASSWORD
        assert world.all_softphones()[0].id == softphone.id


def test_the_command_line(world):
    def cli(*arguments):
        done = harness.run_cli(*arguments, address=world.server.address)
        assert done.returncode == 0, done.stderr
        return done.stdout

    made = cli("softphones", "create", "sph_cli", "--sip", "sip:cli@pbx.example", "--name", "Cli")
    assert "sph_cli" in made and "sip:cli@pbx.example" in made
    number = world.number_of(assigned=False)
    assert "sph_cli" in cli("phone-numbers", "assign", number.id, "sph_cli")
    assert "softphone" in cli("phone-numbers", "usage", number.id)
    assert number.id in cli("phone-numbers", "ls", "--softphone-id", "sph_cli")
    assert "sph_cli" in cli("softphones", "ls")
    cli("phone-numbers", "unassign", number.id)
    assert "Deleted sph_cli" in cli("softphones", "delete", "sph_cli")
