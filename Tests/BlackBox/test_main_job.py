"""The main job: link an account in a region, import a number, give it to an agent, answer a call,
place one, and leave the carrier as it was. With grpcio, and with `buf curl` over reflection."""

import concurrent.futures

import grpc
import pytest

import harness
import world as worlds
from harness import buf_curl, wait_until
from world import ANSWER_MAX, Refusal, refusal, request_id

Code = grpc.StatusCode
PASSWORD = "a-password-of-ours"
harness.secrets.add(PASSWORD)
FORMER = {
    "voice_url": "https://former.example.com/voice",
    "voice_method": "GET",
    "voice_fallback_url": "https://former.example.com/fallback",
    "status_callback": "https://former.example.com/status",
}


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with worlds.deployment(stubs, tmp_path_factory.mktemp("main-job")) as world:
        yield world


def test_an_account_in_two_regions(world):
    """The same Account SID once per region; a duplicate names the provider to update."""
    account = world.account()
    us1, ie1 = world.provider(account, "us1"), world.provider(account, "ie1")
    assert us1.id != ie1.id
    assert us1.twilio.api_key_secret == "" and us1.twilio.has_api_key_secret
    assert us1.twilio.api_key_sid.startswith("SK****")
    with pytest.raises(grpc.RpcError) as raised:
        world.provider(account, "us1")
    refused = Refusal(raised.value)
    assert (refused.code, refused.reason) == (Code.ALREADY_EXISTS, "PROVIDER_EXISTS")
    assert refused.info.metadata["provider_id"] == us1.id and us1.id in refused.message


def test_a_number_from_import_to_deletion(world):
    account = world.account()
    held = world.carrier_number(account, configurations={"us1": FORMER})
    before = world.at_carrier(held["sid"])
    provider, agent = world.provider(account), world.agent(url="wss://agent.example/answer")
    number = world.import_number(provider, held["phone_number"])
    assert number.former.voice_url == FORMER["voice_url"]
    assert world.v1.PhoneNumber.State.Name(number.state) == "STATE_ACTIVE"
    ours = world.at_carrier(held["sid"])["configurations"]["us1"]["voice_url"]
    assert ours.startswith(f"http://{world.server.webhook_address}/")

    # Nobody has it: the call is rejected.
    rejected = world.call_in(number.e164)
    assert [verb["verb"] for verb in rejected["twiml"]] == ["Reject"]

    world.assign(number, agent)
    usage = world.numbers.GetPhoneNumberUsage(
        world.v1.GetPhoneNumberUsageRequest(id=number.id), timeout=ANSWER_MAX
    ).usage
    assert [user.agent_id for user in usage.users] == [agent.id] and not usage.deletable
    answered = call_answered(world, number, "wss://agent.example/answer")
    assert answered.agent_id == agent.id

    world.unassign(number)
    world.delete_number(number)
    assert world.at_carrier(held["sid"]) == before
    missing = refusal(world.numbers.GetPhoneNumber, world.v1.GetPhoneNumberRequest(id=number.id))
    assert missing.code == Code.NOT_FOUND
    assert world.audit()["numbers_released"] == []


def call_answered(world, number, url, region="us1"):
    """Somebody calls the number and gets the agent's stream; both hang up; the record of it."""

    def answered():
        # The routes come from the registry a moment after the assignment.
        call = world.call_in(number.e164)
        return call if call["twiml"][0]["verb"] == "Connect" else None

    carrier_call = wait_until(answered, "the agent answers", ANSWER_MAX)
    stream = carrier_call["twiml"][0]["children"][0]
    assert (stream["verb"], stream["attributes"]["url"]) == ("Stream", url)
    assert carrier_call["region"] == region and carrier_call["errors"] == []
    call = world.inbound_call(carrier_call)
    assert world.state_of(call) == "STATE_IN_PROGRESS"
    world.sim.control("POST", f"/calls/{carrier_call['sid']}/hang-up", {})
    call = world.wait_for_end(call.id)
    assert world.state_of(call) == "STATE_COMPLETED"
    assert (call.to, call.phone_number_id) == (number.e164, number.id)
    return call


