"""A second set of credentials: staged, seen to work on live traffic, promoted, rolled back."""

import contextlib
import json
import sqlite3
import threading
import uuid

import grpc
import pytest

import harness
import world as worlds
from harness import wait_until
from test_split import split  # noqa: F401
from world import ANSWER_MAX, refusal, request_id

Code = grpc.StatusCode
STREAM = "wss://agent.example/stream"
# What live traffic made of a staged credential is told every ten seconds.
TOLD_MAX = 60


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with worlds.deployment(stubs, tmp_path_factory.mktemp("credentials")) as world:
        yield world


# What the tests do


def second_token(world, account, region="us1"):
    """The account's secondary Auth Token, made now."""
    token = uuid.uuid4().hex
    harness.secrets.add(token)
    body = {"account_sid": account["sid"], "region": region, "secondary": token}
    world.sim.control("POST", "/tokens", body)
    return token


def promote_at_carrier(world, account, region="us1"):
    """The secondary token becomes the primary one, and the primary is worthless."""
    body = {"account_sid": account["sid"], "region": region, "promote": True}
    world.sim.control("POST", "/tokens", body)


def staging(world, provider, key=None, token=None, **members):
    twilio = world.v1.Provider.Twilio()
    if token:
        twilio.auth_token = token
    if key:
        twilio.api_key_sid, twilio.api_key_secret = key["sid"], key["secret"]
    return world.v1.StageCredentialRequest(
        id=provider.id, twilio=twilio, **{"request_id": request_id(), **members}
    )


def stage(world, provider, key=None, token=None, **members):
    request = staging(world, provider, key, token, **members)
    return world.providers.StageCredential(request, timeout=ANSWER_MAX).provider


def promote(world, provider, **members):
    request = world.v1.PromoteCredentialRequest(id=provider.id, **members)
    return world.providers.PromoteCredential(request, timeout=ANSWER_MAX).provider


def roll_back(world, provider, **members):
    request = world.v1.RollbackCredentialRequest(id=provider.id, **members)
    return world.providers.RollbackCredential(request, timeout=ANSWER_MAX).provider


def read(world, provider):
    request = world.v1.GetProviderRequest(id=provider.id)
    return world.providers.GetProvider(request, timeout=ANSWER_MAX).provider


def masked(key):
    return f"SK****{key['sid'][-4:]}"


def linked(world):
    """An account with its key and its token, and a number that an agent answers."""
    account = world.account()
    key, token = world.key(account), account["auth_tokens"]["us1"]["primary"]
    provider = world.provider(account, key=key, token=token)
    held = world.carrier_number(account)
    number = world.import_number(provider, held["phone_number"])
    world.assign(number, world.agent(url=STREAM))
    wait_until(lambda: is_answered(world, number), "the agent answers", ANSWER_MAX)
    return account, key, provider, number


def is_answered(world, number):
    call = world.call_in(number.e164)
    return bool(call["twiml"]) and call["twiml"][0]["verb"] == "Connect" and not call["errors"]


# So many more calls come in than go out, which take longer: more would only keep the server busy.
AHEAD_MAX = 5


class Traffic:
    """Calls in and out, one after the other each, until it is told to stop."""

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.incoming, self.outgoing, self.failures = 0, 0, []
        self._over = threading.Event()
        self._may_come = threading.Semaphore(AHEAD_MAX)
        self._threads = [
            threading.Thread(target=self._run, args=(step,)) for step in (self._in, self._out)]

    def _run(self, step):
        while not self._over.is_set() and len(self.failures) < 5:
            try:
                step()
            except Exception as error:  # Whatever it is, a call has failed.
                self.failures.append(repr(error))

    def _in(self):
        self._may_come.acquire()
        if self._over.is_set():
            return
        call = self.world.call_in(self.number.e164)
        verb = call["twiml"][0]["verb"] if call["twiml"] else None
        if verb != "Connect" or call["errors"]:
            self.failures.append(f"in: {verb} {call['errors']}")
        self.incoming += 1

    def _out(self):
        to = self.world.fresh_far_end()
        [result] = self.world.place(self.number, to)
        call = self.world.wait_for_end(result.call.id)
        state, posts = self.world.state_of(call), self.world.posts_received(to)
        if state != "STATE_COMPLETED" or posts != 1:
            self.failures.append(f"out: {state} after {posts} requests")
        self.outgoing += 1
        self._may_come.release()

    def goes_on(self, count=3):
        """So many more calls came and went in both directions."""
        incoming, outgoing = self.incoming + count, self.outgoing + count

        def more():
            assert not self.failures, self.failures
            return self.incoming >= incoming and self.outgoing >= outgoing

        wait_until(more, f"{count} more calls each way", 2 * ANSWER_MAX)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._may_come.release()
        for thread in self._threads:
            thread.join(2 * ANSWER_MAX)
            assert not thread.is_alive()


