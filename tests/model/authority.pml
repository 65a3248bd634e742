/* Claims, owner operations and durability of one key.
 *
 * One client opens sockets 1, 2, 3 one after the other, each at either of two gateways. A socket is
 * a claim, whose number is also its attempt: the client's later ones are above its earlier ones.
 * Two coordinators commit to one store with compare-and-set, which writes first and makes durable
 * later. Coordinator 1 sees what is durable at once, coordinator 2 as late as it likes: of two that
 * lag, one does nothing that it could not do when it has caught up.
 * Every message may be lost, late, repeated and reordered, because a coordinator may take any
 * message that was ever sent, at any time and any number of times, and no answer need arrive.
 * Commits end unknown and land late; the store crashes, and a coordinator forgets its doubts.
 *
 * Properties:
 *   generation_is_unique   No two claims are ever told the same generation.
 *   generations_rise       What is durable never goes back to a lower generation, not even behind a
 *                          deletion, and one generation belongs to one claim.
 *   only_the_owner_acts    An operation changes the record only while its generation is the
 *                          record's and its gateway the owner.
 *   op_is_taken_once       No operation of a generation is applied twice.
 *   refused_stays_refused  An operation that was told to be refused is never applied later.
 *   answer_is_durable      What an answer rested on survives every crash of the store.
 *   refusal_is_true        "You have lost it" is told only to an owner that really has.
 *   older_claim_yields     A claim never takes the key from an owner that a later claim made.
 *   spent_is_not_granted   A superseded or abandoned claim is never granted (again), as long as the
 *                          record is kept.
 *   not_applied_is_final   A commit whose command was answered "not applied" never lands.
 *   legal_step             Every step of the machine is in the table.
 *
 * Broken variants: NO_GENERATION_CHECK, NO_OWNER_CHECK, NO_OP_CHECK, REFUSED_NUMBER_AGAIN, NO_CAS,
 * ACK_EARLY, REFUSAL_FROM_MEMORY, BELIEVE_UNSYNCED, DOUBT_BY_READ, FAILED_WHILE_IN_DOUBT,
 * GENERATION_FROM_RECORD, ATTEMPT_IGNORED, REPEAT_ABANDONED.
 */
#include "lifecycle_table.pml"
#include "checking.pml"

/* Bounds; searches.py names others. */
#ifndef SOCKETS
#define SOCKETS 3
#endif
#ifndef OPS
#define OPS 2
#endif
#ifndef REVISIONS
#define REVISIONS 5
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef ABANDONS
#define ABANDONS 1
#endif
#ifndef PUBLISHES
#define PUBLISHES 0
#endif
#ifndef RELEASES
#define RELEASES 1
#endif
#ifndef UNKNOWNS
#define UNKNOWNS 1
#endif

#define GATEWAY_OF(i) socket[i].gateway
#define NOBODY 0

mtype:kind = { CLOSE, DETACH, TO_READY, TO_IDLE }; /* what the owner asks for */
mtype:command = { CLAIM, ABANDON, OPERATE, PUBLISH, RELEASE, FORGET };
mtype:fate = { HEARD, UNHEARD, UNKNOWN }; /* of its answer */
mtype:answer = { GRANTED, STALE, DONE, STOP }; /* STOP: STALE_GENERATION or NOT_FOUND */
mtype:phase = { ASKED, HELD, GONE };
#define UNBORN 0
#define NOTHING 0
#define SILENCE 0

typedef Record {
  byte revision;
  bool present;
  byte generation;
  byte claim;          /* of the current grant */
  byte owner;
  mtype:state state;
  byte last_op;
  byte spent;          /* bits: claims that are superseded or abandoned */
  byte applied         /* for op_is_taken_once: bits of the operations of this generation */
};

typedef Socket {
  mtype:phase phase;
  bool abandoned;
  byte gateway;
  byte generation;     /* as told */
  byte sent;           /* operations 1 .. sent have been asked for */
  byte answered;
  mtype:kind kind[OPS + 1];
  byte told_refused    /* bits of operations */
};