@pytest.mark.parametrize("region", ["ie1", "au1"])
@pytest.mark.parametrize("former", [None, "us1", "au1"])
def test_the_inbound_region_is_set_and_put_back(world, region, former):
    """Outside us1 a number does not ring without its route."""
    account = world.account()
    members = {"voice_region": former} if former else {}
    held = world.carrier_number(account, configurations={region: FORMER}, **members)
    provider, agent = world.provider(account, region), world.agent(url="wss://agent.example/x")
    number = world.import_number(provider, held["phone_number"])
    assert world.at_carrier(held["sid"])["voice_region"] == region
    world.assign(number, agent)
    call_answered(world, number, "wss://agent.example/x", region)
    world.unassign(number)
    world.delete_number(number)
    after = world.at_carrier(held["sid"])
    assert (after["voice_region"] or "us1") == (former or "us1")
    for field, value in FORMER.items():
        assert after["configurations"][region][field] == value


def test_an_outbound_only_number_is_not_touched(world):
    account = world.account()
    held = world.carrier_number(account, configurations={"us1": FORMER})
    before = world.at_carrier(held["sid"])
    number = world.import_number(
        world.provider(account), held["phone_number"], supports_inbound=False
    )
    assert world.at_carrier(held["sid"]) == before and not number.HasField("former")
    world.delete_number(number)
    assert world.at_carrier(held["sid"]) == before


def test_a_sip_agent(world):
    v1 = world.v1
    sip = v1.AgentConnection.Sip(
        uri="sip:agent@sip.example", username="trunk", password=PASSWORD
    )
    agent = world.agent_with([v1.AgentConnection(sip=sip)])
    assert agent.connections[0].sip.password == "" and agent.connections[0].sip.has_password
    number = world.number_of(assigned=False)
    world.assign(number, agent)

    def dialled():
        call = world.call_in(number.e164)
        return call if call["twiml"][0]["verb"] == "Dial" else None

    target = wait_until(dialled, "the SIP agent is dialled", ANSWER_MAX)["twiml"][0]["children"][0]
    assert target["verb"] == "Sip" and target["text"].startswith("sip:agent@sip.example")
    assert target["attributes"]["username"] == "trunk"
    assert target["attributes"]["password"] == PASSWORD


# Outbound


@pytest.fixture(scope="module")
def number(world):
    """A number with an agent, which all the outbound tests call from."""
    number = world.number_of()
    place_until_routed(world, number)
    return number


def place_until_routed(world, number):
    """The dispatch knows the number when a first call from it is accepted."""
    to = world.fresh_far_end()

    def placed():
        try:
            return world.place(number, to)
        except grpc.RpcError as error:
            assert Refusal(error).reason in (
                "PHONE_NUMBER_NOT_FOUND", "AGENT_MISSING", "AGENT_NOT_FOUND", "ROUTES_NOT_READY",
                "OUTBOUND_OFF",
            )
            return None

    world.wait_for_end(wait_until(placed, "the route", ANSWER_MAX)[0].call.id)


def test_an_outbound_call_rings_is_answered_and_completes(world, number):
    # Slow enough that no callback overtakes another, and that a server under a sanitizer can say in
    # time what answers.
    to = world.fresh_far_end(answer_after_ms=500, hang_up_after_ms=1000)
    placed = world.place(number, to)[0].call
    call = world.wait_for_end(placed.id)
    assert world.state_of(call) == "STATE_COMPLETED"
    assert (call.to, getattr(call, "from")) == (to, number.e164)
    for time in ("create_time", "dial_time", "ring_time", "answer_time", "end_time"):
        assert call.HasField(time), time
    carrier_call = world.carrier_calls(to=to)[0]
    assert carrier_call["sid"] == call.carrier_call_id and carrier_call["errors"] == []
    assert carrier_call["twiml"][0]["verb"] == "Connect"
    assert world.posts_received(to) == 1


