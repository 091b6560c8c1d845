"""Reads of a registry with a million numbers, on SQLite and on PostgreSQL, beside pgbench.

Server, database and load share both CPUs, unpinned, as pgbench and its server do: the same machine,
the same run, in turn. pgbench reads its own table of a million rows (scale 10) with
`-S -M prepared -c 8`, in the same cluster.

The load is BenchPeers/grpc_load, over gRPC and as light as pgbench: at the top with 8 connections
of 8 callers each, which ask as fast as they are answered; else at a rate far from the top, so that
the times are those of a call and not of a queue. Of both, p50 and p99 are the medians of several
rounds, in which all reads take turns: what else the machine does in one moment is in one round.
"""

import contextlib
import json
import pathlib
import random
import re
import shutil
import sqlite3
import statistics
import struct
import subprocess
import sys
import time

import grpc
import stage
from grpc_health.v1 import health_pb2, health_pb2_grpc
from ports import free_port

from . import database, million, servers, workloads

SERVICE = "trunkline.v1.PhoneNumberService"
HEALTH = ("trunkline.v1.PhoneNumberService", "trunkline.v1.CallDispatchService")
# What the issue asks for; told, not asserted: they depend on the machine.
P99_US_MAX, START_MAX, RSS_MIB_MAX, SHARE_OF_PGBENCH_MIN = 5000, 5.0, 1024, 0.5
# How long a start may take before the run is given up, in seconds.
START_GIVEN_UP = 180
# Calls a second where it is not the most that is measured.
READ_RATE, PAGE_RATE, LONG_PAGE_RATE = 2000, 200, 50
# How long each is read at its rate in a round.
RATE_SECONDS = 1
# RegistryLimits.pageSizeMax.
PAGE_SIZE_MAX = 200
REGIONS = {"us1": 1, "ie1": 2, "au1": 3}
STATES = {"active": 2, "degraded": 3, "corrupted": 5}
CALLERS = 8
LONG_PAGE = f"list, deep, page of {PAGE_SIZE_MAX}"


class Trunklined:
    """The server under measurement; `start_seconds` is from its start to SERVING."""

    def __init__(self, folder, *flags):
        self.folder = folder
        self.port = free_port()
        self.admin, self.webhooks = free_port(), free_port()
        self.log = (folder.parent / "trunklined.log").open("ab")
        command = [
            stage.program("trunklined"), "serve", f"--data-dir={folder}",
            f"--listen=127.0.0.1:{self.port}", f"--admin-listen=127.0.0.1:{self.admin}",
            f"--webhook-listen=127.0.0.1:{self.webhooks}",
            f"--keyring={million.FOLDER / 'data' / 'keyring'}", "--sweep-interval=0", *flags]
        command += [f"--public-url=us1=http://127.0.0.1:{self.webhooks}"]
        begun = time.monotonic()
        self.popen = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log)
        wanted = HEALTH[1] if any("roles=dispatch" in str(flag) for flag in flags) else HEALTH[0]
        self._wait(wanted, begun + START_GIVEN_UP)
        self.start_seconds = time.monotonic() - begun

    def _wait(self, service, deadline):
        while time.monotonic() < deadline:
            if self.popen.poll() is not None:
                sys.exit(f"bench: trunklined ended; see {self.log.name}")
            with grpc.insecure_channel(f"127.0.0.1:{self.port}") as channel, \
                    contextlib.suppress(grpc.RpcError):
                answer = health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(service=service), timeout=2)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            time.sleep(0.01)
        sys.exit(f"bench: trunklined does not serve; see {self.log.name}")

    def mib(self, what):
        """VmRSS or VmHWM."""
        text = pathlib.Path(f"/proc/{self.popen.pid}/status").read_text()
        return int(re.search(rf"{what}:\s+(\d+)", text).group(1)) / 1024

    def wait_for_copy(self):
        """Waits until the dispatch's own copy of the routes is whole."""
        deadline = time.monotonic() + START_GIVEN_UP
        while time.monotonic() < deadline:
            with contextlib.suppress(sqlite3.OperationalError):
                copy = sqlite3.connect(f"file:{self.folder}/routes.db?mode=ro", uri=True)
                with contextlib.closing(copy):
                    if copy.execute("SELECT epoch FROM route_copy_place").fetchone()[0]:
                        return
            time.sleep(0.1)
        raise workloads.Failed("the dispatch has no copy of the routes")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.popen.terminate()
        try:
            self.popen.wait(60)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        self.log.close()


