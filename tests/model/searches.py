"""What run_models.py searches: every model within its bounds, and every broken variant of it."""

from collections import namedtuple

# `bounds`: of CI's share; `full`: those that differ under INTERLOCK_FULL=1. A model may have
# several searches, because all of its bounds at once would be too many states.
Search = namedtuple("Search", "name model bounds full liveness", defaults=({}, False))

SEARCHES = (
    Search("lifecycle", "lifecycle", {}),
    Search("lifecycle-ends", "lifecycle", {"ENDS": 1}, liveness=True),
    Search("takeovers", "authority",
           {"SOCKETS": 3, "OPS": 1, "REVISIONS": 4, "RELEASES": 0, "UNKNOWNS": 0, "CRASHES": 0},
           {"RELEASES": 1}),
    Search("operations", "authority",
           {"SOCKETS": 2, "OPS": 2, "REVISIONS": 4, "RELEASES": 1, "PUBLISHES": 2, "UNKNOWNS": 0,
            "CRASHES": 0},
           {"REVISIONS": 5}),
    Search("unknown-outcomes", "authority",
           {"SOCKETS": 2, "OPS": 1, "REVISIONS": 4, "RELEASES": 1, "UNKNOWNS": 1, "CRASHES": 0},
           {"REVISIONS": 5}),
    Search("crashes", "authority",
           {"SOCKETS": 2, "OPS": 1, "REVISIONS": 4, "RELEASES": 0, "UNKNOWNS": 0, "CRASHES": 1},
           {"UNKNOWNS": 1}),
    Search("lease-time", "lease", {"TIME": 6, "RENEWALS": 2, "CLAIMS": 0, "ATTACHES": 1},
           {"TIME": 7}),
    Search("lease-sweeps", "lease",
           {"TIME": 4, "TTL": 1, "HOLD": 0, "RENEWALS": 1, "CLAIMS": 2, "ATTACHES": 2},
           {"CLAIMS": 3}),
)

# A rule that is taken away, the search that must find it out, and the property that it must break.
Variant = namedtuple("Variant", "name search violates")

VARIANTS = (
    Variant("NO_TABLE", "lifecycle", "legal_step"),
    Variant("FINAL_LIVES", "lifecycle", "final_ends"),
    Variant("DETACH_KEEPS_STATE", "lifecycle", "owner_or_waiting"),
    Variant("SETUP_WAITS", "lifecycle", "waits_only_if_known"),
    Variant("RESUME_ANYWHERE", "lifecycle", "resume_is_short"),
    Variant("SKIP_SETUP", "lifecycle", "setup_in_order"),
    Variant("IDLE_WITH_RUNS", "lifecycle", "runs_are_shown"),
    Variant("NO_RESUME_WINDOW", "lifecycle-ends", "ends"),
    Variant("NO_GENERATION_CHECK", "takeovers", "only_the_owner_acts"),
    Variant("NO_OWNER_CHECK", "operations", "only_the_owner_acts"),
    Variant("NO_OP_CHECK", "operations", "op_is_taken_once"),
    Variant("REFUSED_NUMBER_AGAIN", "operations", "refused_stays_refused"),
    Variant("NO_CAS", "takeovers", "spent_is_not_granted"),
    Variant("REFUSAL_FROM_MEMORY", "takeovers", "refusal_is_true"),
    Variant("ATTEMPT_IGNORED", "takeovers", "older_claim_yields"),
    Variant("REPEAT_ABANDONED", "takeovers", "spent_is_not_granted"),
    Variant("GENERATION_FROM_RECORD", "takeovers", "generations_rise"),
    Variant("DOUBT_BY_READ", "unknown-outcomes", "not_applied_is_final"),
    Variant("FAILED_WHILE_IN_DOUBT", "unknown-outcomes", "not_applied_is_final"),
    Variant("ACK_EARLY", "crashes", "answer_is_durable"),
    Variant("BELIEVE_UNSYNCED", "crashes", "refusal_is_true"),
    Variant("HOLD_FROM_ARRIVAL", "lease-time", "acts_only_while_leased"),
    Variant("HOLD_BY_TIMER", "lease-time", "acts_only_while_leased"),
    Variant("STAMP_WHILE_AWAY", "lease-time", "acts_only_while_leased"),
    Variant("CONFIRM_EARLY", "lease-time", "confirmed_is_durable"),
    Variant("EXPIRE_BY_CLOCK", "lease-time", "expires_by_ticks"),
    Variant("EXPIRE_WITHOUT_CONDITION", "lease-time", "expires_by_ticks"),
    Variant("FEED_BEHIND", "lease-time", "acts_only_while_leased"),
    Variant("REVIVE_EXPIRED", "lease-sweeps", "expired_never_returns"),
    Variant("NO_TOMBSTONE", "lease-sweeps", "expired_never_returns"),
    Variant("SWEEP_WITHOUT_CONDITION", "lease-sweeps", "sweep_spares_the_living"),
    Variant("SWEEP_AS_EVENT", "lease-sweeps", "orphans_are_swept"),
)
