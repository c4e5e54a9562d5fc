"""Medians, interquartile ranges, ratios, bars: as a table and as a dictionary."""

import statistics

SHOWN = (("cpu_us", "CPU us/req", 2), ("rps", "req/s", 0), ("p50_us", "p50 us", 0), ("p99_us", "p99 us", 0),
         ("memory_mib", "MiB", 1), ("idle_bytes", "B/idle conn", 0), ("foreign", "others' CPU", 2))


def quartiles(values):
    """(median, interquartile range)"""
    if len(values) == 1:
        return values[0], 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, high - low


def better_peer(rows, metric):
    """The one of nginx and haproxy with the lower median, or None."""
    medians = {name: statistics.median(row[metric] for row in rows[name]) for name in ("nginx", "haproxy")
               if rows.get(name)}
    return min(medians, key=medians.get) if medians else None


def paired_ratio(rows, metric, above, below):
    """Median and interquartile range of the ratios within each round."""
    by_round = {row["round"]: row[metric] for row in rows[below]}
    return quartiles([row[metric] / by_round[row["round"]] for row in rows[above]
                      if by_round.get(row["round"])] or [float("nan")])


def judge(scenario, rows):
    """Each bar that could be measured: what, value, spread, limit, held."""
    verdicts = []
    for bar in scenario.bars:
        if not rows.get("flagmesh"):
            continue
        if not bar.over:
            value, spread = quartiles([row[bar.metric] for row in rows["flagmesh"]])
            other = ""
        else:
            other = better_peer(rows, bar.metric) if bar.over == "peers" else bar.over
            if not rows.get(other):
                continue
            value, spread = paired_ratio(rows, bar.metric, "flagmesh", other)
        verdicts.append({"metric": bar.metric, "over": other, "value": value, "iqr": spread, "limit": bar.limit,
                         "held": value <= bar.limit})
    return verdicts


def summarise(scenario, rows):
    figures = {}
    for name, samples in rows.items():
        figures[name] = {}
        for metric, _, _ in SHOWN:
            values = [sample[metric] for sample in samples if metric in sample]
            if values:
                figures[name][metric], figures[name][metric + "_iqr"] = quartiles(values)
    return {"scenario": scenario.name, "about": scenario.about, "rounds": max(map(len, rows.values()), default=0),
            "figures": figures, "bars": judge(scenario, rows), "samples": rows}


def table(summary):
    figures = summary["figures"]
    metrics = [entry for entry in SHOWN if any(entry[0] in row for row in figures.values())]
    lines = [[summary["scenario"]] + [title for _, title, _ in metrics]]
    for name, row in figures.items():
        cells = [name]
        for metric, _, digits in metrics:
            known = metric in row
            cells.append(f"{row[metric]:,.{digits}f} ±{row[metric + '_iqr']:,.{digits}f}" if known else "")
        lines.append(cells)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [f"\n{summary['about']}; {summary['rounds']} rounds; median ± interquartile range"]
    for line in lines:
        text.append("  ".join([line[0].ljust(widths[0])] + [cell.rjust(w) for cell, w in zip(line[1:], widths[1:])]))
    for bar in summary["bars"]:
        what = f"{bar['metric']} flagmesh" + (f" / {bar['over']}" if bar["over"] else "")
        text.append(f"  {'holds ' if bar['held'] else 'MISSED'}  {what} = {bar['value']:.3f} ±{bar['iqr']:.3f}, "
                    f"at most {bar['limit']:g}")
    return "\n".join(text)