# Requests


def list_request(size=0, token="", agent="", provider="", region=0, state=0, kind=0):
    message = workloads.field_number(1, size)
    for number, text in ((2, token), (4, agent), (5, provider)):
        if text:
            message += workloads.field_bytes(number, text.encode())
    for number, value in ((3, kind), (6, region), (7, state)):
        message += workloads.field_number(number, value)
    return message


def filters(made, chance):
    """Name -> how a list's filters are drawn, for every set of filters that the contract allows."""
    def draw(names):
        found = {}
        if "agent" in names:
            found["agent"] = chance.choice(made["agents"])
        if "provider" in names:
            found["provider"] = made["providers"][chance.randrange(len(made["providers"]))]
        if "region" in names:
            found["region"] = chance.choice(list(REGIONS.values()))
            if "provider" in names:
                # Of another region's provider there is nothing.
                found["region"] = made["providers"].index(found["provider"]) % len(REGIONS) + 1
        if "state" in names:
            found["state"] = chance.choice(list(STATES.values()))
        if "kind" in names:
            found["kind"] = 1
        return found

    every = ["agent", "provider", "region", "state"]
    sets = [[name for bit, name in enumerate(every) if chosen >> bit & 1]
            for chosen in range(1 << len(every))]
    return {"+".join(names) or "no filter": (lambda names=names: draw(names))
            for names in sets + [["kind"]]}


def rare(made):
    """Filters that each fit many numbers, and together few or none."""
    return {
        "corrupted in a region": {"region": 1, "state": 5},
        "deleting in a region (none)": {"region": 1, "state": 4},
        "deleting of a provider (none)": {"provider": made["providers"][0], "state": 4},
        "deleting of an agent (none)": {"agent": made["agents"][0], "state": 4},
        "a provider in another's region (none)": {"provider": made["providers"][0], "region": 2},
    }


def deep_tokens(server, token):
    """Tokens from the first page to the last, as the server gives them."""
    found, page = [], ""
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.unary_unary(f"/{SERVICE}/ListPhoneNumbers")
        for index in range(100_000):
            answer = call(list_request(PAGE_SIZE_MAX, page), timeout=60,
                          metadata=[("authorization", f"Bearer {token}")])
            # Field 2, last in the message: the tag, its length, the token.
            match = re.search(rb"\x12[\x01-\xff]{1,2}?([0-9a-f]+)\Z", answer)
            if not match:
                return found
            page = match.group(1).decode()
            if index % 50 == 0:
                found.append(page)
    raise workloads.Failed("the list has no end")


def places(server, token):
    """The same, read once: both stores hold the same rows."""
    file = million.FOLDER / "tokens.json"
    if not file.exists():
        file.write_text(json.dumps(deep_tokens(server, token)))
    return json.loads(file.read_text())


