"""Webhooks: the carrier's are answered, everybody else's are refused with 403 and change nothing."""

import types
import urllib.error
import urllib.parse
import urllib.request

import pytest
from twilio.request_validator import RequestValidator

import world as worlds
from harness import wait_until
from world import ANSWER_MAX

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def world(stubs, tmp_path_factory):
    with worlds.deployment(stubs, tmp_path_factory.mktemp("webhooks")) as world:
        yield world


def a_number(world, token):
    """A number with an agent; its provider holds an Auth Token, or an API key only."""
    account = world.account(auth_tokens={"us1": {"primary": TOKEN}})
    provider = world.provider(account, token=TOKEN if token else None)
    held = world.carrier_number(account)
    number = world.import_number(provider, held["phone_number"])
    world.assign(number, world.agent())

    def routed():
        return world.call_in(number.e164)["twiml"][0]["verb"] == "Connect"

    wait_until(routed, "the route", ANSWER_MAX)
    settings = world.at_carrier(held["sid"])["configurations"]["us1"]
    return types.SimpleNamespace(
        number=number, account=account, voice=settings["voice_url"],
        status=settings["status_callback"],
    )


@pytest.fixture(scope="module")
def signed(world):
    return a_number(world, token=True)


@pytest.fixture(scope="module")
def unsigned(world):
    return a_number(world, token=False)


def voice_form(target, sid=None):
    return {
        "CallSid": sid or "CA" + "1" * 32, "AccountSid": target.account["sid"],
        "From": "+14155550199", "To": target.number.e164, "CallStatus": "ringing",
        "ApiVersion": "2010-04-01", "Direction": "inbound",
    }


def post(url, form, signature=None):
    """The status and the body that a webhook gets."""
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())
    if signature:
        request.add_header("X-Twilio-Signature", signature)
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_MAX) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def sign(url, form, token=TOKEN):
    return RequestValidator(token).compute_signature(url, form)


def refused(world, url, form, signature=None):
    """It is refused with 403 and no word of why, and no call is made or changed."""
    before = standing(world)
    status, body = post(url, form, signature)
    assert status == 403 and body == ""
    assert standing(world) == before


def standing(world):
    """Every call and its state; what else the server notes of a real call meanwhile is its own."""
    return [(call.id, call.carrier_call_id, call.state) for call in world.all_calls()]


def test_a_signed_webhook_is_answered_again_and_again_the_same(world, signed):
    form = voice_form(signed)
    answers = {post(signed.voice, form, sign(signed.voice, form)) for _ in range(3)}
    assert len(answers) == 1
    status, twiml = answers.pop()
    assert status == 200 and "<Stream url=" in twiml
    calls = [call for call in world.all_calls() if call.carrier_call_id == form["CallSid"]]
    assert len(calls) == 1


def test_a_status_callback_is_taken_again_and_again(world, signed):
    form = voice_form(signed, "CA" + "2" * 32)
    post(signed.voice, form, sign(signed.voice, form))
    over = {**form, "CallStatus": "completed", "CallDuration": "3", "SequenceNumber": "3"}
    for _ in range(3):
        assert post(signed.status, over, sign(signed.status, over)) == (204, "")
    call = next(c for c in world.all_calls() if c.carrier_call_id == form["CallSid"])
    assert world.state_of(call) == "STATE_COMPLETED"