# The tests


def test_rotation_under_live_calls(world):
    """Not one call fails and no webhook is refused, whatever side changes first."""
    account, key, provider, number = linked(world)
    fresh, token = world.key(account), second_token(world, account)
    v1 = world.v1
    with Traffic(world, number) as traffic:
        traffic.goes_on()
        staged = stage(world, provider, fresh, token).staged_credential
        assert staged.state == v1.StagedCredential.STATE_UNPROVEN
        assert staged.api_key_sid == masked(fresh)
        assert staged.has_api_key_secret and staged.has_auth_token

        def proven(least):
            found = read(world, provider).staged_credential
            assert found.state != v1.StagedCredential.STATE_REFUSED and not found.refusal_count
            return found if least(found) else None

        wait_until(lambda: proven(lambda it: it.request_count), "requests with it", TOLD_MAX)
        promote_at_carrier(world, account)
        found = wait_until(lambda: proven(lambda it: it.webhook_count), "webhooks with it", TOLD_MAX)
        assert found.state == v1.StagedCredential.STATE_PROVEN
        assert found.first_success_time.seconds <= found.last_success_time.seconds
        traffic.goes_on()

        promoted = promote(world, provider, etag=read(world, provider).etag)
        assert promoted.twilio.api_key_sid == masked(fresh)
        assert not promoted.HasField("staged_credential")
        assert promoted.previous_credential.api_key_sid == masked(key)
        kept = promoted.previous_credential
        assert kept.expire_time.seconds - kept.replace_time.seconds == 24 * 3600
        traffic.goes_on()
        # The old key is worthless now; calls and the registry use the new one.
        world.sim.control("DELETE", f"/keys/{key['sid']}")
        traffic.goes_on()
    assert not traffic.failures, traffic.failures
    validated = world.providers.ValidateProvider(
        v1.ValidateProviderRequest(id=provider.id), timeout=ANSWER_MAX)
    assert validated.provider.twilio.api_key_sid == masked(fresh)


def test_promoted_here_before_the_carrier_and_rolled_back(world):
    """Until the window is over both tokens sign; a rollback puts the old one back and stages the new."""
    account, key, provider, number = linked(world)
    fresh, token = world.key(account), second_token(world, account)
    with Traffic(world, number) as traffic:
        stage(world, provider, fresh, token)
        # The carrier still signs with the old token.
        promoted = promote(world, provider)
        traffic.goes_on()
        back = roll_back(world, provider, etag=promoted.etag)
        assert back.twilio.api_key_sid == masked(key)
        assert back.staged_credential.api_key_sid == masked(fresh)
        assert not back.HasField("previous_credential")
        traffic.goes_on()
        # And now it signs with the new one.
        promote_at_carrier(world, account)
        traffic.goes_on()
    assert not traffic.failures, traffic.failures
    again = promote(world, provider)
    assert again.twilio.api_key_sid == masked(fresh)
    # The old token can't be put back: the carrier takes it no more.
    refused = refusal(world.providers.RollbackCredential, world.v1.RollbackCredentialRequest(id=provider.id))
    assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "CARRIER_REFUSED_CREDENTIALS")
    assert read(world, provider).twilio.api_key_sid == masked(fresh)


def test_a_staged_key_that_may_not_call_harms_no_call(world):
    """What is refused for the staged key is made once more; then it can't be promoted."""
    account, key, provider, number = linked(world)
    weak = world.key(account, kind="restricted", permissions=READS)
    stage(world, provider, weak)
    v1 = world.v1

    def refused():
        to = world.fresh_far_end()
        [result] = world.place(number, to)
        call = world.wait_for_end(result.call.id)
        assert world.state_of(call) == "STATE_COMPLETED"
        assert len(world.carrier_calls(to=to)) == 1
        return read(world, provider).staged_credential.state == v1.StagedCredential.STATE_REFUSED

    wait_until(refused, "the staged key is refused", TOLD_MAX)
    found = refusal(world.providers.PromoteCredential, v1.PromoteCredentialRequest(id=provider.id))
    assert (found.code, found.reason) == (Code.FAILED_PRECONDITION, "CREDENTIAL_REFUSED")
    assert read(world, provider).twilio.api_key_sid == masked(key)
    assert not roll_back(world, provider).HasField("staged_credential")


# What a restricted key may do that can read numbers and nothing else.
READS = ["numbers"]


