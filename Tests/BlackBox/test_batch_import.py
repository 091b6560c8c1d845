"""A batch of numbers: some fail, the caller leaves, the server is killed; it goes on all the same."""

import collections
import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

import harness
import postgres
import world as worlds
from harness import wait_until
from world import ANSWER_MAX, Refusal, deployment, refusal, request_id

Code = grpc.StatusCode
BATCH_MAX = 120
CONFIGURATION = "*/IncomingPhoneNumbers/*.json"


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with deployment(stubs, tmp_path_factory.mktemp("batch")) as world:
        yield world


@pytest.fixture
def account(world):
    return world.account()


def buy(world, account, count):
    return [world.carrier_number(account)["phone_number"] for _ in range(count)]


def batch_of(world, provider, numbers, id=None):
    request = world.v1.BatchImportPhoneNumbersRequest(
        provider_id=provider.id, request_id=id or request_id())
    for place, e164 in enumerate(numbers):
        request.numbers.add(e164=e164, label=f"line {place}")
    return request


def send(world, request):
    """Every answer of a batch that comes to its end."""
    return list(world.numbers.BatchImportPhoneNumbers(request, timeout=BATCH_MAX))


def results(answers):
    return {a.result.index: a.result for a in answers if a.HasField("result")}


def reasons(answers):
    """Why entries failed, by their index."""
    return {
        index: Refusal.of_status(result.error).reason
        for index, result in results(answers).items() if result.HasField("error")
    }


def ids(answers):
    return {
        index: result.phone_number.id
        for index, result in results(answers).items() if result.HasField("phone_number")
    }


def check_counts(answers, total):
    """Each answer counts what ended; one per number, and one at the end that brings none."""
    assert [a.done_count for a in answers] == [*range(1, total + 1), total]
    assert not answers[-1].HasField("result")
    failed = 0
    for answer in answers:
        failed += answer.HasField("result") and answer.result.HasField("error")
        assert (answer.failed_count, answer.total_count) == (failed, total)


def of_provider(world, provider):
    return [number for number in world.all_numbers() if number.provider_id == provider.id]


def check_once(world, provider, numbers):
    """Each number is ours once, and set up at the carrier."""
    held = of_provider(world, provider)
    assert collections.Counter(n.e164 for n in held) == collections.Counter(numbers)
    assert {n.state for n in held} <= {world.v1.PhoneNumber.STATE_ACTIVE}


def test_good_and_bad_numbers(world, account):
    provider = world.provider(account)
    good = buy(world, account, 10)
    mute = world.carrier_number(account, voice=False)["phone_number"]
    taken = world.number_of(account=world.account(), assigned=False).e164
    elsewhere = world.number_of("ie1", account, assigned=False)
    numbers = [*good[:5], world.fresh_e164(), mute, taken, elsewhere.e164, *good[5:]]
    answers = send(world, batch_of(world, provider, numbers))
    check_counts(answers, len(numbers))
    assert reasons(answers) == {
        5: "NUMBER_NOT_AT_CARRIER", 6: "NUMBER_WITHOUT_VOICE", 7: "NUMBER_NOT_AT_CARRIER",
        8: "PHONE_NUMBER_IN_OTHER_REGION"}
    told = Refusal.of_status(results(answers)[8].error)
    assert told.info.metadata["phone_number_id"] == elsewhere.id
    alone = refusal(world.numbers.ImportPhoneNumber, world.v1.ImportPhoneNumberRequest(
        provider_id=provider.id, e164=elsewhere.e164))
    assert (told.code, told.reason, told.message) == (alone.code, alone.reason, alone.message)
    for index, result in results(answers).items():
        if result.HasField("phone_number"):
            number = result.phone_number
            assert (number.e164, number.label) == (numbers[index], f"line {index}")
            assert world.number(number.id) == number
    check_once(world, provider, good)


def test_a_batch_that_is_sent_again_tells_what_was_done(world, account):
    provider = world.provider(account)
    numbers = buy(world, account, 6)
    missing = world.fresh_e164()
    request = batch_of(world, provider, [*numbers, missing])
    first = send(world, request)
    before = world.audit()["configurations"]
    second = send(world, request)
    check_counts(second, 7)
    assert ids(second) == ids(first) and len(ids(first)) == 6
    assert reasons(second) == {6: "NUMBER_NOT_AT_CARRIER"}
    assert world.audit()["configurations"] == before
    # What failed is tried anew.
    world.carrier_number(account, missing)
    third = send(world, request)
    assert reasons(third) == {} and set(ids(first).items()) < set(ids(third).items())
    check_once(world, provider, [*numbers, missing])


