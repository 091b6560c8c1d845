#!/usr/bin/env python3
"""Measures our server beside C++ gRPC, nghttpd and grpcio's asyncio server, in one run.

Each server has CPU 0 for itself and h2load has CPU 1; they run in turn, several rounds, and medians
are compared, so that what else the machine does hits all of them alike. nghttpd serves a file and
speaks no gRPC: it is the practical floor.

h2load takes a gRPC error for a success. So a grpcio client checks each server's answers first, and
after each measurement the bytes that h2load received must be those of right answers.

The other part reads a registry with a million numbers, beside pgbench: scripts/benchmark/store.py.

    scripts/bench.py [--part calls|store|all] [--quick] [--rounds N] [--only TEXT]
                     [--idle N] [--store sqlite|postgresql] [--write-thresholds]

Prints a table, writes .run/bench.json and .run/bench.png, and fails when a ratio is more than 10 %
over its threshold in scripts/benchmark/thresholds.json.
"""

import argparse
import json
import os
import pathlib
import shutil
import struct
import sys
import tempfile

from benchmark import answering, idle, report, servers, store, workloads

THRESHOLDS = pathlib.Path(__file__).parent / "benchmark" / "thresholds.json"
# For how many microseconds after its last work the busy server polls before it sleeps.
BUSY_POLL = "500"


def start_servers(folder, tls):
    started = []
    makers = [
        lambda: servers.trunkline(tls=tls),
        lambda: servers.cpp_grpc(tls=tls),
        lambda: servers.nghttpd(folder, tls=tls),
        lambda: servers.grpcio_aio(tls=tls),
    ]
    if not tls:
        flags = ("--busy-poll", BUSY_POLL)
        makers.append(lambda: servers.trunkline(f"{report.US} busy-poll", flags=flags))
        makers.append(lambda: servers.nghttpd(folder, takes_messages=True))
    try:
        for make in makers:
            started.append(make())
            started[-1].check()
    except BaseException:
        for server in started:
            server.stop()
        raise
    return started


def takes_part(server, workload):
    return workload.name.endswith("1x1") or not server.name.endswith(("busy-poll", "same request"))


def measure(started, chosen, rounds, folder):
    """Every sample: workload -> server -> list of measurements, taken in turn."""
    samples = {w.name: {s.name: [] for s in started if takes_part(s, w)} for w in chosen}
    for server in started:
        workloads.load(server, chosen[0], max(int(2_000 * server.share), 50), folder)
    for number in range(1, rounds + 1):
        for workload in chosen:
            for server in started:
                if not takes_part(server, workload):
                    continue
                calls = max(int(workload.calls * server.share), workload.connections)
                before = server.cpu_seconds()
                sample = workloads.load(server, workload, calls, folder)
                cpu = (server.cpu_seconds() - before) * 100_000 / calls
                samples[workload.name][server.name].append({"cpu_s_per_100k": cpu} | sample)
        print(f"bench: round {number} of {rounds} done", file=sys.stderr)
    return samples


def allocations(folder):
    """Heap allocations of the whole process for one unary call of 32 bytes, 8x10."""
    file = folder / "allocations"
    file.write_bytes(bytes(8))
    environment = {
        "LD_PRELOAD": str(servers.OUT / "malloc_count.so"), "MALLOC_COUNT_FILE": str(file)}
    server = servers.trunkline(environment=environment)
    try:
        workload = workloads.Workload("", 8, 10, 0)
        workloads.load(server, workload, 20_000, folder)
        before = struct.unpack("<Q", file.read_bytes())[0]
        workloads.load(server, workload, 20_000, folder)
        return (struct.unpack("<Q", file.read_bytes())[0] - before) / 20_000
    finally:
        server.stop()


def idle_costs(count, folder, tls):
    costs = {}
    # All come from one address, which our server bounds.
    flags = ("--setting", f"max-connections-per-address={2 * count}")
    for make in (
        lambda tls: servers.trunkline(tls=tls, flags=flags), servers.cpp_grpc, lambda tls: servers.nghttpd(folder, tls=tls),
        servers.grpcio_aio,
    ):
        server = make(tls=tls)
        try:
            kind = "TLS idle connection" if tls else "idle connection"
            costs[f"{server.name}: KiB per {kind}"] = idle.kib_per_connection(server, count)
        finally:
            server.stop()
    return costs