/* A command on its way through a coordinator. */
typedef Command {
  mtype:command what;
  byte socket;
  byte first;          /* of the operations of the message */
  byte last;
  mtype:fate fate
};

/* An answer that waits for what it rests on to be durable, and then to arrive. */
typedef Answer {
  mtype:answer what;
  byte socket;
  byte value;          /* the generation granted, or the last operation taken */
  byte refused;        /* bits of the operations that it calls refused */
  byte rests_on        /* revision */
};

typedef Expected {
  bool present;
  byte revision
};

Socket socket[4];
Record visible;        /* what the store compares with */
#if CRASHES
Record durable;        /* what survives a crash of the store */
#else
#define durable visible
#endif
Record replica[3];     /* of coordinators 1 and 2 */
Answer answer[3];

/* A commit whose outcome its coordinator does not know, and that may still land. */
Command late;
Expected expected;     /* by the late commit */
byte in_doubt;         /* the coordinator that still holds the command; 0: none */
bool disowned;         /* the command was answered "not applied" */

byte crashes_left = CRASHES;
byte unknowns_left = UNKNOWNS;
byte publishes_left = PUBLISHES;
byte releases_left = RELEASES;
byte abandons_left = ABANDONS;

/* For the properties alone. */
#if CRASHES
byte promised;         /* the newest revision that an answer rested on */
#endif
byte highest;          /* the highest generation that was ever durable */
byte highest_claim;    /* the claim that it was granted to */

/* What one step works with; nothing is left in them behind it. */
Command now;
hidden Record next;
hidden byte what;      /* the answer */
hidden byte writes;    /* a bool cannot be hidden */
hidden byte applies;   /* bits of the operations that the write applies */
hidden byte refuses;

inline copy(to, from) {
  to.revision = from.revision; to.present = from.present; to.generation = from.generation;
  to.claim = from.claim; to.owner = from.owner; to.state = from.state;
  to.last_op = from.last_op; to.spent = from.spent; to.applied = from.applied
}
inline forget_all_of(record) {
  record.present = false; record.generation = 0; record.claim = 0; record.owner = NOBODY;
  record.state = 0; record.last_op = 0; record.spent = 0; record.applied = 0
}
inline put(command, kind_of, i, from, to) {
  command.what = kind_of; command.socket = i; command.first = from; command.last = to
}
inline done_with(command) {
  put(command, NOTHING, 0, 0, 0); command.fate = 0
}

/* ---- the authority: what a command does to the record that the coordinator knows ---- */

inline enter(to) {
  property(legal_step, may_follow(next.state, to));
  next.state = to
}

/* A claim is asked for with all steps of a setup that needs nobody else (`through`). */
inline go_through() {
  if
  :: next.state == CONNECTING -> enter(ACCEPTED); enter(AUTHENTICATED); enter(SERVICES_READY)
  :: else
  fi;
  enter(PROCESSING_READY)
}

#ifdef ATTEMPT_IGNORED
#define OUTRUN(i) false
#else
#define OUTRUN(i) (next.owner != NOBODY && (i) < next.claim)
#endif
#ifdef REPEAT_ABANDONED
#define SPENT(i) false
#else
#define SPENT(i) ((next.claim == (i) && next.owner == NOBODY) || (next.spent & BIT(i)))
#endif
#ifdef GENERATION_FROM_RECORD
#define GRANTED_GENERATION (next.generation + 1)
#else
#define GRANTED_GENERATION 0 /* this commit: its revision, when it has one */
#endif

inline decide_claim(i) {
  if
  :: next.present && next.claim == i && next.owner == GATEWAY_OF(i) ->
     what = GRANTED; /* again */
     met(granted_again, 1)
  :: else ->
     if
     :: next.present && (SPENT(i) || OUTRUN(i)) -> what = STALE
     :: else ->
        what = GRANTED;
        writes = true;
        met_if(next.owner != NOBODY, takeover, 2);
        if :: next.present && next.claim != 0 -> next.spent = next.spent | BIT(next.claim)
        :: else
        fi;
        if
        :: !next.present || is_final(next.state) -> next.state = CONNECTING
        :: next.present && is_operational(next.state) -> enter(RECONNECTING)
        :: else -> met(resume, 3)
        fi;
        go_through();
        next.generation = GRANTED_GENERATION;
        next.present = true;
        next.claim = i;
        next.owner = GATEWAY_OF(i);
        next.last_op = 0;
        next.applied = 0
     fi
  fi
}

