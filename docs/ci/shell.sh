#!/usr/bin/env bash
# Turns an issue into a pull request, on any machine with git and `agent`. In a clone of the project:
#
#   MISTRAL_API_KEY=... GITHUB_TOKEN=... docs/ci/shell.sh 7 "make test"
#
# More arguments for `agent ci` may follow, such as --base-url and --model for another model, or --forge and --forge-url
# for your own forge.
set -euo pipefail
issue=$1
check=$2
shift 2
out=${AGENT_CI_OUT:-agent-ci-$issue}
mkdir -p "$out"
agent ci --issue "$issue" --open-pr --check "$check" --signoff \
    --patch "$out/change.patch" --summary "$out/summary.md" --html "$out/session.html" --result "$out/result.json" "$@"
