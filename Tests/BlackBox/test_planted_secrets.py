"""A whole life with planted secrets, then a search for them in everything that the server wrote, sent and answered."""

import base64
import json
import os
import types
import urllib.error
import urllib.parse
import urllib.request

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from twilio.request_validator import RequestValidator

import harness
import postgres
import world as worlds
from test_keys import run
from test_tracing import collecting

# What no form of may be found. Signs that base64, URLs and JSON write in another way are in most of them.
PASSWORD = "pass/wörd+\"1\" of=the agent&sip"
MISPLACED = "misplaced?secret/with=signs&more%"
TRUNK_OUT = "outbound+trunk/pass&word=1"
TRUNK_IN = "inbound\\trunk/päss+word=2"
REFUSED = "refused-key-secret-0123456789abcdef"
FORGED = "forged-signature+secret/0123456789=="
DATABASE = "planted-database-password"
SECOND_TOKEN = "5ec0nd70ken0123456789abcdef00000"
STAGED_TOKEN = "57a6ed70ken0123456789abcdef00000"


# Forms


def forms(secret):
    """Every way in which bytes may be written down."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for shift in range(3):
            # The digits that the secret alone decides, wherever it begins in a longer text.
            text = encode(b"\0" * shift + raw).rstrip(b"=")[(0, 2, 3)[shift] :]
            found.add(text if (len(raw) + shift) % 3 == 0 else text[:-1])
    # As a list of numbers.
    found |= {sign.join(b"%d" % byte for byte in raw) for sign in (b",", b", ")}
    if isinstance(secret, str):
        for quote in (urllib.parse.quote, urllib.parse.quote_plus):
            found |= {quote(secret, safe).encode() for safe in ("", "/")}
        found |= {text.lower() for text in list(found) if b"%" in text}
        found |= {json.dumps(secret, ensure_ascii=ascii)[1:-1].encode() for ascii in (True, False)}
        found.add(secret.encode("utf-16-le"))
    return {form for form in found if len(form) >= 8}


def search(secrets, content):
    """The names of the secrets that stand in `content` in any form."""
    return sorted({name for name, secret in secrets.items() for form in forms(secret) if form in content})


@pytest.mark.parametrize("secret", [PASSWORD, MISPLACED, "0123456789abcdef0123456789abcdef", os.urandom(32)])
def test_every_form_is_found(secret):
    raw = secret.encode() if isinstance(secret, str) else secret
    for before in (b"", b"x", b"xy", b"xyz"):
        for content in (
            before + raw + b"z", base64.b64encode(before + raw + b"zz"), base64.urlsafe_b64encode(before + raw),
            before + raw.hex().encode(), json.dumps({"bytes": list(before + raw)}).encode(),
            urllib.parse.quote(before + raw).encode(),
        ):
            if b"%" in content and not isinstance(secret, str):
                continue
            assert search({"it": secret}, b"around " + content + b" around") == ["it"], content
    assert search({"it": secret}, raw[:-1] + b"\0" + raw[1:]) == []


# What is recorded


class Recorder(grpc.UnaryUnaryClientInterceptor):
    """Keeps every answer's bytes: messages, statuses and metadata."""

    def __init__(self):
        self.answers = []
        self.refusals = 0

    def note(self, method, call):
        for part in (call.initial_metadata(), call.trailing_metadata()):
            for name, value in part or ():
                self.answers.append((method, value.encode() if isinstance(value, str) else value))
        self.answers.append((method, (call.details() or "").encode()))

    def intercept_unary_unary(self, go_on, details, request):
        call = go_on(details, request)
        error = call.exception()
        self.note(details.method, call)
        if error is None:
            self.answers.append((details.method, call.result().SerializeToString()))
        else:
            self.refusals += 1
        return call


def fetch(url, data=None, headers=()):
    """Status and bytes of an HTTP answer, headers with them."""
    request = urllib.request.Request(url, data)
    for name, value in headers:
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=worlds.ANSWER_MAX) as answer:
            return answer.status, str(answer.headers).encode() + answer.read()
    except urllib.error.HTTPError as error:
        return error.code, str(error.headers).encode() + error.read()


