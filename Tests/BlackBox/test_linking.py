"""Numbers given to an agent from its own side, and with their import."""

import grpc
import pytest

import harness
import world as worlds
from harness import wait_until
from world import ANSWER_MAX, refusal, request_id

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with worlds.deployment(stubs, tmp_path_factory.mktemp("linking")) as world:
        yield world


@pytest.fixture(scope="module")
def provider(world):
    world.link_account = world.account()
    return world.provider(world.link_account)


def imported(world, provider, **members):
    held = world.carrier_number(world.link_account)
    return world.import_number(provider, held["phone_number"], **members)


def create(world, id, linked):
    request = world.v1.CreateAgentRequest(
        agent=world.v1.Agent(id=id), link_phone_number_ids=linked, request_id=request_id())
    request.agent.connections.add().media_stream.url = "wss://agent.example/x"
    return request


def test_numbers_come_and_go_with_the_agent(world, provider):
    v1 = world.v1
    numbers = [imported(world, provider) for _ in range(3)]
    ids = [number.id for number in numbers]
    request = create(world, "desk", ids[:2])
    agent = world.agents.CreateAgent(request, timeout=ANSWER_MAX).agent
    assert set(agent.phone_number_ids) == set(ids[:2])
    assert world.agents.CreateAgent(request, timeout=ANSWER_MAX).agent == agent

    def answered(number):
        return world.call_in(number.e164)["twiml"][0]["verb"] == "Connect"

    wait_until(lambda: answered(numbers[0]), "the agent answers", ANSWER_MAX)
    update = v1.UpdateAgentRequest(
        agent=v1.Agent(id="desk"), link_phone_number_ids=ids[2:], unlink_phone_number_ids=ids[:1])
    agent = world.agents.UpdateAgent(update, timeout=ANSWER_MAX).agent
    assert set(agent.phone_number_ids) == set(ids[1:])
    refused = refusal(world.agents.DeleteAgent, v1.DeleteAgentRequest(id="desk"))
    assert refused.reason == "AGENT_IN_USE"
    world.agents.DeleteAgent(v1.DeleteAgentRequest(id="desk", unlink=True), timeout=ANSWER_MAX)
    assert [world.number(id).WhichOneof("assignee") for id in ids] == [None] * 3
    wait_until(lambda: not answered(numbers[1]), "nobody answers", ANSWER_MAX)


def test_all_are_linked_or_none(world, provider):
    v1 = world.v1
    free, taken = imported(world, provider), imported(world, provider)
    world.assign(taken, world.agent("holder"))
    corrupted = world.corrupt(imported(world, provider))
    missing = "pn_" + "0" * 31 + "9"
    ids = [free.id, taken.id, corrupted.id, missing]
    refused = refusal(world.agents.CreateAgent, create(world, "greedy", ids))
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "PHONE_NUMBERS_NOT_LINKED")
    assert refused.info.metadata["total"] == "3"
    assert {(p.subject, p.type) for p in refused.preconditions} == {
        (taken.id, "PHONE_NUMBER_ASSIGNED"), (corrupted.id, "PHONE_NUMBER_BUSY"),
        (missing, "PHONE_NUMBER_NOT_FOUND")}
    assert world.number(free.id).WhichOneof("assignee") is None
    refused = refusal(world.agents.GetAgent, v1.GetAgentRequest(id="greedy"))
    assert refused.reason == "AGENT_NOT_FOUND"
    for many in (200, 101):
        ids = [f"pn_{n:032x}" for n in range(many)]
        refused = refusal(world.agents.CreateAgent, create(world, "greedy", ids))
        assert [v.field for v in refused.violations] == ["link_phone_number_ids"]
    # Of the most that one may name as many are told as there is room for.
    ids = [f"pn_{n:032x}" for n in range(100)]
    refused = refusal(world.agents.CreateAgent, create(world, "greedy", ids))
    assert len(refused.preconditions) == 50 and refused.info.metadata["total"] == "100"


def test_numbers_need_their_own_scope(world, provider):
    v1 = world.v1
    number = imported(world, provider)
    made = world.tokens.CreateToken(
        v1.CreateTokenRequest(scopes=["agents:read", "agents:write"]), timeout=30)
    harness.secrets.add(made.token_text)
    metadata = (("authorization", f"Bearer {made.token_text}"),)
    channel = world.server.bare_channel()
    agents = v1.AgentServiceStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        agents.CreateAgent(create(world, "limited", [number.id]), timeout=30, metadata=metadata)
    refused = worlds.Refusal(caught.value)
    assert (refused.code, refused.reason) == (Code.PERMISSION_DENIED, "SCOPE_MISSING")
    assert refused.info.metadata["scope"] == "numbers:write"
    agents.CreateAgent(create(world, "limited", []), timeout=30, metadata=metadata)
    channel.close()


def test_an_import_names_who_answers(world, provider):
    v1 = world.v1
    world.agent("early")
    softphone = world.softphone()
    number = imported(world, provider, agent_id="early")
    assert number.agent_id == "early"
    number = imported(world, provider, softphone_id=softphone.id)
    assert number.softphone_id == softphone.id
    batch = v1.BatchImportPhoneNumbersRequest(provider_id=provider.id, request_id=request_id())
    for assignee in ({"agent_id": "early"}, {"softphone_id": softphone.id}, {"agent_id": "late"}):
        batch.numbers.add(
            e164=world.carrier_number(world.link_account)["phone_number"], **assignee)
    answers = list(world.numbers.BatchImportPhoneNumbers(batch, timeout=ANSWER_MAX))
    results = {a.result.index: a.result for a in answers if a.HasField("result")}
    assert results[0].phone_number.agent_id == "early"
    assert results[1].phone_number.softphone_id == softphone.id
    assert worlds.Refusal.of_status(results[2].error).reason == "AGENT_NOT_FOUND"


def test_the_command_line(world, provider):
    def cli(*arguments):
        done = harness.run_cli(*arguments, address=world.server.address)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first, second = imported(world, provider), imported(world, provider)
    cli("agents", "create", "cli", "--media-stream=wss://a.example/x", "--link", first.id)
    shown = cli("agents", "update", "cli", "--link", second.id, "--unlink", first.id)
    assert second.id in shown and first.id not in shown
    e164 = world.carrier_number(world.link_account)["phone_number"]
    shown = cli("phone-numbers", "import", e164, "--provider-id", provider.id, "--assign-to", "cli")
    assert "cli" in shown
    assert "Deleted cli" in cli("agents", "delete", "cli", "--unlink")