def test_another_list_with_the_same_id_is_refused(world, account):
    provider = world.provider(account)
    numbers = buy(world, account, 3)
    request = batch_of(world, provider, numbers[:2])
    send(world, request)
    other = batch_of(world, provider, numbers, id=request.request_id)
    turned = batch_of(world, provider, numbers[1::-1], id=request.request_id)
    for wrong in (other, turned):
        refused = refusal(world.numbers.BatchImportPhoneNumbers, wrong)
        assert (refused.code, refused.reason) == (Code.INVALID_ARGUMENT, "INVALID_ARGUMENT")
        assert [(v.field, v.reason) for v in refused.violations] == [
            ("request_id", "REQUEST_ID_REUSED")]
    check_once(world, provider, numbers[:2])


def test_a_bad_list_is_refused_whole(world, account):
    provider = world.provider(account)
    numbers = buy(world, account, 3)
    request = batch_of(world, provider, [*numbers, "+1415", numbers[0]])
    refused = refusal(world.numbers.BatchImportPhoneNumbers, request)
    assert refused.code is Code.INVALID_ARGUMENT
    assert [(v.field, v.reason) for v in refused.violations] == [
        ("numbers[3].e164", "NOT_A_POSSIBLE_NUMBER"), ("numbers[4].e164", "DUPLICATE")]
    many = batch_of(world, provider, [f"+1415{3000000 + n}" for n in range(1001)])
    refused = refusal(world.numbers.BatchImportPhoneNumbers, many)
    assert [(v.field, v.reason) for v in refused.violations] == [("numbers", "TOO_MANY")]
    assert of_provider(world, provider) == []


def test_a_batch_goes_on_without_its_caller(world, account):
    provider = world.provider(account)
    numbers = buy(world, account, 40)
    request = batch_of(world, provider, numbers)
    # What is under way when the caller leaves waits at the carrier.
    world.sim.control("POST", "/faults", {
        "kind": "delay", "method": "POST", "path": CONFIGURATION, "delay_ms": 1000, "skip": 3,
        "count": 0})
    stream = world.numbers.BatchImportPhoneNumbers(request, timeout=BATCH_MAX)
    first = next(stream)
    stream.cancel()
    world.sim.control("DELETE", "/faults")
    operation = world.operations.WaitOperation(
        world.v1.WaitOperationRequest(id=first.operation_id), timeout=BATCH_MAX).operation
    assert operation.state == world.v1.Operation.STATE_SUCCEEDED
    counts = operation.batch_import
    assert (counts.done_count, counts.failed_count, counts.total_count) == (40, 0, 40)
    check_once(world, provider, numbers)
    answers = send(world, request)
    assert reasons(answers) == {}
    assert ids(answers)[first.result.index] == first.result.phone_number.id
    check_once(world, provider, numbers)


def test_a_batch_that_a_deadline_cut_is_resumed(world, account):
    provider = world.provider(account)
    numbers = buy(world, account, 12)
    request = batch_of(world, provider, numbers)
    world.sim.control("POST", "/faults", {
        "kind": "status", "method": "POST", "path": CONFIGURATION, "status": 503, "skip": 2,
        "count": 0})
    with pytest.raises(grpc.RpcError) as late:
        list(world.numbers.BatchImportPhoneNumbers(request, timeout=2))
    assert late.value.code() is Code.DEADLINE_EXCEEDED
    world.sim.control("DELETE", "/faults")
    assert reasons(send(world, request)) == {}
    check_once(world, provider, numbers)


@pytest.mark.parametrize("moment", [1, 7, 20])
def test_a_batch_goes_on_after_a_kill(world, account, moment):
    provider = world.provider(account)
    numbers = buy(world, account, 24)
    request = batch_of(world, provider, numbers)
    stream = world.numbers.BatchImportPhoneNumbers(request, timeout=BATCH_MAX)
    known = {}
    for answer in stream:
        known[answer.result.index] = answer.result.phone_number.id
        if len(known) == moment:
            world.server.kill()
            break
    with pytest.raises(grpc.RpcError):
        for answer in stream:
            known[answer.result.index] = answer.result.phone_number.id
    world.server.start()
    world.connect()
    answers = send(world, request)
    assert reasons(answers) == {}
    assert known.items() <= ids(answers).items()
    check_counts(answers, 24)
    check_once(world, provider, numbers)


def test_a_batch_that_is_sent_twice_at_once(world, account):
    provider = world.provider(account)
    numbers = buy(world, account, 20)
    request = batch_of(world, provider, numbers)
    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(lambda _: send(world, request), range(3)))
    for answers in told:
        check_counts(answers, 20)
        assert reasons(answers) == {} and ids(answers) == ids(told[0])
    check_once(world, provider, numbers)


@pytest.fixture
def database(tmp_path):
    with postgres.Server(tmp_path / "pg") as server:
        server.make_database("trunkline")
        yield server


