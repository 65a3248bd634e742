#!/usr/bin/env bash
# Installs what is missing, builds, and runs the tests.
#
#   tests/run.sh [--full] [SUITE...]
#
# No suite named: all of ALL_SUITES. --full: the long versions (INTERLOCK_FULL=1, and the tests
# labelled `slow`). The last line is `N passed, N failed`; the exit status is 0 only without a
# failure.
# shellcheck disable=SC2317  # functions are called through `timed` and `trap`
set -euo pipefail

# In the order in which they are run. Each is the ctest label of the same name, but for
# `sanitizers`. A suite enters the list when it has its first test: one without any is a failure.
readonly ALL_SUITES=(unit simulation integration e2e platform sanitizers)
# What can be named on the command line.
readonly KNOWN_SUITES=(unit simulation integration e2e platform sanitizers)

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
work="$(mktemp -d)"
suites=()
timings=()
passed=0
failed=0
skipped=0
child=''

export INTERLOCK_FULL=0
# Tests append lines `name value`; the sums are printed at the end.
export INTERLOCK_COUNTS="$work/counts"

say() { printf '\n== %s\n' "$*"; }

known() {
  local name
  for name in "${KNOWN_SUITES[@]}"; do
    [[ "$name" != "$1" ]] || return 0
  done
  return 1
}

parse_arguments() {
  local argument
  for argument in "$@"; do
    if [[ "$argument" == --full ]]; then
      INTERLOCK_FULL=1
    elif known "$argument"; then
      suites+=("$argument")
    else
      printf "run: there is no suite '%s'; known: --full %s\n" "$argument" "${KNOWN_SUITES[*]}" >&2
      exit 2
    fi
  done
  [[ ${#suites[@]} -gt 0 ]] || suites=("${ALL_SUITES[@]}")
}

# --- Children --------------------------------------------------------------------------------------

# Job control (set -m) gives the child a process group of its own, so that an interrupt ends all that
# it has started, and leaves its SIGINT alone: without, scripts under test could not trap it.
run_child() {
  local status=0
  set -m
  "$@" &
  child=$!
  set +m
  wait "$child" || status=$?
  child=''
  return "$status"
}

interrupted() {
  trap '' INT TERM HUP
  if [[ -n "$child" ]]; then
    kill -TERM -- "-$child" 2>/dev/null || true
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      kill -0 -- "-$child" 2>/dev/null || break
      sleep 0.2
    done
    kill -KILL -- "-$child" 2>/dev/null || true
  fi
  printf '\nrun: interrupted\n' >&2
  exit "$1"
}

# --- Suites ----------------------------------------------------------------------------------------

# The value of attribute $2 of the test suite in JUnit file $1; ctest writes one attribute a line.
junit_count() {
  sed -n '/^[[:space:]]'"$2"'="[0-9]*"/{s/[^"]*"\([0-9]*\)".*/\1/p;q}' "$1"
}

# Adds what the JUnit file $1 says of build folder $2 to the totals.
add_results() {
  local tests failures not_run
  if [[ ! -s "$1" ]]; then
    failed=$((failed + 1)) # ctest itself failed, or found no test
    return
  fi
  tests="$(junit_count "$1" tests)"
  failures="$(junit_count "$1" failures)"
  not_run=$(($(junit_count "$1" skipped) + $(junit_count "$1" disabled)))
  skipped=$((skipped + not_run))
  failed=$((failed + failures))
  passed=$((passed + tests - failures - not_run))
  if [[ $failures -gt 0 ]]; then
    python3 "$root/tests/failed_tests.py" "$2" "$1" >>"$work/failures" || true
  fi
}

# Runs the tests of build folder $1 whose label matches $2, $3 at a time.
run_ctest() {
  local junit="$work/junit.xml" status=0 before=$failed
  local arguments=(--test-dir "$root/$1" -L "$2" -j "$3")
  arguments+=(--no-tests=error --output-on-failure --output-junit "$junit")
  [[ "$INTERLOCK_FULL" == 1 ]] || arguments+=(-LE '^slow$')
  rm -f "$junit"
  run_child ctest "${arguments[@]}" || status=$?
  add_results "$junit" "$1"
  # ctest can fail for a reason of its own, with all tests passed.
  if [[ $status -ne 0 && $failed -eq $before ]]; then
    failed=$((failed + 1))
  fi
}

# What fails before any test runs counts as one failure.
must() {
  if ! run_child "$@"; then
    failed=$((failed + 1))
    return 1
  fi
}

prepare() {
  must "$root/deploy/install.sh" build node test demo postgres etcd || return 1
  # Without a builder of images their test says that it was skipped.
  if [[ " ${suites[*]} " == *" platform "* ]]; then
    run_child "$root/deploy/install.sh" images || say "no builder of images can be installed"
  fi
  [[ "${suites[*]}" == sanitizers ]] || must "$root/deploy/build.sh"
}

run_sanitizers() {
  if must "$root/deploy/build.sh" --asan; then
    run_ctest build-asan '^unit$' 2
    run_ctest build-asan '^integration$' 1 # they start servers, and have deadlines
  fi
  if must "$root/deploy/build.sh" --tsan; then run_ctest build-tsan '^unit$' 2; fi
}

run_suite() {
  case "$1" in
    sanitizers) run_sanitizers ;;
    unit) run_ctest build "^$1\$" 2 ;;
    *) run_ctest build "^$1\$" 1 ;; # these measure time, or fill both cores themselves
  esac
}

# Runs $2... under the heading $1, and notes how long it took and whether anything failed.
timed() {
  local heading="$1" begin=$SECONDS before=$failed outcome=passed
  shift
  say "$heading"
  "$@" || true # what failed has been counted
  [[ $failed -eq $before ]] || outcome=FAILED
  timings+=("$(printf '%-12s %6d s  %s' "$heading" $((SECONDS - begin)) "$outcome")")
}

# --- The end ---------------------------------------------------------------------------------------

print_counts() {
  [[ -s "$INTERLOCK_COUNTS" ]] || return 0
  say "counted"
  awk 'NF == 2 { sum[$1] += $2 }
       END { for (name in sum) printf "%-44s %14.15g\n", name, sum[name] }' "$INTERLOCK_COUNTS" |
    sort
}

print_failures() {
  [[ -s "$work/failures" ]] || return 0
  say "failed"
  cat "$work/failures"
}

finish() {
  print_failures
  print_counts
  say "suites (${SECONDS} s)"
  [[ ${#timings[@]} -eq 0 ]] || printf '%s\n' "${timings[@]}"
  [[ $skipped -eq 0 ]] || printf '%d skipped\n' "$skipped"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [[ $failed -eq 0 ]] || exit 1
  exit 0
}

main() {
  trap 'rm -rf "$work"' EXIT
  parse_arguments "$@"
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
  trap 'interrupted 129' HUP
  : >"$INTERLOCK_COUNTS"

  timed prepare prepare
  [[ $failed -eq 0 ]] || finish
  local suite
  for suite in "${suites[@]}"; do
    timed "$suite" run_suite "$suite"
  done
  finish
}

main "$@" </dev/null