inline let_go() {
  if :: is_operational(next.state) -> enter(RECONNECTING) :: else fi;
  next.owner = NOBODY
}

inline decide_abandon(i) {
  if
  :: !next.present
  :: next.present && next.claim != i && (next.spent & BIT(i))
  :: else -> /* nobody waits for the answer */
     writes = true;
     next.spent = next.spent | BIT(i);
     if
     :: next.claim == i && next.owner == GATEWAY_OF(i) -> met(abandoned_grant, 4); let_go()
     :: else -> met(abandoned_early, 5)
     fi
  fi
}

/* Who is PROCESSING has a run open, and with a run open nobody is IDLE. */
inline advance(op, to) {
  if
  :: next.state == to || (next.state == PROCESSING && to == PROCESSING_READY)
  :: next.state == PROCESSING && to == IDLE -> refuses = refuses | BIT(op)
  :: next.state != PROCESSING && next.state != to && may_follow(next.state, to) ->
     enter(to); applies = applies | BIT(op)
  :: else -> refuses = refuses | BIT(op)
  fi
}

#ifdef NO_OP_CHECK
#define TAKEN(op) false
#else
#define TAKEN(op) (next.last_op >= (op))
#endif
#ifdef REFUSED_NUMBER_AGAIN
#define takes_number(op) (refuses & BIT(op)) == 0
#else
#define takes_number(op) true
#endif

inline take_operation(i, op) {
  if
  :: op < now.first || op > now.last || TAKEN(op)
  :: else ->
     if
     :: socket[i].kind[op] == TO_IDLE -> advance(op, IDLE)
     :: socket[i].kind[op] == TO_READY -> advance(op, PROCESSING_READY)
     :: socket[i].kind[op] == DETACH -> let_go(); applies = applies | BIT(op)
     :: socket[i].kind[op] == CLOSE ->
        if :: is_operational(next.state) -> enter(CLOSING) :: else fi;
        enter(CLOSED);
        next.owner = NOBODY;
        applies = applies | BIT(op)
     fi;
     if
     :: takes_number(op) -> next.last_op = op
     :: else
     fi
  fi
}

#ifdef NO_GENERATION_CHECK
#define FENCED(i) false
#else
#define FENCED(i) (next.generation != socket[i].generation)
#endif
#ifdef NO_OWNER_CHECK
#define NOT_OWNER(i) false
#else
#define NOT_OWNER(i) (next.owner != GATEWAY_OF(i))
#endif

inline decide_operate(i) {
  if
  :: !next.present -> what = STOP
  :: next.present && FENCED(i) -> what = STOP
  :: else ->
     if
     :: now.first > next.last_op + 1 /* it skips a number: invalid */
     :: else ->
        if
        :: TAKEN(now.last) -> what = DONE; met(op_repeated, 6)
        :: else ->
           if
           :: NOT_OWNER(i) -> what = STOP
           :: else ->
              what = DONE;
              writes = true;
              take_operation(i, 1);
#if OPS > 1
              take_operation(i, 2);
#endif
#ifdef REFUSED_NUMBER_AGAIN
              writes = (applies != 0);
#endif
              next.applied = next.applied | applies;
              met_if(refuses != 0, op_refused, 7)
           fi
        fi
     fi
  fi
}

/* An event that opens a run, or ends it, moves the state with it. */
inline decide_publish() {
  if
  :: next.state == PROCESSING -> writes = true; enter(PROCESSING_READY)
  :: next.state == PROCESSING_READY || next.state == IDLE -> writes = true; enter(PROCESSING)
  :: else
  fi
}

/* ForceRelease by an operator, or the sweep of an orphan: over the revision that it saw. */
inline decide_release() {
  if
  :: next.present && next.owner != NOBODY -> writes = true; let_go()
  :: else
  fi
}

