"""carrier-sim's trunks, lists, prices, permissions and purchases, judged by Twilio's own client."""

import datetime

import pytest
import requests

from carrier import NUMBER, TO, Carrier, error_of

PASSWORD = "Abcdefghijk1"


@pytest.fixture
def carrier(sim):
    return Carrier(sim)


def make_trunk(client, domain="front.pstn.twilio.com"):
    return client.trunking.v1.trunks.create(friendly_name="Front desk", domain_name=domain)


# Trunks


def test_a_trunk_with_all_its_parts(sim, carrier):
    before = sim.control("GET", "/inventory")
    client = carrier.client()
    trunk = client.trunking.v1.trunks.create(
        friendly_name="Front desk",
        domain_name="front.pstn.twilio.com",
        secure=True,
        transfer_mode="sip-only",
        cnam_lookup_enabled=True,
    )
    assert (trunk.domain_name, trunk.secure) == ("front.pstn.twilio.com", True)
    assert isinstance(trunk.date_created, datetime.datetime)
    at = client.trunking.v1.trunks(trunk.sid)
    url = at.origination_urls.create(
        friendly_name="first", sip_url="sip:one.sip.livekit.cloud", weight=10, priority=1,
        enabled=True,
    )
    assert (url.weight, url.enabled) == (10, True)
    assert at.origination_urls(url.sid).update(enabled=False).enabled is False
    lists = client.api.v2010.account.sip.credential_lists
    credentials = lists.create(friendly_name="trunk users")
    user = lists(credentials.sid).credentials.create(username="trunkline", password=PASSWORD)
    assert user.username == "trunkline"
    assert at.credentials_lists.create(credential_list_sid=credentials.sid).sid == credentials.sid
    access = client.api.v2010.account.sip.ip_access_control_lists.create(friendly_name="office")
    addresses = client.api.v2010.account.sip.ip_access_control_lists(access.sid).ip_addresses
    address = addresses.create(
        friendly_name="one", ip_address="192.0.2.1", cidr_prefix_length=24
    )
    assert address.cidr_prefix_length == 24
    at.ip_access_control_lists.create(ip_access_control_list_sid=access.sid)
    number = at.phone_numbers.create(phone_number_sid=carrier.number["sid"])
    assert (number.phone_number, number.trunk_sid) == (NUMBER, trunk.sid)
    assert client.incoming_phone_numbers(number.sid).fetch().trunk_sid == trunk.sid
    assert at.fetch().auth_type_set == ["IP_ACL", "CREDENTIAL_LIST"]
    assert at.recordings().update(mode="record-from-answer").mode == "record-from-answer"

    assert [entry.sid for entry in at.origination_urls.list()] == [url.sid]
    assert [entry.sid for entry in at.credentials_lists.list()] == [credentials.sid]
    assert [entry.sid for entry in at.ip_access_control_lists.list()] == [access.sid]
    assert [entry.sid for entry in at.phone_numbers.list()] == [number.sid]

    assert error_of(lists(credentials.sid).delete) == (400, 21241)
    assert error_of(at.delete) == (400, 21247)
    assert at.phone_numbers(number.sid).delete()
    assert at.delete()
    assert lists(credentials.sid).delete()
    assert client.api.v2010.account.sip.ip_access_control_lists(access.sid).delete()
    assert error_of(at.fetch) == (404, 20404)
    assert sim.control("GET", "/inventory") == before


def test_trunks_are_paged(carrier):
    client = carrier.client()
    made = {make_trunk(client, f"t{index}.pstn.twilio.com").sid for index in range(7)}
    assert {trunk.sid for trunk in client.trunking.v1.trunks.list(page_size=3)} == made
    first = client.trunking.v1.trunks.page(page_size=5)
    assert len(list(first)) == 5
    second = first.next_page()
    assert len(list(second)) == 2
    assert second.next_page() is None


def test_a_domain_is_one_accounts_alone(sim, carrier):
    make_trunk(carrier.client())
    assert error_of(lambda: make_trunk(carrier.client())) == (400, 21248)
    make_trunk(carrier.client("ie1"))
    other = sim.control("POST", "/accounts", {})
    key = sim.control("POST", "/keys", {"account_sid": other["sid"], "region": "au1"})
    client = carrier.client("au1", key["sid"], key["secret"])
    client.account_sid = other["sid"]
    assert error_of(lambda: make_trunk(client)) == (400, 21248)
    assert error_of(lambda: make_trunk(carrier.client(), "front.example.com")) == (400, 21245)