class Load:
    """Takes measurements of one server."""

    def __init__(self, server, folder, token):
        self.server, self.folder, self.token = server, folder, token

    def run(self, method, messages, seconds, rate=0, callers=1):
        file = self.folder / "messages"
        file.write_bytes(b"".join(struct.pack(">I", len(m)) + m for m in messages))
        result = subprocess.run(
            [servers.OUT / "grpc-load", str(self.server.port), f"/{SERVICE}/{method}", file,
             self.token, *map(str, (CALLERS, callers, seconds, rate))],
            capture_output=True, text=True, check=False)
        found = json.loads(result.stdout or "{}")
        if result.returncode != 0 or not found["calls"]:
            raise workloads.Failed(f"{method}: {found} {result.stderr}")
        print(f"bench: {method}: {found['calls_per_second']:.0f}/s, p50 {found['p50_us']} us, "
              f"p99 {found['p99_us']} us", file=sys.stderr)
        return found

    def check(self, ids, made):
        """A grpcio client's word that the answers are the right ones."""
        with grpc.insecure_channel(f"127.0.0.1:{self.server.port}") as channel:
            told = [("authorization", f"Bearer {self.token}")]
            get = channel.unary_unary(f"/{SERVICE}/GetPhoneNumber")
            for number in ids[:20]:
                answer = get(workloads.field_bytes(1, number.encode()), timeout=60, metadata=told)
                if number.encode() not in answer:
                    raise workloads.Failed(f"{number} is answered with {answer!r}")
            pages = channel.unary_unary(f"/{SERVICE}/ListPhoneNumbers")
            answer = pages(list_request(PAGE_SIZE_MAX, state=3), timeout=60, metadata=told)
            # Each number's state is field 20, twice: in the list's own entry.
            if answer.count(b"\xa0\x01\x03") != PAGE_SIZE_MAX:
                raise workloads.Failed("a page of degraded numbers holds others")


def look_up(place, e164s, folder, seconds):
    file = folder / "numbers"
    file.write_text("\n".join(e164s) + "\n")
    found = json.loads(subprocess.run(
        [str(stage.program("Bench")), "look-up", *place, "--numbers", str(file), "--seconds",
         str(seconds)], check=True, capture_output=True, text=True).stdout)
    if found["failures"] or found["size"] < found["calls"]:
        raise workloads.Failed(f"look-ups by E.164: {found}")
    return found


def pgbench_rate(cluster, seconds):
    text = cluster.pgbench("-S", "-M", "prepared", "-c", "8", "-T", str(seconds))
    return float(re.search(r"tps = ([\d.]+)", text).group(1))


def reads_at_a_rate(load, made, ids, options):
    """Name -> the method, its rate, and what draws messages: others for each run, so that none
    finds what the one before has just read."""
    chance = random.Random(5)
    reads = {"get": ("GetPhoneNumber", READ_RATE, lambda: get_requests(chance.sample(ids, 10_000)))}
    for name, draw in filters(made, chance).items():
        reads[f"list, {name}"] = (
            "ListPhoneNumbers", PAGE_RATE,
            lambda draw=draw: [list_request(**draw()) for _ in range(500)])
    for name, values in rare(made).items():
        reads[f"list, {name}"] = (
            "ListPhoneNumbers", PAGE_RATE, lambda values=values: [list_request(**values)])
    deep = places(load.server, load.token)
    for size, rate in ((50, PAGE_RATE), (PAGE_SIZE_MAX, LONG_PAGE_RATE)):
        reads[f"list, deep, page of {size}"] = (
            "ListPhoneNumbers", rate,
            lambda size=size: [list_request(size, token) for token in chance.sample(deep, len(deep))])
    return {name: read for name, read in reads.items() if options.only in name}


def get_requests(ids):
    return [workloads.field_bytes(1, number.encode()) for number in ids]


def measure_reads(load, made, sample, cluster, options):
    """name -> measurement; and pgbench's rates between."""
    ids, seconds = sample["ids"], options.seconds
    gets = get_requests(ids)
    load.check(ids, made)
    reads = reads_at_a_rate(load, made, ids, options)
    # Unmeasured: a server's connection plans each statement when it meets it first.
    load.run("GetPhoneNumber", gets, 1, callers=8)
    for method, rate, draw in reads.values():
        load.run(method, draw(), RATE_SECONDS, rate=rate)
    rounds, beside = {name: [] for name in ("get, at the top", *reads)}, []
    for _ in range(options.rounds):
        beside.append(pgbench_rate(cluster, seconds))
        rounds["get, at the top"].append(load.run("GetPhoneNumber", gets, seconds, callers=8))
        for name, (method, rate, draw) in reads.items():
            rounds[name].append(load.run(method, draw(), RATE_SECONDS, rate=rate))
    return {name: median(found) for name, found in rounds.items()}, beside


