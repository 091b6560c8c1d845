"""The main job by hand, as a person at a terminal would do it: the CLI, trunklined and carrier-sim."""

import json

import pytest

import harness

NUMBER = "+15005550006"
FORMER_URL = "https://former.example.com/voice"


@pytest.fixture
def account(sim):
    """An account with a number, and a key of each region."""
    sid = sim.control("POST", "/accounts", {})["sid"]
    keys = {
        region: sim.control(
            "POST", "/keys", {"account_sid": sid, "region": region, "kind": "standard"}
        )
        for region in harness.REGIONS
    }
    settings = {"us1": {"voice_url": FORMER_URL}}
    number = {"account_sid": sid, "phone_number": NUMBER, "configurations": settings}
    sim.control("POST", "/numbers", number)
    return sid, keys


@pytest.fixture
def cli(server):
    """Runs the CLI and expects `code`; gives back its JSON, a list for several lines."""

    def run(*arguments, code=0, input=None):
        result = harness.run_cli(
            *arguments, "--output", "json", address=server.address, input=input
        )
        assert result.returncode == code, result.stdout + result.stderr
        text = result.stdout if code == 0 else result.stderr
        lines = [json.loads(line) for line in text.splitlines()]
        return lines[0] if len(lines) == 1 else lines

    return run


def link(cli, account, region, code=0):
    sid, keys = account
    key = keys[region]
    return cli(
        *("providers", "create", "--region", region, "--account-sid", sid),
        *("--api-key-sid", key["sid"], "--api-key-secret-file", "-"),
        input=key["secret"] + "\n",
        code=code,
    )


def set_up(cli, account):
    """A provider, a number and an agent that answers it; the ids of provider and number."""
    provider = link(cli, account, "us1")["provider"]
    imported = cli("phone-numbers", "import", NUMBER, "--provider-id", provider["id"])
    number = imported["phoneNumber"]
    cli("agents", "create", "desk", "--media-stream", "wss://agents.example.com/desk")
    assigned = cli("phone-numbers", "assign", number["id"], "desk")["phoneNumber"]
    assert assigned["agentId"] == "desk"
    return provider["id"], number["id"]


def configuration(sim):
    """The voice URL of the number in us1, at the carrier."""
    entries = sim.control("GET", "/audit?prefix=http")["configurations"]
    return {(entry["region"], entry["field"]): entry["value"] for entry in entries}


def test_an_account_is_linked_once_in_each_region(cli, account):
    first = link(cli, account, "us1")["provider"]
    second = link(cli, account, "ie1")["provider"]
    assert first["id"] != second["id"]
    error = link(cli, account, "us1", code=5)["error"]
    assert error["reason"] == "PROVIDER_EXISTS"
    assert error["metadata"]["provider_id"] == first["id"]
    assert [p["id"] for p in cli("providers", "ls")["providers"]] == [second["id"], first["id"]]
    assert first["id"] == cli("providers", "ls", "--region", "us1")["providers"][0]["id"]


def test_a_key_of_another_region_is_refused_and_nothing_is_stored(cli, account):
    sid, keys = account
    error = cli(
        *("providers", "create", "--region", "au1", "--account-sid", sid),
        *("--api-key-sid", keys["us1"]["sid"], "--api-key-secret-file", "-"),
        input=keys["us1"]["secret"],
        code=6,
    )["error"]
    assert error["reason"] == "CARRIER_CREDENTIALS_OF_OTHER_REGION"
    assert error["metadata"]["valid_region"] == "us1"
    assert cli("providers", "ls") == {}