def test_outside_us1_the_number_takes_the_trunk(sim, carrier):
    client = carrier.client("ie1")
    trunk = make_trunk(client)
    attach = client.trunking.v1.trunks(trunk.sid).phone_numbers.create
    sid = carrier.number["sid"]
    assert error_of(lambda: attach(phone_number_sid=sid)) == (404, 20404)
    number = client.incoming_phone_numbers(sid).update(trunk_sid=trunk.sid)
    assert number.trunk_sid == trunk.sid
    assert error_of(client.trunking.v1.trunks(trunk.sid).delete) == (400, 21247)
    client.routes.v2.phone_numbers(NUMBER).update(voice_region="ie1")
    call = sim.control("POST", "/inbound-calls", {"from": TO, "to": NUMBER})
    assert call["disposition"] == {"kind": "trunk", "trunk_sid": trunk.sid}


def test_weak_passwords_and_long_names(carrier):
    lists = carrier.client().api.v2010.account.sip.credential_lists
    made = lists.create(friendly_name="users")
    create = lists(made.sid).credentials.create
    for username, password in [
        ("a" * 33, PASSWORD),
        ("user", "Short1"),
        ("user", "nouppercase1"),
        ("user", "NoDigitAtAll"),
    ]:
        assert error_of(lambda: create(username=username, password=password)) == (400, 21240)
    create(username="user", password=PASSWORD)
    assert error_of(lambda: create(username="user", password=PASSWORD)) == (400, 21243)
    assert error_of(lambda: lists.create(friendly_name="users")) == (400, 21240)


def test_sip_domains(carrier):
    domains = carrier.client().api.v2010.account.sip.domains
    made = domains.create(domain_name="desk.sip.twilio.com", voice_url="https://a.example/v")
    assert domains(made.sid).update(sip_registration=True).sip_registration is True
    assert [domain.domain_name for domain in domains.list()] == ["desk.sip.twilio.com"]
    assert domains(made.sid).delete()


# Numbers that are bought


def test_search_and_buy_and_release(sim, carrier):
    client = carrier.client()
    assert {c.country_code for c in client.available_phone_numbers.list()} >= {"US", "GB"}
    found = client.available_phone_numbers("US").local.list(area_code=512, limit=3)
    assert len(found) == 3 and all(n.phone_number.startswith("+1512") for n in found)
    assert client.available_phone_numbers("GB").mobile.list(limit=1)
    assert client.available_phone_numbers("US").toll_free.list(contains="8005550111")
    wanted = found[0].phone_number
    bought = client.incoming_phone_numbers.create(
        phone_number=wanted, friendly_name="op_1", voice_url="https://a.example/voice"
    )
    assert (bought.phone_number, bought.friendly_name) == (wanted, "op_1")
    create = client.incoming_phone_numbers.create
    assert error_of(lambda: create(phone_number=wanted)) == (400, 21422)
    assert error_of(lambda: create(area_code="999")) == (400, 21452)
    sim.control("POST", f"/accounts/{carrier.sid}", {"may_buy": False})
    assert error_of(lambda: create(area_code="512")) == (403, 22300)
    sim.control("POST", f"/accounts/{carrier.sid}", {"type": "Trial"})
    assert error_of(lambda: create(area_code="512")) == (400, 21404)
    assert client.incoming_phone_numbers(bought.sid).delete()
    audit = sim.control("GET", "/audit")
    assert (audit["numbers_bought"], audit["numbers_released"]) == ([bought.sid], [bought.sid])


def test_a_lost_answer_to_a_purchase_is_found_again_by_its_name(sim, carrier):
    client = carrier.client()
    fault = {"kind": "lost_after", "method": "POST", "path": "*/IncomingPhoneNumbers.json"}
    sim.control("POST", "/faults", fault)
    with pytest.raises(requests.exceptions.ConnectionError):
        client.incoming_phone_numbers.create(area_code="512", friendly_name="op_1")
    found = client.incoming_phone_numbers.list(friendly_name="op_1")
    assert len(found) == 1


def test_sub_accounts(sim, carrier):
    client = carrier.client("us1", carrier.sid, carrier.token())
    made = client.api.accounts.create(friendly_name="tenant")
    assert made.owner_account_sid == carrier.sid
    number = client.incoming_phone_numbers(carrier.number["sid"])
    assert number.update(account_sid=made.sid).account_sid == made.sid
    own = carrier.client("us1", made.sid, made.auth_token)
    own.account_sid = made.sid
    assert [n.phone_number for n in own.api.v2010.accounts(made.sid).incoming_phone_numbers.list()]
    client.api.accounts(made.sid).update(status="suspended")
    fetch = own.api.v2010.accounts(made.sid).incoming_phone_numbers(carrier.number["sid"]).fetch
    assert error_of(fetch) == (403, 20005)