@pytest.mark.parametrize(
    "outcome, state, reason",
    [
        ("busy", "STATE_BUSY", "END_REASON_BUSY"),
        ("no-answer", "STATE_NO_ANSWER", "END_REASON_NO_ANSWER"),
        ("failed", "STATE_FAILED", "END_REASON_CARRIER_FAILED"),
        ("refuse", "STATE_FAILED", "END_REASON_CARRIER_REFUSED"),
    ],
)
def test_calls_that_are_not_answered(world, number, outcome, state, reason):
    members = {"status": 400, "error_code": 21211} if outcome == "refuse" else {}
    to = world.fresh_far_end(outcome=outcome, **members)
    five = world.v1.PlaceCallsRequest().ringing_timeout
    five.seconds = 5
    call = world.wait_for_end(world.place(number, to, ringing_timeout=five)[0].call.id)
    assert world.state_of(call) == state
    assert world.v1.Call.EndReason.Name(call.end_reason) == reason
    assert world.posts_received(to) == 1


def test_many_destinations_in_order(world, number):
    good = [world.fresh_far_end() for _ in range(5)]
    wanted = [good[0], "+1", good[1], good[0], number.e164, *good[2:]]
    results = world.place(number, *wanted)
    kinds = [result.WhichOneof("result") for result in results]
    assert kinds == ["call", "error", "call", "error", "error", "call", "call", "call"]
    for to, result in zip(wanted, results, strict=True):
        if result.HasField("call"):
            assert result.call.to == to
            assert world.state_of(world.wait_for_end(result.call.id)) == "STATE_COMPLETED"
    assert [world.posts_received(to) for to in good] == [1] * 5


def test_waiting_for_the_carrier(world, number):
    to = world.fresh_far_end(answer_after_ms=60_000)
    call = world.place(number, to, wait_for="WAIT_FOR_CARRIER_ACCEPTED")[0].call
    assert call.carrier_call_id.startswith("CA") and world.posts_received(to) == 1
    world.calls.HangUpCall(world.v1.HangUpCallRequest(id=call.id), timeout=ANSWER_MAX)
    world.wait_for_end(call.id)


def test_hang_up_is_idempotent(world, number):
    to = world.fresh_far_end(answer_after_ms=600_000)
    call = world.place(number, to)[0].call
    world.wait_for_state(call.id, "STATE_RINGING")
    hang_up = world.v1.HangUpCallRequest(id=call.id)
    for _ in range(3):
        world.calls.HangUpCall(hang_up, timeout=ANSWER_MAX)
    ended = world.wait_for_end(call.id)
    assert world.state_of(ended) == "STATE_CANCELED"
    assert world.v1.Call.EndReason.Name(ended.end_reason) == "END_REASON_HUNG_UP"
    again = world.calls.HangUpCall(hang_up, timeout=ANSWER_MAX).call
    assert again == world.call(call.id) == ended
    wait_until(lambda: to not in str(world.audit()["live_calls"]), "the carrier has ended it")


def test_watching_calls(world, number):
    """A stream shows each state; a later one begins where the first one ended."""
    watch = world.v1.WatchCallsRequest(phone_number_id=number.id)
    stream = world.calls.WatchCalls(watch, timeout=ANSWER_MAX)
    first = next(stream)
    while first.HasField("call"):
        first = next(stream)
    to = world.fresh_far_end()
    placed = world.place(number, to)[0].call
    states, tokens = [], []
    for answer in stream:
        if answer.call.id == placed.id:
            states.append(world.state_of(answer.call))
            tokens.append(answer.resume_token)
            if states[-1] in worlds.TERMINAL:
                break
    stream.cancel()
    order = ["STATE_QUEUED", "STATE_DIALING", "STATE_RINGING", "STATE_IN_PROGRESS"]
    positions = [order.index(state) for state in states[:-1]]
    assert positions == sorted(positions) and states[-1] == "STATE_COMPLETED"
    watch.resume_token = tokens[0]
    resumed = world.calls.WatchCalls(watch, timeout=ANSWER_MAX)
    missed = next(answer for answer in resumed if answer.call.id == placed.id)
    resumed.cancel()
    assert missed.call == world.call(placed.id)