inline decide_forget() {
  if
  :: next.present && is_final(next.state) -> writes = true; forget_all_of(next)
  :: else
  fi
}

inline decide() {
  what = SILENCE;
  writes = false;
  applies = 0;
  refuses = 0;
  if
  :: now.what == CLAIM -> decide_claim(now.socket)
  :: now.what == ABANDON -> decide_abandon(now.socket)
  :: now.what == OPERATE -> decide_operate(now.socket)
  :: now.what == PUBLISH -> decide_publish()
  :: now.what == RELEASE -> decide_release()
  :: now.what == FORGET -> decide_forget()
  fi
}

/* ---- the store ---- */

#ifdef NO_CAS
#define stands_at(known) true
#else
#define stands_at(known) (visible.present == known.present && \
    (!visible.present || visible.revision == known.revision))
#endif

inline check_write(i) {
  if
  :: now.what == OPERATE ->
     property(only_the_owner_acts, visible.present && visible.owner == GATEWAY_OF(i)
              && visible.generation == socket[i].generation);
     property(op_is_taken_once, (applies & visible.applied) == 0);
     property(refused_stays_refused, (applies & socket[i].told_refused) == 0)
  :: now.what == CLAIM ->
     property(older_claim_yields,
              !visible.present || visible.owner == NOBODY || visible.claim <= i);
     property(spent_is_not_granted,
              !visible.present || (visible.claim != i && !(visible.spent & BIT(i))))
  :: else
  fi
}

/* The feed may skip states in between, but shows only what is durable. */
#ifdef BELIEVE_UNSYNCED
#define SHOWN visible
#else
#define SHOWN durable
#endif

#define shows_expected(record) (record.present == expected.present && \
    (!record.present || record.revision == expected.revision))

inline feed(c) {
  copy(replica[c], SHOWN);
  if
  :: in_doubt == c && !shows_expected(replica[c]) -> met(doubt_ended, 12); in_doubt = 0
  :: else
  fi
}

/* Makes durable all that was written. */
inline sync() {
  if
  :: visible.present ->
     property(generations_rise, visible.generation > highest
              || (visible.generation == highest && visible.claim == highest_claim));
     highest = visible.generation;
     highest_claim = visible.claim
  :: else
  fi;
#if CRASHES
  copy(durable, visible);
#endif
  feed(1) /* which never lags: a coordinator that does is the other one */
}

inline write() {
  check_write(now.socket);
  met_if(now.what == FORGET, forgotten, 8);
  met_if(now.what == RELEASE, released, 9);
  next.revision = visible.revision + 1;
  if
  :: next.present && next.generation == 0 -> next.generation = next.revision
  :: else
  fi;
  copy(visible, next);
#if !CRASHES
  sync()
#endif
}

/* ---- the coordinators ----
 *
 * Deciding, comparing and writing are one step. Nothing is lost by that: what a coordinator decided
 * on a record is what it would decide now, as long as that record stands; when it does not, the
 * store refuses, and the coordinator learns what stands there, as from the feed. Only a commit that
 * may land when its coordinator no longer knows of it is a thing of its own (`late`). */

#ifdef REFUSAL_FROM_MEMORY
#define may_answer_from_memory(c) (what == STOP || what == STALE)
#else
/* The one exception: a durable generation above the command's only rises. */
#define may_answer_from_memory(c) \
    (what == STOP && replica[c].generation > socket[now.socket].generation)
#endif

inline clear_answer(c) {
  answer[c].what = SILENCE; answer[c].socket = 0; answer[c].value = 0;
  answer[c].refused = 0; answer[c].rests_on = 0
}

/* The answer arrives; what nobody waits for any more changes nothing. */
inline tell(c, i) {
#if CRASHES
  if :: answer[c].rests_on > promised -> promised = answer[c].rests_on :: else fi;
#endif
  if
  :: answer[c].what == GRANTED -> tell_granted(i, answer[c].value)
  :: answer[c].what == STALE ->
     if :: socket[i].phase == ASKED -> socket[i].phase = GONE :: else fi
  :: answer[c].what == DONE ->
     socket[i].told_refused = socket[i].told_refused | answer[c].refused;
     if
     :: socket[i].answered < answer[c].value -> socket[i].answered = answer[c].value
     :: else
     fi
  :: answer[c].what == STOP ->
     property(refusal_is_true, !durable.present || durable.generation != socket[i].generation
              || durable.owner != GATEWAY_OF(i));
     met(told_to_stop, 13);
     socket[i].phase = GONE
  fi
}