def test_what_is_refused_when_it_is_staged(world):
    account, _, provider, number = linked(world)
    v1, before = world.v1, read(world, provider)

    def reason(request):
        refused = refusal(world.providers.StageCredential, request)
        assert refused.code == Code.FAILED_PRECONDITION, refused
        return refused.reason

    assert reason(staging(world, provider, token="0" * 32)) == "CARRIER_REFUSED_CREDENTIALS"
    elsewhere = world.key(account, "ie1")
    assert reason(staging(world, provider, elsewhere)) == "CARRIER_CREDENTIALS_OF_OTHER_REGION"
    another = world.key(world.account())
    assert reason(staging(world, provider, another)) == "ACCOUNT_MISMATCH"
    assert reason(staging(world, provider, world.key(account, kind="test"))) == "CARRIER_TEST_CREDENTIALS"
    none = world.key(account, kind="restricted", permissions=[])
    assert reason(staging(world, provider, none)) == "CARRIER_KEY_RESTRICTED"
    # A number that the account has no more is one that the new key can't reach.
    fresh = world.key(account)
    world.sim.control("DELETE", f"/numbers/{number.carrier_sid}")
    refused = refusal(world.providers.StageCredential, staging(world, provider, fresh))
    assert refused.reason == "NUMBERS_UNREACHABLE" and refused.info.metadata["total"] == "1"
    assert [unmet.subject for unmet in refused.preconditions] == [number.id]
    assert read(world, provider) == before

    for method, request in (
        (world.providers.PromoteCredential, v1.PromoteCredentialRequest(id=provider.id)),
        (world.providers.RollbackCredential, v1.RollbackCredentialRequest(id=provider.id)),
    ):
        refused = refusal(method, request)
        assert (refused.code, refused.reason) == (Code.FAILED_PRECONDITION, "CREDENTIAL_NOT_STAGED")


def test_one_step_at_a_time(world):
    """Staged twice, updated while staged, staged within the window: refused, each with its remedy."""
    account = world.account()
    provider, keys = world.provider(account), [world.key(account) for _ in range(3)]
    request = staging(world, provider, keys[0])
    staged = world.providers.StageCredential(request, timeout=ANSWER_MAX).provider
    assert world.providers.StageCredential(request, timeout=ANSWER_MAX).provider == staged
    v1 = world.v1
    twilio = v1.Provider.Twilio(api_key_sid=keys[1]["sid"], api_key_secret=keys[1]["secret"])
    update = v1.UpdateProviderRequest(provider=v1.Provider(id=provider.id, twilio=twilio))
    for method, request in (
        (world.providers.StageCredential, staging(world, provider, keys[1])),
        (world.providers.UpdateProvider, update),
    ):
        refused = refusal(method, request)
        assert refused.reason == "CREDENTIAL_STAGED" and "roll" in refused.message
    promote(world, provider)
    refused = refusal(world.providers.StageCredential, staging(world, provider, keys[2]))
    assert refused.reason == "CREDENTIAL_REPLACED" and refused.info.metadata["expire_time"]
    # An update takes its credentials at once, and no others count.
    updated = world.providers.UpdateProvider(update, timeout=ANSWER_MAX).provider
    assert updated.twilio.api_key_sid == masked(keys[1])
    assert not updated.HasField("previous_credential")


def test_kill_9_at_every_step(stubs, sim, start_server, tmp_path):
    """What was answered is there after a crash; a step that was not is done or not, never in part."""
    server = start_server("killed")
    world = worlds.World(stubs, sim, server)
    with contextlib.closing(world):
        account, key, provider, number = linked(world)
        fresh, token = world.key(account), second_token(world, account)

        def crash():
            server.kill()
            server.start()
            world.connect()
            wait_until(lambda: is_answered(world, number), "calls are answered again", ANSWER_MAX)

        staged = stage(world, provider, fresh, token)
        crash()
        assert read(world, provider) == staged
        promoted = promote(world, provider)
        crash()
        assert read(world, provider) == promoted
        back = roll_back(world, provider)
        crash()
        assert read(world, provider) == back
        # In the middle of it.
        whole = {masked(key): "staged_credential", masked(fresh): "previous_credential"}
        for _ in range(4):
            found = read(world, provider)
            method, request = (
                (world.providers.PromoteCredential, world.v1.PromoteCredentialRequest(id=provider.id))
                if found.HasField("staged_credential")
                else (world.providers.RollbackCredential,
                      world.v1.RollbackCredentialRequest(id=provider.id)))
            going = method.future(request, timeout=ANSWER_MAX)
            crash()
            going.cancel()
            found = read(world, provider)
            there = whole[found.twilio.api_key_sid]
            other, = set(whole.values()) - {there}
            assert found.HasField(there) and not found.HasField(other)
        to = world.fresh_far_end()
        call = world.wait_for_end(world.place(number, to)[0].call.id)
        assert world.state_of(call) == "STATE_COMPLETED" and world.posts_received(to) == 1


