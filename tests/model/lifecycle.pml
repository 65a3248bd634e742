/* The state machine of one key, under every command in every order.
 *
 * One record that is never late, so that nothing but the rules of a state is looked at: what each
 * command of coordinator/authority does to the state, and what an owner that asks for anything can
 * bring about. Generations, lag and durability are authority.pml's; leases are lease.pml's.
 *
 * Properties:
 *   legal_step          Every step of a machine is in the table.
 *   final_ends          Behind CLOSED or FAILED stands nothing but CONNECTING of the next machine.
 *   owner_or_waiting    Who is in setup, operational or CLOSING has an owner; who has none waits
 *                       in RECONNECTING or has ended.
 *   waits_only_if_known Only a machine that has been operational waits for its client.
 *   resume_is_short     A resumed machine goes on to PROCESSING_READY, DEGRADED or its end only.
 *   setup_in_order      The first PROCESSING_READY of a machine comes behind ACCEPTED,
 *                       AUTHENTICATED and SERVICES_READY, or behind DEGRADED.
 *   runs_are_shown      IDLE and PROCESSING_READY stand for no open run, PROCESSING for some.
 *   ends                When claims cease, the machine ends (with -DENDS, under weak fairness).
 *
 * Broken variants: NO_TABLE, FINAL_LIVES, DETACH_KEEPS_STATE, SETUP_WAITS, RESUME_ANYWHERE,
 * SKIP_SETUP, IDLE_WITH_RUNS, NO_RESUME_WINDOW (of ENDS).
 */
#include "lifecycle_table.pml"
#include "checking.pml"

mtype:state state = CLOSED; /* the record is there, and its machine has ended */
bool owned;
byte runs;                  /* open runs: 0 .. RUNS_MAX */
#define RUNS_MAX 2

/* For the properties alone. */
bool was_operational;       /* this machine has been operational */
byte passed;                /* bits of the setup states that this machine has gone through */
bool claims_cease;

inline enter(to) {
  property(final_ends, !is_final(state));
  if
  :: state == RECONNECTING ->
     property(resume_is_short, to == PROCESSING_READY || to == DEGRADED || is_final(to))
  :: else
  fi;
  if
  :: to == PROCESSING_READY && !was_operational ->
     property(setup_in_order,
              passed == (BIT(CONNECTING) | BIT(ACCEPTED) | BIT(AUTHENTICATED)
                         | BIT(SERVICES_READY)))
  :: else
  fi;
  if :: to == RECONNECTING -> property(waits_only_if_known, was_operational) :: else fi;
  property(legal_step, may_follow(state, to));
  state = to;
  if
  :: is_setup(to) -> passed = passed | BIT(to)
  :: is_operational(to) -> was_operational = true; passed = 0
  :: is_final(to) -> was_operational = false; passed = 0
  :: else
  fi;
}

/* With a run open, PROCESSING is what PROCESSING_READY means. */
inline show_runs() {
  if
  :: state == PROCESSING_READY && runs > 0 -> enter(PROCESSING)
  :: else
  fi
}

inline start_machine() {
  if :: state == CLOSED -> runs = 0 :: else fi; /* FAILED passes open runs on, CLOSED ends them */
  state = CONNECTING;
  passed = BIT(CONNECTING);
  was_operational = false
}

/* What a command leaves behind. */
inline done() {
  property(owner_or_waiting, owned || state == RECONNECTING || is_final(state));
  property(runs_are_shown, (state != IDLE && state != PROCESSING_READY) || runs == 0);
  property(runs_are_shown, state != PROCESSING || runs > 0)
}

/* claim.cc: a machine in setup or in CLOSING gives way to a new one; all others are resumed. */
inline claim() {
  if
  :: is_setup(state) -> met(displaced, 1); enter(FAILED)
  :: state == CLOSING -> met(displaced_while_closing, 2); enter(CLOSED)
  :: else
  fi;
  owned = true;
  if
#ifdef FINAL_LIVES
  :: state == FAILED -> enter(CONNECTING)
  :: state == CLOSED -> start_machine()
#else
  :: is_final(state) -> start_machine()
#endif
  :: is_operational(state) -> met(taken_over, 3); enter(RECONNECTING)
  :: else -> met(resumed, 4)
  fi;
  done()
}

/* The steps that a claim carries with it, for when nothing has to be asked in between. */
inline go_through(last) {
  if
  :: state == RECONNECTING -> enter(last)
  :: else ->
     enter(ACCEPTED);
     enter(AUTHENTICATED);
     if
     :: last == PROCESSING_READY -> enter(SERVICES_READY)
     :: else
     fi;
     enter(last)
  fi;
  show_runs();
  done()
}