inline tell_granted(i, told) {
  property(generation_is_unique, (i == 1 || socket[1].generation != told)
           && (i == 2 || socket[2].generation != told)
           && (i == 3 || socket[3].generation != told));
  if
  :: socket[i].phase == ASKED -> socket[i].phase = HELD; socket[i].generation = told
  :: else -> met(grant_nobody_waits_for, 14)
  fi
}

/* What can arrive at once arrives: to hear it later is to be asked later, or to hear it too late,
 * which is to lose it. A grant is another thing when it is late; coordinator 2 is the slow one. */
inline answer_with(c, revision_below) {
  if
  :: what != SILENCE ->
     answer[c].what = what;
     answer[c].socket = now.socket;
     answer[c].value = (what == GRANTED -> next.generation : now.last);
     answer[c].refused = refuses;
     answer[c].rests_on = revision_below;
     if
     :: (what != GRANTED || c == 1) && durable.revision >= revision_below ->
        if :: now.fate != UNHEARD -> tell(c, now.socket) :: else fi;
        clear_answer(c)
     :: else
     fi
  :: else
  fi
}

/* The outcome is unknown: the coordinator holds on to the command, decides it anew and commits over
 * the same revision, until something else is shown to stand there. */
inline become_late(c) {
  late.what = now.what; late.socket = now.socket; late.first = now.first; late.last = now.last;
  expected.present = replica[c].present;
  expected.revision = replica[c].revision;
  unknowns_left--;
  in_doubt = c
}

inline decide_and_commit(c) {
  copy(next, replica[c]);
  decide();
  if
  :: now.fate == UNKNOWN -> /* what writes nothing, or will be refused, need not be followed */
     if :: writes && stands_at(replica[c]) -> become_late(c) :: else fi
  :: now.fate != UNKNOWN && !writes && may_answer_from_memory(c) ->
     met(refused_from_memory, 10);
     answer_with(c, 0)
  :: now.fate != UNKNOWN && !writes && !may_answer_from_memory(c) && stands_at(replica[c]) ->
     answer_with(c, visible.revision)
  :: now.fate != UNKNOWN && writes && stands_at(replica[c]) && visible.revision < REVISIONS ->
     write();
     answer_with(c, visible.revision)
  :: else -> met_if(!stands_at(replica[c]), commit_refused, 11)
  fi;
}

/* What a coordinator may be asked, out of all that was ever sent. A message carries all operations
 * that had no answer when it was sent, and is as old as it likes. */
#define FROM_SOCKET(i) \
  :: socket[i].phase != UNBORN -> put(now, CLAIM, i, 0, 0) \
  :: socket[i].abandoned -> put(now, ABANDON, i, 0, 0) \
  :: socket[i].sent >= 1 -> put(now, OPERATE, i, 1, 1) \
  :: socket[i].sent >= 2 -> put(now, OPERATE, i, 1, 2) \
  :: socket[i].sent >= 2 && socket[i].answered >= 1 -> put(now, OPERATE, i, 2, 2)

#ifdef ACK_EARLY
#define is_safe(c) true
#else
#define is_safe(c) (durable.revision >= answer[c].rests_on)
#endif

/* Who waits for the command is told that it was not applied. */
inline disown() {
  in_doubt = 0;
  disowned = (late.what != NOTHING)
}

