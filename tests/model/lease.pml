/* The tick, the lease of one gateway, and the sweep of what it leaves behind.
 *
 * Gateway 1 has the lease that is looked at, and wants the one key of the model; gateway 2 is in
 * good health and takes the key over whenever its client comes to it. Coordinator 1 sees all
 * changes at once; coordinator 2 sees them as late as it likes, each record on its own. Renewals
 * are commits that lie about for any time before they land; confirmations of heartbeats arrive as
 * late as they like, or never; so do requests to attach, which may be repeated for ever.
 * Time is counted in units, in which all clocks run alike; what they may differ by is the margin
 * between TTL and HOLD, and is the simulator's to try. A unit stands for about 4 s.
 *
 * Properties:
 *   acts_only_while_leased  A gateway that goes by its own clock alone never acts when its lease
 *                           has been expired.
 *   expired_never_returns   A gateway id that was expired is never alive again.
 *   expires_by_ticks        A lease is expired only when more than TTL ticks have gone by since the
 *                           stamp of its last renewal: an outage of the store expires nobody.
 *   sweep_spares_the_living A sweep takes the key from nobody but the gateway that was expired.
 *   orphans_are_swept       When nothing is left to do, no key belongs to an expired gateway.
 *   confirmed_is_durable    A heartbeat is confirmed only when its renewal is durable.
 *
 * Broken variants: REVIVE_EXPIRED, NO_TOMBSTONE, SWEEP_WITHOUT_CONDITION, SWEEP_AS_EVENT,
 * EXPIRE_WITHOUT_CONDITION, EXPIRE_BY_CLOCK, HOLD_FROM_ARRIVAL, HOLD_BY_TIMER, CONFIRM_EARLY,
 * STAMP_WHILE_AWAY. And FEED_BEHIND, which takes away an assumption instead of a rule: a feed that
 * brings old ticks steadily, so that coordinator 2 takes each for the present one.
 */
#include "checking.pml"

#ifndef TIME
#define TIME 6             /* units until the clock stops */
#endif
#ifndef RENEWALS
#define RENEWALS 2
#endif
#ifndef CLAIMS
#define CLAIMS 2
#endif
#ifndef ATTACHES
#define ATTACHES 2
#endif
#ifndef TTL
#define TTL 4
#endif
#ifndef HOLD
#define HOLD 2
#endif
#define AWAY 1

#define ABSENT 0
#define ALIVE 1
#define EXPIRED 2          /* the tombstone; a day is longer than any run here */
#define NOBODY 0

typedef Lease { byte revision; byte status; byte stamp };
typedef Record { byte revision; byte owner };

byte time;

/* The store. */
byte tick;
Lease lease;
Record record;

/* The coordinators: what they have seen, and since when they have seen the tick. */
byte seen_tick[3];
byte tick_seen_at[3];
Lease seen_lease[3];
Record seen_record[3];
#ifdef SWEEP_AS_EVENT
bool sweeps[3];
#endif

/* A renewal under way in each. */
typedef Renewal { bool under_way; byte expected; byte stamp; byte sent_at };
Renewal renewal[3];

/* Gateway 1. */
byte confirming;           /* 1 + send time of a heartbeat: its confirmation is under way */
byte confirmed;            /* 1 + send time of the last one confirmed; 0: none */
byte claims_left = CLAIMS;
byte attaches_left = ATTACHES;
byte renewals_left = RENEWALS;
#ifdef HOLD_BY_TIMER
bool holding;
#endif
#ifdef EXPIRE_BY_CLOCK
byte lease_changed_at;
#endif

/* For the properties alone. */
bool was_expired;
byte durable_since;        /* 1 + the latest send time among renewals that are durable */

inline see_lease(c) {
#ifdef SWEEP_AS_EVENT
  if
  :: lease.status == EXPIRED && seen_lease[c].status != EXPIRED && seen_record[c].owner == 1 ->
     sweeps[c] = true
  :: else
  fi;
#endif
  seen_lease[c].revision = lease.revision;
  seen_lease[c].status = lease.status;
  seen_lease[c].stamp = lease.stamp
}
inline see_record(c) {
  seen_record[c].revision = record.revision;
  seen_record[c].owner = record.owner
}
inline see_tick(c, value) {
  seen_tick[c] = value;
  tick_seen_at[c] = time
}

/* Asked before every effect, of its own clock. */
#ifdef HOLD_BY_TIMER
#define may_act (confirmed != 0 && !holding)
#else
#define may_act (confirmed != 0 && time < confirmed - 1 + HOLD)
#endif
#define check_acting() property(acts_only_while_leased, !may_act || lease.status == ALIVE)

inline write_lease(to, at) {
  property(expired_never_returns, !was_expired || to != ALIVE);
  lease.revision++;
  lease.status = to;
  lease.stamp = at;
#ifdef EXPIRE_BY_CLOCK
  lease_changed_at = time;
#endif
  see_lease(1);
  check_acting()
}
inline write_record(to) {
  record.revision++;
  record.owner = to;
  see_record(1)
}

active proctype clock() {
end:
  do
  :: d_step { time < TIME -> time++ }
  od
}

/* ---- what a coordinator does ---- */

/* It has seen a tick of late; else it says STORE_AWAY, expires nobody and stamps nothing. */
#define is_current(c) (time - tick_seen_at[c] <= AWAY)
#ifdef STAMP_WHILE_AWAY
#define may_stamp(c) true
#else
#define may_stamp(c) is_current(c)
#endif

#ifdef REVIVE_EXPIRED
#define may_renew(c) (seen_lease[c].status != ABSENT)
#else
#define may_renew(c) (seen_lease[c].status == ALIVE) /* a heartbeat never makes a lease */
#endif