@pytest.mark.parametrize("purpose", ["voice", "status"])
def test_unsigned_and_wrongly_signed(world, signed, purpose):
    url, form = getattr(signed, purpose), voice_form(signed, "CA" + "3" * 32)
    refused(world, url, form)
    refused(world, url, form, "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    refused(world, url, form, sign(url, form, token="f" * 32))
    refused(world, url, {**form, "From": "+14155550198"}, sign(url, form))
    refused(world, url, form, sign(url.replace("127.0.0.1", "localhost"), form))


@pytest.mark.parametrize("purpose", ["voice", "status"])
@pytest.mark.parametrize("target", ["signed", "unsigned"])
def test_forged_addresses(world, request, target, purpose):
    """A guessed token, another number's token, an unknown number, another path."""
    target = request.getfixturevalue(target)
    other = request.getfixturevalue("unsigned" if target.number is not None else "signed")
    url, form = getattr(target, purpose), voice_form(target, "CA" + "4" * 32)
    *_, id, token, _ = url.split("/")
    guesses = [
        url.replace(token, "0" * 32),
        url.replace(token, token[:-1] + ("0" if token[-1] != "0" else "1")),
        url.replace(id, "pn_" + "0" * 32),
        url.replace(token, ""),
        url.replace("/numbers/", "/calls/"),
        url + "/more",
    ]
    if other.number.id != target.number.id:
        guesses.append(url.replace(id, other.number.id))
    for guess in guesses:
        refused(world, guess, form, sign(guess, form))


def test_an_api_key_alone_works_by_token(world, unsigned):
    """Without an Auth Token the unguessable address is the proof; the call is looked up afterwards."""
    carrier_call = world.call_in(unsigned.number.e164)
    assert carrier_call["twiml"][0]["verb"] == "Connect" and carrier_call["errors"] == []
    assert world.state_of(world.inbound_call(carrier_call)) == "STATE_IN_PROGRESS"


def test_another_accounts_call_is_refused(world, signed):
    form = voice_form(signed, "CA" + "5" * 32) | {"AccountSid": "AC" + "0" * 32}
    refused(world, signed.voice, form, sign(signed.voice, form))


def test_a_deleted_numbers_address_is_worth_nothing(world):
    """What was written to the carrier before is stale."""
    stale = a_number(world, token=True)
    world.unassign(stale.number)
    world.delete_number(stale.number)
    form = voice_form(stale, "CA" + "6" * 32)

    def gone():
        return post(stale.voice, form, sign(stale.voice, form))[0] == 403

    wait_until(gone, "the route is gone", ANSWER_MAX)
    refused(world, stale.voice, form, sign(stale.voice, form))
    refused(world, stale.status, form, sign(stale.status, form))


def with_webhook(world, to):
    """The carrier's call to `to`, once its voice webhook was asked."""
    return next((call for call in world.carrier_calls(to=to) if call["webhooks"]), None)


def test_one_calls_address_is_not_anothers(world, signed):
    """The webhooks of an outbound call carry a token of that call."""
    to = [world.fresh_far_end(hang_up_after_ms=600_000) for _ in "ab"]
    placed = [result.call for result in world.place(signed.number, *to)]
    for call in placed:
        world.wait_for_state(call.id, "STATE_IN_PROGRESS")
    # The callback that tells of the answer may come before the voice webhook is answered.
    carrier_calls = [
        wait_until(lambda each=each: with_webhook(world, each), "the voice webhook") for each in to
    ]
    urls = [found["webhooks"][0]["url"].replace("/voice", "/status") for found in carrier_calls]
    swapped = urls[0].replace(placed[0].id, placed[1].id)
    form = {
        "CallSid": carrier_calls[1]["sid"], "AccountSid": signed.account["sid"],
        "CallStatus": "completed", "From": signed.number.e164, "To": to[1],
        "SequenceNumber": "9",
    }
    refused(world, swapped, form, sign(swapped, form))
    # The first call's own address can't end the second one either.
    post(urls[0], form, sign(urls[0], form))
    assert world.state_of(world.call(placed[1].id)) == "STATE_IN_PROGRESS"
    for call in placed:
        world.calls.HangUpCall(world.v1.HangUpCallRequest(id=call.id), timeout=ANSWER_MAX)
        world.wait_for_end(call.id)


def test_only_forms_are_read(signed):
    request = urllib.request.Request(signed.voice, b"{}", {"content-type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=ANSWER_MAX)
    assert 400 <= raised.value.code < 500
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(signed.voice, timeout=ANSWER_MAX)
    assert 400 <= raised.value.code < 500


def test_the_simulator_signs_as_twilio_does(world, tmp_path):
    """twilio's own validator accepts what carrier-sim posts."""
    import http.server
    import threading

    seen = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            text = self.rfile.read(int(self.headers["content-length"])).decode()
            form = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
            seen.append((self.path, form, self.headers["X-Twilio-Signature"]))
            self.send_response(200)
            self.send_header("content-type", "text/xml")
            self.end_headers()
            self.wfile.write(b"<Response><Reject/></Response>")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Hook) as hook:
        thread = threading.Thread(target=hook.serve_forever)
        thread.start()
        try:
            base = f"http://127.0.0.1:{hook.server_port}"
            account = world.account(auth_tokens={"us1": {"primary": TOKEN}})
            settings = {"us1": {"voice_url": base + "/voice?a=1&b=two"}}
            held = world.carrier_number(account, configurations=settings)
            world.call_in(held["phone_number"], fields={"ForwardedFrom": "+14155550100"})
        finally:
            hook.shutdown()
            thread.join()
    path, form, signature = seen[0]
    validator = RequestValidator(TOKEN)
    assert validator.validate(base + path, form, signature)
    assert not validator.validate(base + path, form | {"From": "x"}, signature)
    assert not RequestValidator("f" * 32).validate(base + path, form, signature)