def run(options, folder):
    """Medians, facts about memory and allocations, and every sample."""
    cert = servers.make_certificate(folder)
    chosen = workloads.quick_workloads() if options.quick else workloads.all_workloads()
    chosen = [w for w in chosen if options.only in w.name]
    for size in {w.file_size for w in chosen}:
        (folder / str(size)).write_bytes(workloads.payload(32) * (size // 32) + bytes(size % 32))
    workloads.put_file_at_method(folder)
    samples, facts = {}, {}
    for tls in (None, cert):
        part = [w for w in chosen if w.tls == bool(tls)]
        if not part:
            continue
        started = start_servers(folder, tls)
        try:
            samples |= measure(started, part, options.rounds, folder)
            for server in started:
                facts[f"{server.name}: peak MiB{' TLS' if tls else ''}"] = server.memory("VmHWM") / 1024
        finally:
            for server in started:
                server.stop()
    facts[f"{report.US}: allocations per unary call"] = allocations(folder)
    if any(w.name == "unary 32 B, 1x1" for w in chosen):
        facts |= answering.facts(report.US, folder)
    if options.idle:
        facts |= idle_costs(options.idle, folder, None)
        facts |= idle_costs(options.idle, folder, cert)
    return report.medians(samples), facts, samples


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("calls", "store", "all"), default="all")
    parser.add_argument("--rounds", type=int, default=None, help="default: 5 of calls, 3 of reads")
    parser.add_argument("--quick", action="store_true",
                        help="calls: 32 bytes, 8x10 and 1x1, plain only; store: reads only")
    parser.add_argument("--only", default="", help="workloads whose name holds this text")
    parser.add_argument("--idle", type=int, default=None, help="idle connections; 0 for none")
    parser.add_argument("--store", choices=("", "sqlite", "postgresql"), default="")
    parser.add_argument("--count", type=int, default=1_000_000, help="numbers in the registry")
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement of reads")
    parser.add_argument("--output", type=pathlib.Path, default=servers.ROOT / ".run" / "bench.json")
    parser.add_argument("--no-build", action="store_true", help="the peers are built already")
    parser.add_argument("--write-thresholds", action="store_true")
    options = parser.parse_args()
    if options.idle is None:
        options.idle = 0 if options.quick or options.only else 10_000
    return options


def calls_part(options, folder):
    """Calls beside other servers; answers what was found, and what is held against thresholds."""
    if not options.no_build:
        servers.build_peers()
    options.rounds = options.rounds or 5
    shapes, facts, samples = run(options, folder)
    report.show(shapes, facts)
    report.plot(shapes, options.output.with_suffix(".png"))
    kept = ("KiB", "allocations")
    ours = {k: v for k, v in facts.items()
            if k.startswith(report.US) and any(word in k for word in kept)}
    ours |= answering.ratios(report.US, facts)
    found = {"rounds": options.rounds, "medians": shapes, "facts": facts, "samples": samples}
    return found, report.ratios(shapes, ours)


def store_part(options, folder):
    """Reads of a million numbers."""
    options.rounds = options.rounds or 3
    found = store.run(options, folder)
    return {"store": found}, store.ratios(found)


def main():
    options = arguments()
    if (os.cpu_count() or 1) < 2:
        sys.exit("bench: needs two CPUs, one for the servers and one for h2load")
    for tool in ("taskset", "h2load", "nghttpd", "openssl"):
        if shutil.which(tool) is None:
            sys.exit(f"bench: {tool} is missing; scripts/deps.sh bench installs it")
    os.environ.setdefault("TRUNKLINE_BIN", str(servers.ROOT / ".build" / "release"))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    parts = {"calls": [calls_part], "store": [store_part], "all": [calls_part, store_part]}
    result, found = {}, {}
    rounds = options.rounds
    with tempfile.TemporaryDirectory() as name:
        try:
            for part in parts[options.part]:
                options.rounds = rounds
                more, held = part(options, pathlib.Path(name))
                result |= more
                found |= held
        except workloads.Failed as failure:
            sys.exit(f"bench: {failure}")
    result["held"] = found
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nEvery measurement is in {options.output}, the plot of calls beside it.")
    thresholds = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
    if options.write_thresholds:
        thresholds |= {name: round(value, 3) for name, value in found.items()}
        THRESHOLDS.write_text(json.dumps(thresholds, indent=2, sort_keys=True) + "\n")
    broken = report.held(found, thresholds)
    for line in broken:
        print(f"bench: over its threshold: {line}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