def test_after_the_window(stubs, sim, start_server):
    """The previous token signs no more, can't be put back, and is in no row."""
    server = start_server("window", arguments=["--credential-window=8s"])
    world = worlds.World(stubs, sim, server)
    with contextlib.closing(world):
        account, key, provider, number = linked(world)
        fresh, token = world.key(account), second_token(world, account)
        stage(world, provider, fresh, token)
        promote(world, provider)
        # The carrier goes on signing with the old one.
        assert is_answered(world, number)
        found = wait_until(
            lambda: not (it := read(world, provider)).HasField("previous_credential") and it,
            "the window is over", ANSWER_MAX)
        assert found.twilio.api_key_sid == masked(fresh)

        def is_forbidden():
            call = world.call_in(number.e164)
            return not call["twiml"] and call["errors"]

        wait_until(is_forbidden, "the old token signs no more", ANSWER_MAX)
        refused = refusal(
            world.providers.RollbackCredential, world.v1.RollbackCredentialRequest(id=provider.id))
        assert refused.reason == "CREDENTIAL_NOT_STAGED"
        promote_at_carrier(world, account)
        assert is_answered(world, number)
        with contextlib.closing(sqlite3.connect(server.data_dir / "registry.db")) as database:
            [(document,)] = database.execute("SELECT document FROM providers").fetchall()
        stored = json.loads(document)
        assert not {"staged", "previous"} & set(stored)
        entries = world.audit_log.ListAuditEvents(
            world.v1.ListAuditEventsRequest(resource_id=provider.id), timeout=ANSWER_MAX).events
        gone = {change.field for entry in entries if entry.principal == "system" for change in entry.changes}
        assert {"previous_credential.auth_token", "previous_credential.api_key_secret"} <= gone


def test_a_dispatch_of_its_own_while_its_registry_is_gone(split):
    """It takes both tokens without the registry, after a restart too, and tells of it afterwards."""
    world, registry, dispatch = split.world, split.registry, split.dispatch
    account, _, provider, number = linked(world)
    fresh, token = world.key(account), second_token(world, account)
    stage(world, provider, fresh, token)

    def used():
        # A request with the staged key shows that the dispatch has it.
        world.wait_for_end(world.place(number, world.fresh_far_end())[0].call.id)
        return read(world, provider).staged_credential.request_count

    wait_until(used, "the dispatch uses what is staged", TOLD_MAX)
    registry.kill()
    assert is_answered(world, number)
    promote_at_carrier(world, account)
    assert is_answered(world, number)
    dispatch.kill()
    dispatch.start(wait=False)
    wait_until(lambda: is_answered(world, number), "answers from its copy", ANSWER_MAX)
    registry.start()
    world.connect()
    wait_until(
        lambda: read(world, provider).staged_credential.webhook_count, "webhooks are told", TOLD_MAX)
    promote(world, provider)
    assert is_answered(world, number)


def test_from_the_command_line(world, tmp_path):
    account = world.account()
    provider, fresh = world.provider(account), world.key(account)
    secret = tmp_path / "secret"
    secret.write_text(fresh["secret"] + "\n")

    def run(*arguments):
        done = harness.run_cli("providers", *arguments, "-o", "json", address=world.server.address)
        assert done.returncode == 0, done.stderr
        assert fresh["secret"] not in done.stdout + done.stderr
        return json.loads(done.stdout)["provider"]

    given = [f"--api-key-sid={fresh['sid']}", f"--api-key-secret-file={secret}"]
    tried = run("stage", provider.id, *given, "--validate-only")
    assert tried["stagedCredential"]["apiKeySid"] == masked(fresh)
    assert not read(world, provider).HasField("staged_credential")
    staged = run("stage", provider.id, *given)
    assert staged["stagedCredential"]["state"] == "STATE_UNPROVEN"
    shown = harness.run_cli("providers", "get", provider.id, address=world.server.address)
    assert "staged state" in shown.stdout and masked(fresh) in shown.stdout
    assert run("promote", provider.id)["twilio"]["apiKeySid"] == masked(fresh)
    shown = harness.run_cli("providers", "get", provider.id, address=world.server.address)
    assert "previous kept until" in shown.stdout
    assert "stagedCredential" in run("rollback", provider.id)
    assert "stagedCredential" not in run("rollback", provider.id)
    stale = harness.run_cli(
        "providers", "promote", provider.id, "--etag=x-1", address=world.server.address)
    assert stale.returncode != 0 and "ETAG_MISMATCH" in stale.stdout + stale.stderr