proctype coordinator(byte c) {
end:
  do
  :: atomic {
       answer[c].what == SILENCE;
       if
       :: in_doubt == c && late.what != NOTHING -> /* holds on to it */
          put(now, late.what, late.socket, late.first, late.last)
       :: in_doubt != c ->
          if
          FROM_SOCKET(1)
          FROM_SOCKET(2)
          FROM_SOCKET(3)
          :: is_operational(replica[c].state) && publishes_left > 0 ->
             publishes_left--; put(now, PUBLISH, 0, 0, 0)
          :: replica[c].owner != NOBODY && releases_left > 0 ->
             releases_left--; put(now, RELEASE, 0, 0, 0)
          :: replica[c].present && is_final(replica[c].state) -> put(now, FORGET, 0, 0, 0)
          fi
       fi;
       if
       :: now.fate = HEARD
       :: now.what == OPERATE || now.what == CLAIM -> now.fate = UNHEARD
       :: unknowns_left > 0 && late.what == NOTHING -> now.fate = UNKNOWN
       fi;
       d_step { decide_and_commit(c); done_with(now) }
     }

  :: d_step { c != 1 && SHOWN.revision > replica[c].revision -> feed(c) }

  :: d_step { answer[c].what != SILENCE && is_safe(c) ->
       tell(c, answer[c].socket);
       clear_answer(c) }
  :: d_step { answer[c].what != SILENCE -> clear_answer(c) } /* it is lost */

#ifdef DOUBT_BY_READ
  :: d_step { in_doubt == c && shows_expected(durable) -> disown() }
#endif
#ifdef FAILED_WHILE_IN_DOUBT
  :: d_step { in_doubt == c -> disown() }
#endif
  :: d_step { in_doubt == c -> met(doubt_forgotten, 15); in_doubt = 0 } /* it has crashed */
  od
}

inline land_late() {
  if
  :: stands_at(expected) ->
     now.what = late.what; now.socket = late.socket;
     now.first = late.first; now.last = late.last;
     copy(next, visible);
     decide();
     if
     :: writes -> property(not_applied_is_final, !disowned); met(late_landing, 16); write()
     :: else
     fi;
     done_with(now)
  :: else -> met(late_refused, 17)
  fi;
  done_with(late);
  expected.present = false; expected.revision = 0;
  disowned = false
}

proctype store() {
end:
  do
  :: d_step { late.what != NOTHING && visible.revision < REVISIONS -> land_late() }
#if CRASHES
  :: d_step { durable.revision != visible.revision -> sync() }
  :: d_step { crashes_left > 0 && durable.revision != visible.revision ->
       crashes_left--;
       met(unsynced_lost, 18);
       copy(visible, durable);
       if :: late.what == NOTHING -> in_doubt = 0 :: else fi;
       property(answer_is_durable, durable.revision >= promised);
       if :: answer[1].rests_on > durable.revision -> clear_answer(1) :: else fi;
       if :: answer[2].rests_on > durable.revision -> clear_answer(2) :: else fi }
#endif
  od
}

/* ---- the client's sockets, in their gateways ---- */

#define lets_go(kind) (kind == DETACH || kind == CLOSE)
#define may_ask(i) (socket[i].phase == HELD && socket[i].sent < OPS && \
    !lets_go(socket[i].kind[socket[i].sent]))
inline ask(i, kind_of) {
  socket[i].sent++;
  socket[i].kind[socket[i].sent] = kind_of
}

#define may_begin(i) \
    (socket[i].phase == UNBORN && (i == 1 || socket[i - 1].phase != UNBORN))

proctype client(byte i) {
end:
  do
  :: d_step { may_begin(i) -> socket[i].phase = ASKED; socket[i].gateway = 1 }
  :: d_step { may_begin(i) && i > 1 -> socket[i].phase = ASKED; socket[i].gateway = 2 }
  :: d_step { socket[i].phase == ASKED && abandons_left > 0 ->
       abandons_left--; socket[i].phase = GONE; socket[i].abandoned = true }
  :: d_step { may_ask(i) && socket[i].sent == 0 -> ask(i, TO_IDLE) }
  :: d_step { may_ask(i) && socket[i].sent == 1 -> ask(i, TO_READY) }
  :: d_step { may_ask(i) -> ask(i, DETACH) }
  :: d_step { may_ask(i) -> ask(i, CLOSE) }
  od
}

init {
  byte i;
  atomic {
    run coordinator(1);
    run coordinator(2);
    run store();
    for (i : 1 .. SOCKETS) {
      run client(i)
    }
    i = 0
  }
}