# The life


@pytest.fixture(params=["sqlite", "postgresql"])
def life(request, stubs, sim, tmp_path):
    """A deployment that records, before anything happened in it."""
    life = types.SimpleNamespace(
        secrets={
            "password": PASSWORD, "misplaced": MISPLACED, "refused": REFUSED, "forged": FORGED,
            "trunk out": TRUNK_OUT, "trunk in": TRUNK_IN},
        numbers=set(), recorder=Recorder(), spans=[], web=[], database=None, postgres=None)
    arguments = ["--access-log=all", "--log-level=debug", "--channelz"]
    if request.param == "postgresql":
        life.postgres = postgres.Server(tmp_path / "postgres").__enter__()
        life.database = life.postgres.url(life.postgres.make_database()).replace("postgres@", f"postgres:{DATABASE}@")
        life.secrets["database"] = DATABASE
    with collecting() as (collector, target):
        server = harness.Trunklined(tmp_path / "planted", sim, arguments=[*arguments, f"--otlp={target}"])
        if life.database:
            server.environment["TRUNKLINE_DATABASE"] = life.database
        life.server, life.collector, life.sim = server, collector, sim
        open_channel = server.channel
        server.channel = lambda **options: grpc.intercept_channel(open_channel(**options), life.recorder)
        life.v1 = stubs.v1
        server.start()
        life.world = worlds.World(stubs, sim, server)
        try:
            yield life
        finally:
            life.world.close()
            server.stop()
            if life.postgres:
                life.postgres.__exit__(None, None, None)


def command(life, *arguments):
    place = {"TRUNKLINE_DATABASE": life.database} if life.database else {}
    code, said = run(*arguments, f"--data-dir={life.server.data_dir}", **place)
    life.web.append(said.encode())
    return code, said


def stage(life, account, provider, region, token, key=None):
    tokens = {"account_sid": account["sid"], "region": region, "secondary": token}
    life.sim.control("POST", "/tokens", tokens)
    request = life.v1.StageCredentialRequest(id=provider.id, request_id=worlds.request_id())
    request.twilio.auth_token = token
    if key:
        request.twilio.api_key_sid, request.twilio.api_key_secret = key["sid"], key["secret"]
    life.world.providers.StageCredential(request, timeout=worlds.ANSWER_MAX)


def link_and_import(life):
    world = life.world
    account = world.account()
    key, second = world.key(account), world.key(account)
    token = account["auth_tokens"]["us1"]["primary"]
    life.secrets |= {"key": key["secret"], "second key": second["secret"], "token": token}
    v1 = life.v1
    # Refused by the carrier first, then taken, then given other credentials.
    twilio = v1.Provider.Twilio(account_sid=account["sid"], api_key_sid=key["sid"], api_key_secret=REFUSED)
    provider = v1.Provider(region=v1.REGION_US1, twilio=twilio)
    refused = worlds.refusal(world.providers.CreateProvider, v1.CreateProviderRequest(provider=provider))
    assert refused.code == grpc.StatusCode.FAILED_PRECONDITION
    linked = world.provider(account, key=key, token=token)
    held = world.carrier_number(account)
    number = world.import_number(linked, held["phone_number"])
    change = v1.UpdateProviderRequest(provider=v1.Provider(
        id=linked.id, twilio=v1.Provider.Twilio(api_key_sid=second["sid"], api_key_secret=second["secret"])))
    change.update_mask.paths.extend(["twilio.api_key_sid", "twilio.api_key_secret"])
    world.providers.UpdateProvider(change, timeout=worlds.ANSWER_MAX)
    change.provider.twilio.api_key_secret = REFUSED
    worlds.refusal(world.providers.UpdateProvider, change)
    # A third key and the second token take their places; what they replace is kept.
    third = world.key(account)
    life.secrets |= {"third key": third["secret"], "second token": SECOND_TOKEN}
    stage(life, account, linked, "us1", SECOND_TOKEN, third)
    world.providers.PromoteCredential(
        v1.PromoteCredentialRequest(id=linked.id), timeout=worlds.ANSWER_MAX)
    # Another, by its token alone, in another region, with another staged.
    account = world.account()
    life.secrets["token alone"] = account["auth_tokens"]["ie1"]["primary"]
    alone = world.provider(account, region="ie1", token=life.secrets["token alone"])
    life.secrets["staged token"] = STAGED_TOKEN
    stage(life, account, alone, "ie1", STAGED_TOKEN)
    link_trunk(life)
    life.numbers.add(number.e164)
    settings = world.at_carrier(held["sid"])["configurations"]["us1"]
    life.voice, life.held = settings["voice_url"], held
    return number, token