/* operate.cc: the owner asks; the table decides. PROCESSING and RECONNECTING are not asked for. */
#define owners_state(to) ((to) != CONNECTING && (to) != PROCESSING && (to) != RECONNECTING && \
    (to) != CLOSED && (to) != FAILED)
#define repeats(to) \
    ((to) == state || ((to) == PROCESSING_READY && state == PROCESSING && runs > 0))
#ifdef IDLE_WITH_RUNS
#define runs_allow(to) true
#else
#define runs_allow(to) ((to) != IDLE || runs == 0)
#endif
#ifdef RESUME_ANYWHERE
#define resume_allows(to) true
#else
#define resume_allows(to) (state != RECONNECTING || (to) != SERVICES_READY)
#endif
#ifdef NO_TABLE
#define table_allows(to) (state != RECONNECTING || may_follow(state, to))
#elif defined(SKIP_SETUP)
#define table_allows(to) (may_follow(state, to) || (state == CONNECTING && is_operational(to)))
#else
#define table_allows(to) may_follow(state, to)
#endif

inline advance(to) {
  if
  :: repeats(to)
  :: !repeats(to) && owners_state(to) && runs_allow(to) && resume_allows(to) && table_allows(to) ->
#ifdef SKIP_SETUP
     if
     :: state == CONNECTING && is_operational(to) -> state = SERVICES_READY
     :: else
     fi;
#endif
     enter(to);
     show_runs()
  :: else -> met(illegal_transition, 5)
  fi;
  done()
}

/* Detach by the owner, the sweep of an orphan, and the end of a stuck setup do the same. */
inline let_go() {
  if
#ifdef DETACH_KEEPS_STATE
  :: is_operational(state)
#else
  :: is_operational(state) -> enter(RECONNECTING)
#endif
#ifdef SETUP_WAITS
  :: is_setup(state) -> enter(RECONNECTING)
#else
  :: is_setup(state) -> enter(FAILED)
#endif
  :: state == CLOSING -> enter(CLOSED)
  :: else
  fi;
  owned = false;
  done()
}

inline close() {
  if :: is_operational(state) -> enter(CLOSING) :: else fi;
  enter(CLOSED);
  owned = false;
  done()
}

inline fail() {
  if
  :: may_follow(state, FAILED) -> enter(FAILED); owned = false
  :: else -> met(fail_refused, 6)
  fi;
  done()
}

/* publish.cc: an event that opens or ends a run moves the state with it. */
inline open_run() {
  runs++;
  if
  :: state == IDLE || state == PROCESSING_READY -> enter(PROCESSING)
  :: else
  fi;
  done()
}
inline end_run() {
  runs--;
  if
  :: state == PROCESSING && runs == 0 -> enter(PROCESSING_READY)
  :: else
  fi;
  done()
}

active proctype claimants() {
end:
  do
  :: d_step { !claims_cease -> claim() }
  :: d_step { !claims_cease -> claim(); go_through(PROCESSING_READY) }
  :: d_step { !claims_cease -> claim(); go_through(DEGRADED) }
#ifdef ENDS
  :: claims_cease = true -> break
#endif
  od
}

active proctype owner() {
end:
  do
  :: d_step { owned -> advance(ACCEPTED) }
  :: d_step { owned -> advance(AUTHENTICATED) }
  :: d_step { owned -> advance(SERVICES_READY) }
  :: d_step { owned -> advance(PROCESSING_READY) }
  :: d_step { owned -> advance(PROCESSING) }
  :: d_step { owned -> advance(IDLE) }
  :: d_step { owned -> advance(DEGRADED) }
  :: d_step { owned -> advance(RECONNECTING) }
  :: d_step { owned -> advance(CLOSING) }
  :: d_step { owned -> advance(CLOSED) }
  :: d_step { owned -> close() }
  :: d_step { owned -> fail() }
  od
}

active proctype backend() {
end:
  do
  :: d_step { state != CLOSED && runs < RUNS_MAX -> open_run() }
  :: d_step { runs > 0 -> end_run() }
  od
}

/* The connection, or its gateway, is lost: what makes every machine let go in the end. */
active proctype loss() {
end:
  do
  :: d_step { owned -> let_go() }
  od
}

/* The deadline of those that wait without an owner. */
active proctype resume_window() {
end:
  do
#ifndef NO_RESUME_WINDOW
  :: d_step { state == RECONNECTING && !owned -> met(resume_expired, 7); enter(CLOSED); done() }
#else
  :: false
#endif
  od
}

#ifdef ENDS
ltl ends { [] (claims_cease -> <> is_final(state)) }
#endif
