"""Medians and ratios of the samples: as a table, as a plot, and held against thresholds."""

import statistics

US = "Trunkline"
# A ratio may be so much over its threshold before the run fails: what one machine's noise is.
TOLERANCE = 1.10


def medians(samples):
    """workload -> server -> metric -> median, with the CPU ratios to C++ gRPC and nghttpd."""
    result = {}
    for workload, servers in samples.items():
        rows = {
            name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for name, runs in servers.items() if runs
        }
        for row in rows.values():
            for peer, key in (("C++ gRPC", "of_cpp_grpc"), ("nghttpd", "of_nghttpd")):
                if peer in rows:
                    row[key] = row["cpu_s_per_100k"] / rows[peer]["cpu_s_per_100k"]
        result[workload] = rows
    return result


def ratios(shapes, other):
    """What a later change is held against: ratios, sizes and counts, never a time."""
    found = {}
    for workload, rows in shapes.items():
        ours = rows.get(US, {})
        for key in ("of_cpp_grpc", "of_nghttpd"):
            if key in ours:
                found[f"{workload}: CPU {key}"] = ours[key]
        if "nghttpd" in rows and workload.endswith("1x1"):
            found[f"{workload}: p50 of_nghttpd"] = ours["p50_us"] / rows["nghttpd"]["p50_us"]
        if "nghttpd, same request" in rows:
            same = rows["nghttpd, same request"]["p50_us"]
            found[f"{workload}: p50 of_nghttpd with the same request"] = ours["p50_us"] / same
        plain = workload.removeprefix("TLS ")
        if plain != workload and plain in shapes:
            cost = ours["cpu_s_per_100k"] / shapes[plain][US]["cpu_s_per_100k"]
            found[f"{workload}: CPU of plain"] = cost
    busy = shapes.get("unary 32 B, 1x1", {}).get(f"{US} busy-poll")
    if busy and "C++ gRPC" in shapes["unary 32 B, 1x1"]:
        cpp = shapes["unary 32 B, 1x1"]["C++ gRPC"]["p50_us"]
        found["unary 32 B, 1x1: p50 with busy-poll of_cpp_grpc"] = busy["p50_us"] / cpp
    return found | other


def show(shapes, facts):
    head = ("CPU s/100k", "calls/s", "p50 us", "p99 us", "max us", "x C++", "x nghttpd")
    for workload, rows in shapes.items():
        print(f"\n{workload}")
        print(f"  {'server':<20}" + "".join(f"{cell:>12}" for cell in head))
        for name, row in rows.items():
            cells = [f"{row['cpu_s_per_100k']:.3f}", f"{row['calls_per_second']:.0f}"]
            cells += [f"{row[key]:.0f}" for key in ("p50_us", "p99_us", "max_us")]
            cells += [f"{row[k]:.2f}" if k in row else "" for k in ("of_cpp_grpc", "of_nghttpd")]
            print(f"  {name:<20}" + "".join(f"{cell:>12}" for cell in cells))
    print("\nmemory and allocations")
    for name, value in facts.items():
        print(f"  {name:<52}{value:>10.1f}")


def plot(shapes, path):
    """CPU per call of every server and workload, as bars of C++ gRPC's."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in (US, "C++ gRPC", "nghttpd", "grpcio.aio")
             if any(name in rows for rows in shapes.values())]
    figure, axes = pyplot.subplots(figsize=(12, 0.55 * len(shapes) + 1.5))
    height = 0.8 / len(names)
    for index, name in enumerate(names):
        places, widths = [], []
        for place, rows in enumerate(shapes.values()):
            if name in rows and "C++ gRPC" in rows:
                places.append(place + (index - (len(names) - 1) / 2) * height)
                widths.append(rows[name]["cpu_s_per_100k"] / rows["C++ gRPC"]["cpu_s_per_100k"])
        axes.barh(places, widths, height, label=name)
    axes.axvline(1, color="grey", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(shapes)), list(shapes))
    axes.invert_yaxis()
    axes.set_xlabel("server CPU per call, C++ gRPC = 1 (log scale; less is better)")
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def held(found, thresholds):
    """The values that are over their threshold, in words."""
    broken = []
    for name, bound in thresholds.items():
        if name in found and found[name] > bound * TOLERANCE:
            broken.append(f"{name}: {found[name]:.3f}; the threshold is {bound:.3f}")
    return broken
