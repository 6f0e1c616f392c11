"""Tables of results: Wilson intervals for rates, and differences over the same tasks."""
import collections, gzip, json, math, pathlib, statistics

# Below this, the spread of differences says nothing.
FEW = 6


def read(paths):
    """Lines of files or of folders with a `runs.jsonl`; a torn last line is passed over, a run that was done again counts once."""
    runs = {}
    for path in map(pathlib.Path, paths):
        path = path / "runs.jsonl" if path.is_dir() else path
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                try:
                    run = json.loads(line)
                except ValueError:
                    continue
                runs[run["label"], run["task"], run["attempt"]] = run
    return list(runs.values())


def wilson(solved, count, z=1.96):
    """The 95 % interval of a rate."""
    if count == 0:
        return 0.0, 1.0
    rate, square = solved / count, z * z / count
    middle = (rate + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(rate * (1 - rate) / count + square / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def paired(left, right):
    """Over the tasks that both did: (tasks, mean difference of the rates, half of its 95 % interval)."""
    rates = [rates_by_task(runs) for runs in (left, right)]
    both = sorted(rates[0].keys() & rates[1].keys())
    differences = [rates[0][task] - rates[1][task] for task in both]
    if len(both) < 2:
        return len(both), sum(differences), None
    return len(both), statistics.mean(differences), 1.96 * statistics.stdev(differences) / math.sqrt(len(both))


def rates_by_task(runs):
    by_task = collections.defaultdict(list)
    for run in runs:
        by_task[run["task"]].append(run["solved"])
    return {task: statistics.mean(solved) for task, solved in by_task.items()}


def median(runs, field):
    values = [run[field] for run in runs if run.get(field) is not None]
    return f"{statistics.median(values):,.0f}" if values else "-"


def total(runs, field):
    return sum(run.get(field) or 0 for run in runs)


def table(runs):
    """One line a label, in the order in which they come."""
    by_label = collections.defaultdict(list)
    for run in runs:
        by_label[run["label"]].append(run)
    lines = ["| agent | solved | 95 % interval | tokens in, median of all / of solved | out | requests | seconds | "
             "unusable calls | refused edits | changed nothing |", "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for label, own in by_label.items():
        solved = [run for run in own if run["solved"]]
        low, high = wilson(len(solved), len(own))
        calls, edits = total(own, "calls"), total(own, "edits")
        refused = f"{total(own, 'refused_edits')} of {edits}" if edits else "-"
        lines.append(f"| {label} | {len(solved)} of {len(own)} | {low:.0%} to {high:.0%} | {median(own, 'tokens_in')} / "
                     f"{median(solved, 'tokens_in')} | {median(own, 'tokens_out')} | {median(own, 'requests')} | "
                     f"{median(own, 'seconds')} | {total(own, 'malformed_calls')} of {calls} | {refused} | "
                     f"{sum(not run['changed'] for run in own)} of {len(own)} |")
    return "\n".join([*lines, "", *rounds(by_label), *differences(by_label)])


def rounds(by_label):
    """How many of the first runs, of the second ones ... were solved, where there are several a task."""
    lines = []
    for label, own in by_label.items():
        attempts = collections.defaultdict(list)
        for run in own:
            attempts[run["attempt"]].append(run["solved"])
        if 1 < len(attempts):
            told = ", then ".join(f"{sum(solved)} of {len(solved)}" for _, solved in sorted(attempts.items()))
            lines.append(f"- {label}, round by round: {told}")
    return lines


def differences(by_label):
    labels = list(by_label)
    lines = []
    for other in labels[1:]:
        tasks, mean, half = paired(by_label[labels[0]], by_label[other])
        if tasks:
            within = f" ± {100 * half:.0f}" if FEW <= tasks else " (too few for an interval)"
            lines.append(f"- {labels[0]} minus {other}, over the same {tasks} tasks: {100 * mean:+.0f} points solved{within}")
    return lines


def endings(runs):
    """How runs ended, by label."""
    counts = collections.Counter((run["label"], run["finish"], run.get("reason") or f"exit code {run['exit_code']}")
                                 for run in runs)
    return "\n".join(["| agent | ended | why | runs |", "| --- | --- | --- | --- |",
                      *(f"| {label} | {finish} | {why} | {count} |" for (label, finish, why), count in sorted(counts.items()))])


def by_task(runs):
    """Which agent solved which task in how many of its runs."""
    labels = list(dict.fromkeys(run["label"] for run in runs))
    solved = {label: collections.defaultdict(list) for label in labels}
    for run in runs:
        solved[run["label"]][run["task"]].append(run["solved"])
    lines = [f"| task | {' | '.join(labels)} |", "| --- |" + " --- |" * len(labels)]
    for task in dict.fromkeys(run["task"] for run in runs):
        cells = [f"{sum(solved[label][task])} of {len(solved[label][task])}" if solved[label][task] else "" for label in labels]
        lines.append(f"| {task} | {' | '.join(cells)} |")
    return "\n".join(lines)


RESULTS = """# Results
Ours and other agents on the same tasks, with the same model, on the same machine. Made by
`tests/eval/run results {names} > docs/results.md` from the raw lines beside it; to make such lines: `tests/eval/run --help`.

{count} runs from {first} to {last}, model {models}. Solved: the task's own tests pass, run on a copy in which they are as
the task has them. Tokens, requests and calls are counted on the wire, for all agents by the same reader. A call is
unusable where its tool was not offered, its arguments are no JSON object, or a required one is missing.
Each run had {budget} of the model's work, counted in tokens (50 read or 10 written are a second).

{table}

## How they ended
{endings}

## Task by task
{by_task}

## What this does not show
- **How good the agents are with a good model.** Agents are measured here with a small one, which fails for its own reasons.
- **Small differences.** Look at the intervals: with so few runs only a wide gap means something.
- **Other kinds of work.** The tasks are one bug in one small file; nothing is searched for, nothing is long.
- **Seconds**: the machine was shared with other work (load average {load} in the median); the budget is in tokens for that reason.
- **What tuning would give the others.** Ours has a profile for small models like this one, made with it on other tasks (its
  rules and what each gave: `docs/scaffold.md`). Other agents ran with their own defaults (their prompt, their tools, the
  server's temperature), nothing tuned for them but what `tests/eval/peer` says.
"""


def results(runs, names):
    times, models = sorted(run["at"] for run in runs), sorted({run["model"] for run in runs})
    budgets = sorted({run.get("budget") or 0 for run in runs})
    return RESULTS.format(names=" ".join(names), count=len(runs), first=times[0][:16], last=times[-1][:16], table=table(runs),
                          models=", ".join(models), endings=endings(runs), by_task=by_task(runs),
                          budget=" or ".join(f"{budget} s" for budget in budgets), load=median(runs, "load"))
