"""Tables of results: Wilson intervals for rates, and differences over the same tasks."""
import collections, gzip, json, math, pathlib, statistics, zlib

from bad import Bad

# Below this, the spread of differences says nothing.
FEW = 6


# What a line has that is a run, and what is a number where it has it.
NEEDED = dict(label=str, task=str, attempt=int, solved=bool, finish=str, exit_code=int, changed=list, model=str, at=str)
NUMBERS = ("tokens_in", "tokens_out", "requests", "seconds", "calls", "malformed_calls", "edits", "refused_edits", "budget",
           "load", "cut_requests", "replies_without_call")


def read(paths):
    """Lines of files or of folders with a `runs.jsonl`; a torn last line is passed over, a run that was done again counts once."""
    runs = {}
    for path in map(pathlib.Path, paths):
        path = path / "runs.jsonl" if path.is_dir() else path
        hint = "name a folder of --out, or a file of its lines: .jsonl or .jsonl.gz"
        try:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    try:
                        run = json.loads(line)
                    except (ValueError, RecursionError):
                        continue
                    if not is_run(run):
                        raise Bad(f"{path}:{number} is not a run", hint)
                    runs[run["label"], run["task"], run["attempt"]] = run
        except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise Bad(f"cannot read {path}: {error}", hint) from error
    return list(runs.values())


def read_some(paths):
    for path in paths:
        if not read([path]):
            raise Bad(f"no run in {path}", "name a folder of --out, or a file of its lines: .jsonl or .jsonl.gz")
    return read(paths)


def is_run(run):
    return (isinstance(run, dict) and all(isinstance(run.get(name), kind) for name, kind in NEEDED.items())
            and all(isinstance(run.get(name) or 0, (int, float)) for name in NUMBERS))


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
             "unusable calls | refused edits | changed nothing | replies without a call |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for label, own in by_label.items():
        solved = [run for run in own if run["solved"]]
        low, high = interval(own)
        calls, edits = total(own, "calls"), total(own, "edits")
        refused = f"{total(own, 'refused_edits')} of {edits}" if edits else "-"
        # Old lines do not say.
        told = [run for run in own if "replies_without_call" in run]
        whole = total(told, "requests") - total(told, "failed_requests")
        without = f"{total(told, 'replies_without_call')} of {whole}" if told else "-"
        lines.append(f"| {label} | {len(solved)} of {len(own)} | {low:.0%} to {high:.0%} | {median(own, 'tokens_in')} / "
                     f"{median(solved, 'tokens_in')} | {median(own, 'tokens_out')} | {median(own, 'requests')} | "
                     f"{median(own, 'seconds')} | {total(own, 'malformed_calls')} of {calls} | {refused} | "
                     f"{sum(not run['changed'] for run in own)} of {len(own)} | {without} |")
    return "\n".join([*lines, "", *rounds(by_label), *common(by_label), *differences(by_label)])


def interval(runs):
    """By task, as runs of one task are no independent ones: each counts once, with the mean of its attempts."""
    rates = rates_by_task(runs)
    return wilson(sum(rates.values()), len(rates))


def common(by_label):
    """The rates on the tasks that all did, where some did others too."""
    rates = {label: rates_by_task(own) for label, own in by_label.items()}
    tasks = set.intersection(*map(set, rates.values())) if rates else set()
    if not tasks or all(len(own) == len(tasks) for own in rates.values()):
        return []
    told = ", ".join(f"{label} {statistics.mean(own[task] for task in tasks):.0%}" for label, own in rates.items())
    return [f"- on the {len(tasks)} tasks that all of them did: {told}"]


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
Ours and other agents on the same tasks, with the same model, on the same machine. Generated by
`tests/eval/run results {names} > docs/results.md` from the raw lines beside it; to produce such lines: `tests/eval/run --help`.

{count} runs from {first} to {last}, model {models}. Solved: the task's own tests pass, run on a copy with the task's original
tests. Tokens, requests and calls are counted on the wire, for all agents by the same reader. A call is unusable if its tool
was not offered, its arguments are not a JSON object, or a required one is missing. Replies without a call are complete ones;
an agent that reads its commands from the text has no others.
Each run had {budget} of the model's work, counted in tokens (50 read or 10 written are a second).
The interval is Wilson's, by task: each counts once, with the mean of its attempts.

{estimates}

{table}

## Settings
{settings}

## How they ended
{endings}

## Task by task
{by_task}

## What this does not show
- **How good the agents are with a good model.** Agents are measured here with a small one, which fails for its own reasons.
- **That no solution cheats.** Tests are restored, and files that configure their runner are removed; a solution that itself
  ends the process with exit code 0, before a test could fail, still passes if the runner does not report what it ran.
- **Small differences.** Check the intervals: with so few runs only a wide gap means something.
- **Other kinds of work.** The tasks are one bug in one small file; none needs a search or much context.
- **Seconds**: the machine was shared with other work (median load average {load}); that is why the budget is in tokens.
- **What tuning would give the others.** Ours has a profile for small models, made with this one: its first rules on six tasks
  of the sample (`tests/eval/results/*-tuning.jsonl.gz`), the later ones on others (`docs/scaffold.md`). Other agents ran with
  their own defaults (their prompt, their tools, the server's temperature), tuned only as `tests/eval/peer` shows.
"""


def results(runs, names):
    times, models = sorted(run["at"] for run in runs), sorted({run["model"] for run in runs})
    budgets = sorted({run.get("budget") or 0 for run in runs})
    return RESULTS.format(names=" ".join(names), count=len(runs), first=times[0][:16], last=times[-1][:16], table=table(runs),
                          models=", ".join(models), endings=endings(runs), by_task=by_task(runs), settings=settings(runs),
                          budget=" or ".join(f"{budget} s" for budget in budgets), load=median(runs, "load"),
                          estimates=estimates(runs))


def estimates(runs):
    told = [run for run in runs if "cut_requests" in run]
    cut = total(told, "cut_requests")
    new = (f"Tokens are as reported by the server, except for {cut} of {total(told, 'requests')} requests whose reply was cut off before the\n"
           "report (the agent hung up, or the budget was spent): these are estimates. The received pieces count as written, and the\n"
           "request by its bytes, at the rate of this run's other requests (cached ones included), or 4 bytes per token.")
    old = "omit each request whose reply was cut off before the server reported them (the\nagent hung up, or the budget was spent)."
    if not told:
        return f"The tokens {old}"
    return new if len(told) == len(runs) else f"{new}\nThe tokens of {len(runs) - len(told)} older runs {old}"


def settings(runs):
    """As far as their lines say so."""
    labels = list(dict.fromkeys(run["label"] for run in runs))
    lines = ["| agent | limit | budget | steps | jobs | sandbox | build | command |", "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for label in labels:
        own = [run for run in runs if run["label"] == label]
        said = [" or ".join(dict.fromkeys(cell(run.get(name)) for run in own))
                for name in ("limit", "budget", "max_steps", "jobs", "fence", "agent", "command")]
        lines.append(f"| {label} | {' | '.join(said)} |")
    return "\n".join(lines)


def cell(value):
    if isinstance(value, str):
        return f"`{value}`".replace("|", "\\|").replace("\n", " ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not recorded" if value is None else f"{value}"