# Callbacks and lost answers


CALLBACKS = {
    "repeated": {"repeat": 3},
    "reversed": {"order": "reverse", "hold": True},
    "in any order": {"order": "random", "repeat": 2, "hold": True},
    "before the answer of the POST": {"before_answer": "initiated"},
    "all before the answer of the POST": {"before_answer": "completed"},
}


@pytest.mark.parametrize("callbacks", CALLBACKS.values(), ids=CALLBACKS.keys())
def test_callbacks_that_repeat_or_overtake(world, number, callbacks):
    to = world.fresh_far_end(callbacks=callbacks)
    placed = world.place(number, to)[0].call
    if callbacks.get("hold"):

        def over():
            found = world.carrier_calls(to=to)
            return found and found[0]["status"] == "completed" and found[0]

        carrier_call = wait_until(over, "the call is over at the carrier", ANSWER_MAX)
        release = {"call_sid": carrier_call["sid"], "order": callbacks["order"], "repeat": 2}
        world.sim.control("POST", "/callbacks/release", release)
    call = world.wait_for_end(placed.id)
    assert world.state_of(call) == "STATE_COMPLETED" and world.posts_received(to) == 1
    sid = world.carrier_calls(to=to)[0]["sid"]

    def delivered():
        found = world.carrier_calls(to=to)[0]["callbacks"]
        return all(callback["state"] == "delivered" for callback in found)

    wait_until(delivered, "all callbacks are delivered", ANSWER_MAX)
    settled = world.call(placed.id)
    world.sim.control("POST", "/callbacks/repeat", {"call_sid": sid, "times": 2})
    wait_until(delivered, "the repeated ones too", ANSWER_MAX)
    assert world.call(placed.id) == settled


def test_a_lost_answer_is_found_and_never_dialled_again(world, number):
    to = world.fresh_far_end(answer_after_ms=600_000)
    world.fault("lost_after", to)
    call = world.wait_for_state(world.place(number, to)[0].call.id, "STATE_RINGING")
    assert call.carrier_call_id == world.carrier_calls(to=to)[0]["sid"]
    assert not call.outcome_unknown and world.posts_received(to) == 1
    world.sim.control("POST", f"/calls/{call.carrier_call_id}/hang-up", {})
    world.wait_for_end(call.id)


def test_a_lost_answer_without_any_callback_is_found_in_the_list(world, number):
    to = world.fresh_far_end(callbacks={"hold": True}, answer_after_ms=600_000)
    world.fault("lost_after", to)
    placed = world.place(number, to)[0].call

    def found():
        call = world.call(placed.id)
        return call if call.carrier_call_id and not call.outcome_unknown else None

    wait_until(found, "the call is found at the carrier", ANSWER_MAX)
    assert world.posts_received(to) == 1
    world.calls.HangUpCall(world.v1.HangUpCallRequest(id=placed.id), timeout=ANSWER_MAX)


@pytest.mark.parametrize(
    "fault",
    [
        ("lost_before", {}),
        ("status", {"status": 500}),
        ("status", {"status": 502}),
    ],
    ids=["lost before the effect", "500", "502"],
)
def test_an_unknown_outcome_is_never_dialled_again(world, number, fault):
    """Nobody can tell whether it was dialled: it is looked for, and nothing else is dialled there."""
    kind, members = fault
    to = world.fresh_far_end()
    world.fault(kind, to, **members)
    placed = world.place(number, to)[0].call
    wait_until(lambda: world.call(placed.id).outcome_unknown, "the outcome is unknown", ANSWER_MAX)
    again = world.place(number, to)[0]
    assert Refusal.of_status(again.error).reason == "ATTEMPT_UNRESOLVED"
    assert world.posts_received(to) <= 1 and world.carrier_calls(to=to) == []