def link_trunk(life):
    v1, providers = life.v1, life.world.providers
    trunk = v1.Provider.SipTrunk(
        outbound=v1.Provider.SipTrunk.Outbound(
            address="sip.carrier.example", username="out", password=TRUNK_OUT),
        inbound=v1.Provider.SipTrunk.Inbound(username="in", password=TRUNK_IN))
    provider = v1.Provider(region=v1.REGION_US1, sip_trunk=trunk)
    made = providers.CreateProvider(
        v1.CreateProviderRequest(provider=provider), timeout=worlds.ANSWER_MAX).provider
    assert made.sip_trunk.outbound.has_password and made.sip_trunk.inbound.has_password
    # Read and changed, also with what is refused.
    providers.GetProvider(v1.GetProviderRequest(id=made.id), timeout=worlds.ANSWER_MAX)
    trunk.outbound.headers["Via"] = "x"
    worlds.refusal(providers.UpdateProvider, v1.UpdateProviderRequest(
        provider=v1.Provider(id=made.id, sip_trunk=trunk)))


def call_in_and_out(life, number, token):
    world, v1 = life.world, life.v1
    connection = v1.AgentConnection(sip=v1.AgentConnection.Sip(
        uri="sip:agent@sip.example", username="trunk", password=PASSWORD))
    world.agent_with([connection], id="sip")
    # The same goes for a softphone, which is what answers here.
    agent = world.softphone(username="trunk", password=PASSWORD)
    world.assign(number, agent)

    def dialled():
        verb = world.call_in(number.e164, caller="+14155550177")["twiml"][0]
        return verb if verb["verb"] == "Dial" else None

    [target] = harness.wait_until(dialled, "the agent is dialled", worlds.ANSWER_MAX)["children"]
    assert target["attributes"]["password"] == PASSWORD
    life.numbers |= {"+14155550177"}
    to = world.fresh_far_end()
    life.numbers.add(to)
    [placed] = world.place(number, to)
    world.wait_for_end(placed.call.id)
    # Forged, and genuine once more with what does not belong there.
    form = {
        "CallSid": "CA" + "7" * 32, "AccountSid": life.held["account_sid"], "From": "+14155550178", "To": number.e164,
        "CallStatus": "ringing", "Secret": MISPLACED}
    life.numbers.add("+14155550178")
    signature = RequestValidator(token).compute_signature(life.voice, form)
    for url in (life.voice, life.voice + "?a=" + urllib.parse.quote(MISPLACED), life.voice[:-8] + "00000000"):
        for shown in (FORGED, signature, ""):
            status, body = fetch(url, urllib.parse.urlencode(form).encode(), [("X-Twilio-Signature", shown)])
            assert status in (200, 403)
            if status == 403:
                life.web.append(body)
    for path in ("/" + urllib.parse.quote(MISPLACED, ""), "/v1/numbers/x/" + FORGED.replace("/", "")):
        for address in (life.server.webhook_address, life.server.admin_address):
            life.web.append(fetch(f"http://{address}{path}", headers=[("Authorization", MISPLACED)])[1])


def strings(descriptor, depth=4):
    """The paths of every field of text below a message."""
    for field in descriptor.fields:
        if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            yield (field,)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and depth:
            if not field.message_type.full_name.startswith("google.protobuf."):
                for path in strings(field.message_type, depth - 1):
                    yield (field, *path)