def test_keys_that_may_not(sim, carrier):
    for kind, permissions, expected in [
        ("restricted", ["numbers"], (403, 20003)),
        ("test", [], (403, 20008)),
        ("restricted", ["trunks"], None),
    ]:
        owner = {"account_sid": carrier.sid, "region": "us1"}
        key = sim.control("POST", "/keys", owner | {"kind": kind, "permissions": permissions})
        client = carrier.client("us1", key["sid"], key["secret"])
        if expected:
            assert error_of(lambda: make_trunk(client)) == expected
        else:
            assert make_trunk(client).sid.startswith("TK")


# Prices and permissions


def test_dialing_permissions(sim, carrier):
    client = carrier.client()
    countries = client.voice.v1.dialing_permissions.countries
    latvia = countries("LV").fetch()
    assert (latvia.low_risk_numbers_enabled, latvia.country_codes) == (True, ["+371"])
    prefixes = countries("LV").highrisk_special_prefixes.list()
    assert [entry.prefix for entry in prefixes] == ["+37181", "+37190"]
    client.voice.v1.dialing_permissions.bulk_country_updates.create(
        update_request='[{"iso_code": "LV", "low_risk_numbers_enabled": "false"}]'
    )
    closed = countries.list(low_risk_numbers_enabled=False)
    assert [country.iso_code for country in closed] == ["LV"]
    dial = client.calls.create
    assert error_of(lambda: dial(to="+37120000000", from_=NUMBER, url="http://a.example/")) == (
        400,
        21215,
    )
    settings = client.voice.v1.dialing_permissions.settings()
    assert settings.fetch().dialing_permissions_inheritance is True


def test_prices(carrier):
    voice = carrier.client().pricing.v2.voice
    assert len(voice.countries.list()) > 10
    ireland = voice.countries("IE").fetch()
    assert ireland.outbound_prefix_prices[0]["current_price"] == "0.0180"
    number = voice.numbers("+14165550110").fetch(origination_number=NUMBER)
    assert (number.iso_country, number.price_unit) == ("CA", "USD")
    assert number.outbound_call_prices[0]["base_price"] == "0.0140"


# Faults


@pytest.mark.parametrize("status", [401, 403, 404, 409, 429, 500])
def test_every_endpoint_can_answer_a_status(sim, carrier, status):
    before = sim.control("GET", "/inventory")
    for path in ["*/v1/Trunks", "*/SIP/CredentialLists.json"]:
        sim.control("POST", "/faults", {"kind": "status", "status": status, "path": path})
    client = carrier.client()
    assert error_of(lambda: make_trunk(client))[0] == status
    create = client.api.v2010.account.sip.credential_lists.create
    assert error_of(lambda: create(friendly_name="users"))[0] == status
    assert sim.control("GET", "/inventory") == before


def test_a_trunk_whose_answer_was_lost_is_there(sim, carrier):
    client = carrier.client()
    before = sim.control("GET", "/inventory")
    for kind, count in [("lost_before", 0), ("lost_after", 1)]:
        sim.control("POST", "/faults", {"kind": kind, "method": "POST", "path": "*/v1/Trunks"})
        with pytest.raises(requests.exceptions.ConnectionError):
            make_trunk(client)
        assert len(sim.control("GET", "/inventory")["trunks"]) == count
    assert error_of(lambda: make_trunk(client)) == (400, 21248)
    found = [t for t in client.trunking.v1.trunks.list() if t.friendly_name == "Front desk"]
    assert client.trunking.v1.trunks(found[0].sid).delete()
    assert sim.control("GET", "/inventory") == before


def test_the_time_passes_before_the_answer_comes(sim, carrier):
    client = carrier.client()
    client.http_client.timeout = 0.3
    sim.control("POST", "/faults", {"kind": "delay", "delay_ms": 60_000, "path": "*/v1/Trunks"})
    with pytest.raises(requests.exceptions.ReadTimeout):
        make_trunk(client)
    assert len(sim.control("GET", "/inventory")["trunks"]) == 1
    sim.control("POST", "/clock", {"advance_ms": 60_000})