#ifdef EXPIRE_BY_CLOCK
#define is_overdue(c) (time - lease_changed_at > TTL)
#else
#define is_overdue(c) (seen_tick[c] > seen_lease[c].stamp + TTL)
#endif
#ifdef EXPIRE_WITHOUT_CONDITION
#define lease_stands(c) true
#else
#define lease_stands(c) (lease.revision == seen_lease[c].revision)
#endif
#ifdef SWEEP_WITHOUT_CONDITION
#define record_stands(c) true
#else
#define record_stands(c) (record.revision == seen_record[c].revision)
#endif

inline attach(c) {
  attaches_left--;
  if
  :: lease.revision == seen_lease[c].revision -> write_lease(ALIVE, seen_tick[c])
  :: else -> see_lease(c)
  fi
}
inline begin_renewal(c) {
  renewals_left--;
  renewal[c].under_way = true;
  renewal[c].expected = seen_lease[c].revision;
  renewal[c].stamp = seen_tick[c];
  renewal[c].sent_at = time;
#ifdef CONFIRM_EARLY
  confirming = 1 + time
#endif
}
inline land_renewal(c) {
  if
  :: lease.revision == renewal[c].expected ->
     if :: durable_since < 1 + renewal[c].sent_at -> durable_since = 1 + renewal[c].sent_at
     :: else
     fi;
     write_lease(ALIVE, renewal[c].stamp);
     met(renewed, 1);
     confirming = 1 + renewal[c].sent_at
  :: else -> met(renewal_refused, 2)
  fi;
  renewal[c].under_way = false; renewal[c].expected = 0;
  renewal[c].stamp = 0; renewal[c].sent_at = 0
}

inline expire(c) {
  if
  :: lease_stands(c) ->
     property(expires_by_ticks, tick > lease.stamp + TTL);
     met(expired, 3);
     was_expired = true;
#ifdef NO_TOMBSTONE
     write_lease(ABSENT, 0);
#else
     write_lease(EXPIRED, 0);
#endif
     see_lease(c)
  :: else -> met(expiry_refused, 4); see_lease(c)
  fi
}

/* To be orphaned is a condition of the record, whenever it got its owner. */
#ifdef SWEEP_AS_EVENT
#define is_orphan(c) (sweeps[c] && seen_record[c].owner == 1)
#else
#define is_orphan(c) (seen_record[c].owner == 1 && seen_lease[c].status == EXPIRED)
#endif
inline sweep(c) {
  if
  :: record_stands(c) ->
     property(sweep_spares_the_living, record.owner == 1);
     met(swept, 5);
     write_record(NOBODY)
  :: else -> met(sweep_refused, 6); see_record(c)
  fi;
#ifdef SWEEP_AS_EVENT
  sweeps[c] = false
#endif
}

/* Its gateway asks; a claim of an expired one is refused, by what this coordinator has seen. */
inline grant(c, gateway) {
  claims_left--;
  if
  :: gateway == 1 && seen_lease[c].status != ALIVE -> met(gateway_expired, 7)
  :: else ->
     if
     :: record.revision == seen_record[c].revision ->
        met_if(record.owner != NOBODY && record.owner != gateway, takeover, 8);
        met_if(gateway == 1 && lease.status == EXPIRED, granted_to_the_dead, 9);
        write_record(gateway)
     :: else -> see_record(c)
     fi
  fi
}

#ifdef FEED_BEHIND
#define next_tick_seen (seen_tick[c] + 1)
#else
#define next_tick_seen tick
#endif

proctype coordinator(byte c) {
end:
  do
  /* The tick: one unit after the present one was seen, over its revision. */
  :: d_step { seen_tick[c] == tick && time > tick_seen_at[c] ->
       tick++; see_tick(1, tick); see_tick(c, tick) }
  :: d_step { seen_tick[c] < tick -> see_tick(c, next_tick_seen) }
  :: d_step { seen_lease[c].revision < lease.revision -> see_lease(c) }
  :: d_step { seen_record[c].revision < record.revision -> see_record(c) }

  /* Attaching makes a lease where there is none, and was none. */
  :: d_step { seen_lease[c].status == ABSENT && may_stamp(c) && attaches_left > 0 -> attach(c) }

  :: d_step { renewals_left > 0 && !renewal[c].under_way && may_renew(c) && may_stamp(c) ->
       begin_renewal(c) }
  :: d_step { renewal[c].under_way -> land_renewal(c) }

  :: d_step { seen_lease[c].status == ALIVE && is_overdue(c) && is_current(c) -> expire(c) }
  :: d_step { is_orphan(c) -> sweep(c) }

  :: d_step { claims_left > 0 -> grant(c, 1) }
  :: d_step { claims_left > 0 -> grant(c, 2) }
  od
}

active proctype gateway() {
end:
  do
  :: d_step { confirming != 0 ->
       property(confirmed_is_durable, confirming <= durable_since);
       if
#ifdef HOLD_FROM_ARRIVAL
       :: confirmed < 1 + time -> confirmed = 1 + time
#else
       :: confirmed < confirming -> confirmed = confirming
#endif
       :: else
       fi;
       confirming = 0;
       met_if(time >= confirmed - 1 + HOLD, confirmed_too_late, 10);
       check_acting() }
#ifdef HOLD_BY_TIMER
  :: d_step { confirmed != 0 && time >= confirmed - 1 + HOLD -> holding = true }
#endif
  od
}

/* Whatever could be done has been done. */
active proctype end_of_all() {
  timeout -> property(orphans_are_swept, record.owner != 1 || lease.status != EXPIRED)
}

init {
  atomic {
    run coordinator(1);
    run coordinator(2)
  }
}