def median(found):
    keys = ("calls_per_second", "p50_us", "p99_us")
    return {key: statistics.median(one[key] for one in found) for key in keys} | {
        "max_us": max(one["max_us"] for one in found)}


def warm(folder):
    """Reads the files, so that the kernel has them: as after a day of serving, not after a boot."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(16 << 20):
                    pass


def warm_buffers(cluster):
    """Has the server take the numbers and their indexes into its buffers, where pgbench's rows get
    within its first second: a million are read too seldom for that in a few."""
    cluster.sql("CREATE EXTENSION IF NOT EXISTS pg_prewarm", "registry")
    cluster.sql(
        "SELECT sum(pg_prewarm(c.oid)) FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid "
        "WHERE coalesce(i.indrelid, c.oid) IN "
        "('phone_numbers'::regclass, 'number_directory'::regclass)", "registry")


def sample_of(path, made):
    """Random ids and numbers of the file."""
    source = sqlite3.connect(path)
    rows = source.execute("SELECT number_id, e164 FROM number_directory").fetchall()
    source.close()
    chosen = random.Random(6).sample(rows, min(100_000, len(rows)))
    return {"ids": [row[0] for row in chosen], "e164s": [row[1] for row in chosen]}


@contextlib.contextmanager
def new_server(folder):
    """A cluster with the tables of this version."""
    with database.Cluster(folder) as cluster:
        cluster.make_database("registry")
        subprocess.run(
            [str(stage.program("trunklined")), "migrate",
             f"--database={cluster.url('registry')}"], check=True, stdout=subprocess.DEVNULL)
        yield cluster


def measure_store(name, flags, place, context):
    """Start, reads and memory of a registry alone."""
    made, sample, cluster, folder, options, token = context
    data = million.FOLDER / ("data" if name == "SQLite" else "served")
    data.mkdir(exist_ok=True)
    # No more than what is read: the files of both stores together are more than memory.
    if name == "SQLite":
        warm(data)
    else:
        warm_buffers(cluster)
    with Trunklined(data, "--roles=registry", *flags) as server:
        load = Load(server, folder, token)
        reads, beside = measure_reads(load, made, sample, cluster, options)
        facts = {"start, registry: s": server.start_seconds,
                 "peak of the registry: MiB": server.mib("VmHWM")}
    reads["look-up by E.164 (store)"] = look_up(place, sample["e164s"], folder, options.seconds)
    share = reads["get, at the top"]["calls_per_second"] / statistics.median(beside)
    return {"reads": reads, "pgbench": beside, "get of pgbench": share, "facts": facts}


def measure_roles(name, flags):
    """Both roles in one process: with no copy of the routes yet, and restarted with it."""
    data = million.FOLDER / ("data" if name == "SQLite" else "served")
    for file in data.glob("routes.db*"):
        file.unlink()
    facts = {}
    for what in ("first start", "restart"):
        begun = time.monotonic()
        with Trunklined(data, *flags) as server:
            facts[f"{what}, both roles: s"] = server.start_seconds
            server.wait_for_copy()
            facts[f"{what}, both roles, at rest: s"] = time.monotonic() - begun
            facts[f"peak of both roles, {what}: MiB"] = server.mib("VmHWM")
            facts[f"both roles at rest, {what}: MiB"] = server.mib("VmRSS")
    return facts


def measure_dispatch(flags):
    """A dispatch of its own: fed by a registry, then restarted with its copy and no registry."""
    data = million.FOLDER / "dispatch"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    facts = {}
    with Trunklined(million.FOLDER / "data", "--roles=registry", "--auth=off", *flags) as registry:
        address = f"127.0.0.1:{registry.port}"
        with Trunklined(data, "--roles=dispatch", f"--registry={address}", "--auth=off") as server:
            server.wait_for_copy()
            facts["peak of a dispatch, first start: MiB"] = server.mib("VmHWM")
    with Trunklined(data, "--roles=dispatch", f"--registry={address}", "--auth=off") as server:
        facts["restart, dispatch alone with its copy: s"] = server.start_seconds
        facts["peak of a dispatch, restart: MiB"] = server.mib("VmHWM")
    return facts


def run(options, folder):
    """Everything; answers what `show` and the JSON file take."""
    servers.build_load()
    made = million.prepare(options.count, new_server)
    token = (million.FOLDER / "admin-token").read_text().strip()
    path = million.FOLDER / "data" / "registry.db"
    sample = sample_of(path, made)
    result = {"count": made["count"], "stores": {}}
    with database.Cluster(million.FOLDER / "postgres") as cluster:
        url = cluster.url("registry")
        stores = {"PostgreSQL": ([f"--database={url}"], ["--database", url]),
                  "SQLite": ([], ["--file", str(path)])}
        context = (made, sample, cluster, folder, options, token)
        for name, (flags, place) in stores.items():
            if options.store in ("", name.lower()):
                found = measure_store(name, flags, place, context)
                if not options.quick:
                    found["facts"] |= measure_roles(name, flags)
                result["stores"][name] = found
                # At once: what follows takes minutes.
                show(f"{name}, {made['count']:,} numbers", found)
    if not options.quick:
        result["dispatch"] = measure_dispatch([])
        print("\na dispatch of its own")
        tell(result["dispatch"])
    return result


def show(title, found):
    print(f"\n{title}")
    print(f"  {'read':<44}" + "".join(f"{c:>12}" for c in ("calls/s", "p50 us", "p99 us", "max us")))
    for what, row in found["reads"].items():
        cells = [f"{row[key]:.0f}" for key in ("calls_per_second", "p50_us", "p99_us", "max_us")]
        late = "  > 5 ms" if row["p99_us"] > P99_US_MAX and "top" not in what else ""
        print(f"  {what:<44}" + "".join(f"{cell:>12}" for cell in cells) + late)
    rates = ", ".join(f"{rate:.0f}" for rate in found["pgbench"])
    share = found["get of pgbench"]
    less = f"  < {SHARE_OF_PGBENCH_MIN}" if share < SHARE_OF_PGBENCH_MIN else ""
    print(f"  pgbench -S -M prepared -c 8: {rates}; get is {share:.2f} of it{less}", flush=True)
    tell(found["facts"])


def tell(facts):
    for what, value in facts.items():
        bound = START_MAX if what.endswith(": s") and "rest" not in what else \
            RSS_MIB_MAX if what.endswith("MiB") else None
        over = f"  > {bound:g}" if bound and value > bound else ""
        print(f"  {what:<52}{value:>10.1f}{over}")


def ratios(result):
    """What a later change is held against. A time is told in transactions of pgbench, which the
    same machine makes meanwhile."""
    found = {}
    for name, store in result["stores"].items():
        rate, reads, facts = statistics.median(store["pgbench"]), store["reads"], store["facts"]
        pages = {what: row["p50_us"] for what, row in reads.items() if what.startswith("list")}
        long = pages.pop(LONG_PAGE, None)
        look_ups = reads["look-up by E.164 (store)"]["calls_per_second"]
        of = {"transactions of pgbench for a get": 1 / store["get of pgbench"],
              "transactions of pgbench for a look-up by E.164": rate / look_ups,
              "MiB of the registry at its peak": facts["peak of the registry: MiB"]}
        if pages:
            slowest = max(pages.values())
            of["transactions of pgbench while the slowest page is read"] = slowest * rate / 1e6
        if long:
            of[f"transactions of pgbench while a page of {PAGE_SIZE_MAX} is read"] = long * rate / 1e6
        if "restart, both roles: s" in facts:
            of |= {"thousand transactions of pgbench while both roles restart":
                   facts["restart, both roles: s"] * rate / 1000,
                   "MiB of both roles at their peak": facts["peak of both roles, restart: MiB"]}
        found |= {f"{name}, {result['count']:,} numbers: {what}": value
                  for what, value in of.items()}
    return found