def test_429_is_tried_again(world, number):
    to = world.fresh_far_end()
    world.fault("status", to, status=429, code=20429, count=2)
    call = world.wait_for_end(world.place(number, to)[0].call.id)
    assert world.state_of(call) == "STATE_COMPLETED"
    assert world.audit()["calls_created"][to] == 1


# Repeats and rivals


def test_request_ids(world, number):
    """The same request id gives the first one's answer; with another body it is refused."""
    to, once = world.fresh_far_end(), request_id()
    first = world.place(number, to, request_id=once)[0].call
    world.wait_for_end(first.id)
    second = world.place(number, to, request_id=once)[0].call
    assert second.id == first.id and world.posts_received(to) == 1
    other = world.v1.PlaceCallsRequest(from_number_id=number.id, request_id=once)
    other.outbound_calls.add(to_number=world.fresh_e164())
    refused = refusal(world.calls.PlaceCalls, other)
    assert refused.code == Code.INVALID_ARGUMENT and refused.fields == ["request_id"]

    account = world.account()
    held, provider = world.carrier_number(account), world.provider(account)
    request = world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=held["phone_number"], request_id=request_id()
    )
    answers = [
        world.numbers.ImportPhoneNumber(request, timeout=ANSWER_MAX).phone_number for _ in "ab"
    ]
    assert answers[0] == answers[1]


def at_once(count, body):
    """Runs `body` in so many threads; gives answers and refusals."""
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        futures = [pool.submit(body) for _ in range(count)]
    answers, refusals = [], []
    for future in futures:
        error = future.exception()
        if error is None:
            answers.append(future.result())
        else:
            assert isinstance(error, grpc.RpcError), error
            refusals.append(Refusal(error))
    return answers, refusals


def test_rivals_for_an_account(world):
    """Of many that link the same account at once, one wins, and the others learn who."""
    account = world.account()
    key = world.key(account)
    answers, refusals = at_once(8, lambda: world.provider(account, key=key))
    assert len(answers) == 1 and len(refusals) == 7
    for refused in refusals:
        assert refused.reason == "PROVIDER_EXISTS"
        assert refused.info.metadata["provider_id"] == answers[0].id


def test_rivals_for_a_number(world):
    account = world.account()
    us1, ie1 = world.provider(account), world.provider(account, "ie1")
    e164 = world.carrier_number(account)["phone_number"]
    providers = iter([us1, ie1] * 4)
    answers, refusals = at_once(8, lambda: world.import_number(next(providers), e164))
    assert len(answers) == 1 and len(refusals) == 7
    for refused in refusals:
        assert refused.code == Code.ALREADY_EXISTS, refused
        assert refused.info.metadata["phone_number_id"] == answers[0].id


def test_the_same_request_at_once(world, number):
    to, once = world.fresh_far_end(), request_id()
    answers, refusals = at_once(8, lambda: world.place(number, to, request_id=once)[0].call.id)
    assert refusals == [] and len(set(answers)) == 1
    world.wait_for_end(answers[0])
    assert world.posts_received(to) == 1
    account = world.account()
    e164, provider = world.carrier_number(account)["phone_number"], world.provider(account)
    request = world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=e164, request_id=request_id()
    )
    imported, refusals = at_once(
        8, lambda: world.numbers.ImportPhoneNumber(request, timeout=ANSWER_MAX).phone_number.id
    )
    assert refusals == [] and len(set(imported)) == 1


