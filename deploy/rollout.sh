#!/usr/bin/env bash
# Brings a new revision of one Cloud Run service into use, step by step, and goes back by itself.
#
#   deploy/rollout.sh SERVICE IMAGE --project P --region R [--steps 5,25,50,100] [--hold 10m]
#   deploy/rollout.sh SERVICE --back_to REVISION --project P --region R
#
# `--dry_run` prints the plan; `--help` lists everything. deploy/cloudrun/README.md says what is
# watched. The program is deploy/rollout/; it needs Debian's python3 and python3-yaml.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
python=/usr/bin/python3
[[ -x "$python" ]] || python=python3
exec "$python" "$here/rollout" "$@"
