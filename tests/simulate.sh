#!/usr/bin/env bash
# Simulates as many seeds as you like.
#
#   tests/simulate.sh [--seeds N] [--from S] [anything else that build/bin/tests/simulate takes]
#
# Builds the simulator and runs the seeds S .. S + N - 1 (1000 from 1) in two processes. Exit status
# 1 when one failed: its number and the end of its transcript are printed, and the whole transcript
# is in simulation-SEED.transcript. The last line is a summary.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/deploy/build.sh" --target simulate
exec "$root/build/bin/tests/simulate" --seeds 1000 --processes 2 "$@"