def plant(message, path, secret):
    [field, *rest] = path
    if rest and field.message_type.GetOptions().map_entry:
        if field.message_type.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
            getattr(message, field.name)[secret] = secret
    elif rest:
        child = getattr(message, field.name)
        plant(child.add() if field.is_repeated else child, rest, secret)
    elif field.is_repeated:
        getattr(message, field.name).append(secret)
    else:
        value = secret.encode() if field.type == FieldDescriptor.TYPE_BYTES else secret
        setattr(message, field.name, value)


def misplace(life):
    """Every method with the secret in every field of text, one at a time and in all at once."""
    v1, count = life.v1, 0
    with life.server.channel() as channel:
        for name in sorted(vars(v1)):
            if not name.endswith("ServiceStub"):
                continue
            service = v1.__dict__[name.removesuffix("Stub") + "Servicer"]
            stub = getattr(v1, name)(channel)
            for method in [m for m in vars(service) if m[0].isupper()]:
                request_type = getattr(v1, f"{method}Request")
                paths = list(strings(request_type.DESCRIPTOR))
                for chosen in [paths, *[[path] for path in paths]]:
                    request = request_type()
                    for path in chosen:
                        plant(request, path, MISPLACED)
                    try:
                        answer = getattr(stub, method)(request, timeout=worlds.ANSWER_MAX)
                        if not hasattr(answer, "DESCRIPTOR"):
                            # A watch that began: it is told nothing that was asked for in vain.
                            answer.cancel()
                            continue
                    except grpc.RpcError:
                        count += 1
                        continue
                    fields = [".".join(field.name for field in path) for path in chosen]
                    assert method.startswith(("List", "Get")), f"{method} took a secret in {fields}"
    assert count > 100
    # And beside the messages.
    with life.server.bare_channel() as channel:
        agents = v1.AgentServiceStub(channel)
        for shown in (f"Bearer {FORGED}", "Bearer trk_" + "0" * 32 + "_" + FORGED, f"Basic {FORGED}"):
            for key in ("authorization", "x-api-key", "cookie"):
                with pytest.raises(grpc.RpcError) as caught:
                    agents.ListAgents(v1.ListAgentsRequest(), metadata=((key, shown),), timeout=30)
                life.recorder.note("forged", caught.value)


def tokens(life):
    made = harness.run_cli(
        "tokens", "create", "--name=planted", "--scopes=agents:read", "-o", "json", address=life.server.address)
    assert made.returncode == 0, made.stderr
    text = json.loads(made.stdout)["tokenText"]
    life.secrets["API token"] = text.rsplit("_", 1)[1]
    life.secrets["first token"] = life.server.token.rsplit("_", 1)[1]
    with life.server.bare_channel() as channel:
        shown = (("authorization", f"Bearer {text}"),)
        agents = life.v1.AgentServiceStub(channel)
        answer, call = agents.ListAgents.with_call(life.v1.ListAgentsRequest(), metadata=shown, timeout=30)
        life.recorder.note("with a token", call)
        life.recorder.answers.append(("with a token", answer.SerializeToString()))
        with pytest.raises(grpc.RpcError) as caught:
            life.v1.ProviderServiceStub(channel).ListProviders(
                life.v1.ListProvidersRequest(), metadata=shown, timeout=30)
        life.recorder.note("with a token", caught.value)
    listed = harness.run_cli("tokens", "ls", address=life.server.address)
    audit = harness.run_cli("audit", "ls", address=life.server.address)
    life.web += [listed.stdout.encode(), audit.stdout.encode()]


def look_around(life):
    """All that a reader gets: lists, the audit log, metrics, channelz."""
    world = life.world
    assert world.all_providers() and world.all_agents() and world.all_calls() and world.all_tokens()
    world.audit_log.ListAuditEvents(life.v1.ListAuditEventsRequest(page_size=200), timeout=30)
    status, metrics = fetch(f"http://{life.server.admin_address}/metrics")
    assert status == 200 and b"grpc_server" in metrics
    channelz = []
    with life.server.channel() as channel:
        stub = channelz_pb2_grpc.ChannelzStub(channel)
        servers = stub.GetServers(channelz_pb2.GetServersRequest(), timeout=30)
        channelz.append(servers)
        for server in servers.server:
            channelz.append(stub.GetServerSockets(
                channelz_pb2.GetServerSocketsRequest(server_id=server.ref.server_id), timeout=30))
        channelz.append(stub.GetTopChannels(channelz_pb2.GetTopChannelsRequest(), timeout=30))
    life.telling = [metrics, *[answer.SerializeToString() for answer in channelz]]