def test_another_registry_goes_on_with_a_batch(stubs, sim, database, start_server, tmp_path):
    shared = {
        "keyring": tmp_path / "keyring", "webhook_address": f"127.0.0.1:{harness.free_port()}",
        "roles": "registry", "auth": False,
        "arguments": [f"--database={database.url('trunkline')}"],
    }  # fmt: skip
    first, second = (start_server(name, **shared) for name in ("first", "second"))
    world, other = (worlds.World(stubs, sim, server) for server in (first, second))
    account = world.account()
    provider = world.provider(account)
    numbers = buy(world, account, 16)
    request = batch_of(world, provider, numbers)
    stream = world.numbers.BatchImportPhoneNumbers(request, timeout=BATCH_MAX)
    known = next(stream).result
    # Sent to the second one while the first goes on with it, and dies.
    with ThreadPoolExecutor(1) as pool:
        resumed = pool.submit(send, other, request)
        first.kill()
        answers = resumed.result()
    assert reasons(answers) == {}
    assert ids(answers)[known.index] == known.phone_number.id
    check_counts(answers, 16)
    check_once(other, provider, numbers)
    for it in (world, other):
        it.close()


def test_a_batch_that_meets_the_quota(stubs, tmp_path):
    with deployment(stubs, tmp_path, arguments=["--quota=numbers=5"]) as world:
        account = world.account()
        provider = world.provider(account)
        numbers = buy(world, account, 9)
        request = batch_of(world, provider, numbers)
        for _ in "ab":
            answers = send(world, request)
            check_counts(answers, 9)
            assert list(reasons(answers).values()) == ["QUOTA_EXCEEDED"] * 4
        check_once(world, provider, [numbers[index] for index in ids(answers)])
        told = world.numbers.GetQuota(world.v1.GetQuotaRequest(), timeout=ANSWER_MAX).quotas
        assert [(q.used, q.limit) for q in told if q.name == "numbers"] == [(5, 5)]
        # Where one goes there is room for another.
        world.delete_number(world.number(ids(answers)[min(ids(answers))]))
        again = send(world, batch_of(world, provider, [numbers[min(reasons(answers))]]))
        assert reasons(again) == {}


def test_a_token_that_is_revoked_ends_the_batch(world, account):
    provider = world.provider(account)
    numbers = buy(world, account, 30)
    v1 = world.v1
    made = world.tokens.CreateToken(v1.CreateTokenRequest(scopes=["numbers:write"]), timeout=30)
    harness.secrets.add(made.token_text)
    world.sim.control("POST", "/faults", {
        "kind": "delay", "method": "POST", "path": CONFIGURATION, "delay_ms": 1500, "skip": 1,
        "count": 0})
    request = batch_of(world, provider, numbers)
    metadata = [("authorization", f"Bearer {made.token_text}")]
    stream = world.numbers.BatchImportPhoneNumbers(request, timeout=BATCH_MAX, metadata=metadata)
    next(stream)
    world.tokens.RevokeToken(v1.RevokeTokenRequest(id=made.token.id), timeout=30)
    with pytest.raises(grpc.RpcError) as ended:
        list(stream)
    assert ended.value.code() is Code.UNAUTHENTICATED
    world.sim.control("DELETE", "/faults")
    assert reasons(send(world, request)) == {}
    check_once(world, provider, numbers)


# The command line


def cli(world, *arguments, **options):
    return harness.run_cli(
        "phone-numbers", "import", *arguments, address=world.server.address, **options)


def test_the_command_line_imports_a_file_and_resumes(world, account, tmp_path):
    provider = world.provider(account)
    numbers = buy(world, account, 4)
    missing = world.fresh_e164()
    listed = tmp_path / "numbers.csv"
    listed.write_text(
        "# the lobby\n" + "".join(f"{e164},Desk {e164[-2:]}\n" for e164 in numbers) + missing)
    told = cli(world, "--from-file", listed, "--provider-id", provider.id)
    assert told.returncode == 10, told.stderr
    lines = told.stdout.splitlines()
    assert len([line for line in lines if " imported +" in line]) == 4
    assert any(line.startswith(missing) and "NUMBER_NOT_AT_CARRIER" in line for line in lines)
    assert lines[-1] == "Imported 4 of 5 numbers."
    assert {n.label for n in of_provider(world, provider)} == {f"Desk {e[-2:]}" for e in numbers}
    resumption = next(
        line.split() for line in told.stderr.splitlines() if line.startswith("  trunkline "))
    assert resumption[1:5] == ["phone-numbers", "import", "--from-file", str(listed)]
    world.carrier_number(account, missing)
    again = cli(world, *resumption[3:])
    assert again.returncode == 0, again.stderr
    assert "Imported 5 of 5 numbers." in again.stdout
    check_once(world, provider, [*numbers, missing])


def test_the_command_line_reads_the_standard_input(world, account):
    provider = world.provider(account)
    numbers = buy(world, account, 2)
    told = cli(world, "--from-file", "-", "--provider-id", provider.id, "-o", "json",
               "--no-outbound", input="\n".join(numbers))
    assert told.returncode == 0, told.stderr
    answers = [json.loads(line) for line in told.stdout.splitlines()]
    assert [answer["doneCount"] for answer in answers] == [1, 2, 2]
    assert not any(n.supports_outbound for n in of_provider(world, provider))
    check_once(world, provider, numbers)