def test_calls_in_and_out_and_everything_put_back(cli, sim, account):
    provider, number = set_up(cli, account)
    assert configuration(sim)["us1", "voice_url"] != FORMER_URL
    listed = cli("phone-numbers", "ls", "--type", "twilio", "--agent-id", "desk")
    assert [entry["id"] for entry in listed["phoneNumbers"]] == [number]

    # In: somebody calls, the agent's TwiML connects them, they hang up.
    inbound = sim.control(
        "POST",
        "/inbound-calls",
        {"from": "+15005550001", "to": NUMBER, "hang_up_after_ms": 200},
    )
    assert "wss://agents.example.com/desk" in json.dumps(inbound)
    calls = cli("calls", "ls", "--direction", "inbound")["calls"]
    assert [call["carrierCallId"] for call in calls] == [inbound["sid"]]
    ended = cli("calls", "watch", calls[0]["id"])
    assert (ended[-1] if isinstance(ended, list) else ended)["call"]["state"] == "STATE_COMPLETED"

    # Out: it rings, is answered, and the far end hangs up.
    far_end = {"to": "+15005550007", "outcome": "answer", "hang_up_after_ms": 200}
    sim.control("POST", "/far-ends", far_end)
    request = ("calls", "place", "+15005550007", "--from", number, "--request-id", "once")
    call = cli(*request)["results"][0]["call"]
    states = cli("calls", "watch", call["id"])
    states = states if isinstance(states, list) else [states]
    assert states[-1]["call"]["state"] == "STATE_COMPLETED"
    assert states[-1]["call"]["endReason"] == "END_REASON_COMPLETED"
    again = cli(*request)["results"][0]["call"]
    assert again["id"] == call["id"]
    assert sim.control("GET", "/audit?prefix=http")["posts_received"] == {"+15005550007": 1}

    # Gone: refused while it is used, then the carrier has its former settings again.
    assert cli("phone-numbers", "usage", number)["usage"]["users"][0]["agentId"] == "desk"
    error = cli("phone-numbers", "delete", number, code=6)["error"]
    assert error["reason"] == "PHONE_NUMBER_ASSIGNED"
    cli("phone-numbers", "unassign", number)
    cli("phone-numbers", "delete", number)
    assert configuration(sim) == {("us1", "voice_url"): FORMER_URL}
    assert cli("phone-numbers", "get", number, code=4)["error"]["status"] == "NOT_FOUND"
    cli("agents", "delete", "desk")
    cli("providers", "delete", provider)
    assert cli("providers", "ls") == {}


def test_a_call_can_be_hung_up_more_than_once(cli, sim, account):
    _, number = set_up(cli, account)
    placed = cli("calls", "place", "+15005550008", "--from", number, "--wait", "carrier")
    call = placed["results"][0]["call"]["id"]
    assert [entry["id"] for entry in cli("calls", "ls", "--live")["calls"]] == [call]
    for _ in range(2):
        cli("calls", "hangup", call)
    ended = cli("calls", "watch", call)
    last = (ended[-1] if isinstance(ended, list) else ended)["call"]
    assert last["endReason"] == "END_REASON_HUNG_UP"
    assert cli("calls", "ls", "--live") == {}
    assert sim.control("GET", "/audit?prefix=http")["live_calls"] == []


def test_unassigned_calls_go_where_the_number_says(cli, sim, account):
    _, number = set_up(cli, account)
    cli("phone-numbers", "unassign", number)
    someone = {"from": "+15005550001", "to": NUMBER}
    assert "Reject" in json.dumps(sim.control("POST", "/inbound-calls", someone))
    cli("phone-numbers", "update", number, "--unassigned", "former")
    # The route reaches the dispatch a moment later.
    harness.wait_until(
        lambda: FORMER_URL in json.dumps(sim.control("POST", "/inbound-calls", someone)),
        "the former URL",
        seconds=10,
    )


def test_a_stale_etag_changes_nothing(cli, account):
    _, number = set_up(cli, account)
    old = cli("phone-numbers", "get", number)["phoneNumber"]["etag"]
    cli("phone-numbers", "update", number, "--label", "First", "--etag", old)
    error = cli("phone-numbers", "update", number, "--label", "Second", "--etag", old, code=5)
    assert error["error"]["reason"] == "ETAG_MISMATCH"
    assert cli("phone-numbers", "get", number)["phoneNumber"]["label"] == "First"


def test_refused_destinations_do_not_stop_the_others(cli, account):
    _, number = set_up(cli, account)
    request = ("calls", "place", "+15005550008", "+911", "nonsense", "--from", number)
    assert cli(*request, code=10)["error"]["message"] == "2 of 3 calls were refused."