def keyring_secrets(life):
    """Every key of the keyring, as text and as bytes."""
    for line in (life.server.data_dir / "keyring").read_text().splitlines():
        if not line.startswith("#"):
            purpose, name, key = line.split(" ")
            life.secrets[f"key {name}"] = key
            life.secrets[f"bytes of {name}"] = base64.b64decode(key)


def rotate_and_copy(life, folder):
    keyring = life.server.data_dir / "keyring"
    code, said = command(life, "keys", "add", f"--keyring={keyring}")
    assert code == 0, said
    code, said = command(life, "keys", "rotate", "seal-2", f"--keyring={keyring}")
    assert code == 0 and "5 rows were sealed anew under seal-2" in said
    code, said = command(life, "keys", "ls", f"--keyring={keyring}")
    assert code == 0 and "may be removed" in said
    keyring_secrets(life)
    code, said = command(life, "export", folder / "all.jsonl")
    assert code == 0, said
    if not life.database:
        code, said = command(life, "backup", folder / "backup")
        assert code == 0, said


# The search


def written(life, folder):
    """Every file that the server or its database wrote, but those that are there to hold a secret."""
    spared = {
        life.server.data_dir / "keyring", life.server.token_file, life.server.registry_token_file}
    roots = [life.server.folder, folder]
    if life.postgres:
        roots.append(life.postgres.folder)
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink() and path not in spared:
                yield path


def test_no_planted_secret_is_found_anywhere(life, tmp_path):
    copies = tmp_path / "copies"
    copies.mkdir()
    number, token = link_and_import(life)
    keyring_secrets(life)
    call_in_and_out(life, number, token)
    tokens(life)
    misplace(life)
    rotate_and_copy(life, copies)
    look_around(life)
    # After the rotation the secrets are still good.
    assert life.world.place(number, life.world.fresh_far_end())[0].call.id
    # Files as they lie while it serves, with their write-ahead logs, and afterwards.
    for moment in ("serving", "stopped"):
        if moment == "stopped":
            life.world.close()
            assert life.server.stop() == 0
            if life.postgres:
                life.postgres.sql("CHECKPOINT")
        paths = list(written(life, copies))
        found = {}
        numbers_seen = set()
        for path in paths:
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            hits = search(life.secrets, content)
            if hits:
                found[str(path)] = hits
            numbers_seen |= {e164 for e164 in life.numbers if e164.encode() in content}
        assert not found, found
        # The search looks where the data is: the numbers are there.
        assert number.e164 in numbers_seen
        names = {path.name for path in paths}
        assert "trunklined.log" in names and "all.jsonl" in names
        assert any("pg_wal" in path.parts for path in paths) if life.postgres else "registry.db" in names
        if moment == "serving" and not life.postgres:
            assert {"registry.db-wal", "calls.db-wal", "routes.db"} <= names

    spans = []
    while not life.collector.spans.empty():
        spans.append(life.collector.spans.get()[1].SerializeToString())
    assert len(spans) > 100 and life.recorder.refusals > 100
    told = {
        "log": [life.server.output().encode()], "span": spans, "metric or channelz": life.telling,
        "web answer or command": life.web,
        **{f"answer to {method}": [] for method, _ in life.recorder.answers},
    }
    for method, content in life.recorder.answers:
        told[f"answer to {method}"].append(content)
    found = {what: hits for what, contents in told.items() if (hits := search(life.secrets, b"\n".join(contents)))}
    assert not found, found
    # Full numbers are their owner's alone: in no log, trace or metric.
    numbers = {e164: e164 for e164 in life.numbers} | {"a voice URL's token": life.voice.split("/")[-2]}
    for what in ("log", "span", "metric or channelz"):
        assert not search(numbers, b"\n".join(told[what])), what