def test_a_key_that_does_not_reach_every_number_is_refused_whole(world):
    account = world.account()
    provider = world.provider(account)
    held = [world.carrier_number(account) for _ in range(3)]
    numbers = [world.import_number(provider, each["phone_number"]) for each in held]
    world.sim.control("DELETE", f"/numbers/{held[1]['sid']}")
    key = world.key(account)
    update = world.v1.UpdateProviderRequest(provider=world.v1.Provider(id=provider.id))
    update.provider.twilio.api_key_sid = key["sid"]
    update.provider.twilio.api_key_secret = key["secret"]
    refused = refusal(world.providers.UpdateProvider, update)
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "NUMBERS_UNREACHABLE")
    assert [unmet.subject for unmet in refused.preconditions] == [numbers[1].id]
    assert refused.info.metadata["total"] == "1"
    assert held[1]["phone_number"] not in refused.message
    read = world.v1.GetProviderRequest(id=provider.id)
    assert world.providers.GetProvider(read, timeout=ANSWER_MAX).provider == provider


def test_a_good_key_takes_the_old_ones_place(world):
    account = world.account()
    old, new = world.key(account), world.key(account)
    provider = world.provider(account, key=old)
    held = world.carrier_number(account)
    world.import_number(provider, held["phone_number"])
    update = world.v1.UpdateProviderRequest(provider=world.v1.Provider(id=provider.id))
    update.provider.twilio.api_key_sid = new["sid"]
    update.provider.twilio.api_key_secret = new["secret"]
    world.providers.UpdateProvider(update, timeout=ANSWER_MAX)
    world.sim.control("DELETE", f"/keys/{old['sid']}")
    ask = world.v1.ListProviderNumbersRequest(provider_id=provider.id)
    listed = world.providers.ListProviderNumbers(ask, timeout=ANSWER_MAX).numbers
    assert [each.e164 for each in listed] == [held["phone_number"]]


# The same through buf


def test_the_main_job_through_buf(world):
    """`buf curl` knows nothing of us but what reflection says."""

    def ask(method, body):
        code, answer, said = buf_curl(world.server.address, f"trunkline.v1.{method}", body)
        assert code == 0, said
        return answer

    account = world.account()
    held = world.carrier_number(account, configurations={"ie1": FORMER})
    before = world.at_carrier(held["sid"])
    key = world.key(account, "ie1")
    twilio = {
        "accountSid": account["sid"], "apiKeySid": key["sid"], "apiKeySecret": key["secret"],
    }
    create = {"provider": {"region": "REGION_IE1", "twilio": twilio}}
    provider = ask("ProviderService/CreateProvider", create)["provider"]
    code, _, said = buf_curl(
        world.server.address, "trunkline.v1.ProviderService/CreateProvider", create
    )
    assert code != 0 and "already_exists" in said and provider["id"] in said
    stream = {"mediaStream": {"url": "wss://agent.example/buf"}}
    agent = ask("AgentService/CreateAgent", {"agent": {"connections": [stream]}})["agent"]
    imported = ask(
        "PhoneNumberService/ImportPhoneNumber",
        {"providerId": provider["id"], "e164": held["phone_number"]},
    )["phoneNumber"]
    assign = {"id": imported["id"], "agentId": agent["id"]}
    ask("PhoneNumberService/AssignPhoneNumber", assign)
    number = world.number(imported["id"])
    call_answered(world, number, "wss://agent.example/buf", "ie1")
    to = world.fresh_far_end()
    place = {"fromNumberId": number.id, "outboundCalls": [{"toNumber": to}]}
    placed = ask("CallDispatchService/PlaceCalls", place)["results"][0]["call"]
    world.wait_for_end(placed["id"])
    call = ask("CallDispatchService/GetCall", {"id": placed["id"]})["call"]
    assert call["state"] == "STATE_COMPLETED" and call["region"] == "REGION_IE1"
    ask("PhoneNumberService/UnassignPhoneNumber", {"id": number.id})
    ask("PhoneNumberService/DeletePhoneNumber", {"id": number.id})
    after = world.at_carrier(held["sid"])
    assert after["configurations"] == before["configurations"]
