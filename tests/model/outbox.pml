/* The outbox of one key: from a publisher's events to a client that sees each once and in order.
 *
 * A publisher numbers its events and repeats a publish until it is answered. A coordinator decides,
 * commits to a store that makes durable later, and delivers what is durable behind a cursor. It
 * crashes, forgets everything but what is durable, and begins again with what the gateways list. A
 * client opens sockets 1, 2, 3 one after the other and listens to the newest one only; a socket is a
 * claim, and its number the generation. Sockets are cut, acknowledgements
 * come late, never, from an older generation, or ahead of what was sent. The connection may end
 * while its client is away; then the sequence begins anew, in another life.
 *
 * Claims that compete, leases and unknown outcomes are in authority.pml and lease.pml. A commit of
 * a key is under way only while no other one is, as in the engine.
 *
 * Properties:
 *   seen_once_in_order        What the client reads is the next event of its life: each once.
 *   seen_is_durable           No socket carries an event that a crash could take back.
 *   nothing_before_operational  Nothing is on a socket before its generation is durably operational.
 *   ready_in_its_place        `ready` comes behind all events up to the barrier, and before others.
 *   only_the_newest_trims     No acknowledgement of an older generation trims.
 *   trims_only_what_was_seen  Nothing is trimmed that the client has not seen.
 *   kept_until_acknowledged   What is not durably acknowledged can be read.
 *   resumed_is_true           `resumed` is said only to a client that has counted in this life.
 *   accepted_is_kept          What the publisher was told to be accepted survives every crash.
 *   delivers_all              The stream has no gap, and at rest the client has seen, and the record
 *                             knows as acknowledged, everything that was published.
 *
 * Broken variants: ACK_OF_OLD_GENERATION, ACK_AHEAD_OF_SENT, EVENTS_BEFORE_OPERATIONAL,
 * READY_BEFORE_BARRIER, READY_LATE, CURSOR_AT_LAST_ASSIGNED, REPETITION_IS_NEW, TRIM_BEFORE_DURABLE,
 * DELIVER_UNSYNCED, RECEIPT_EARLY, POSITION_OF_OLD_LIFE, SEND_PAST_A_GAP.
 */
#include "checking.pml"

/* Bounds; searches.py names others. */
#ifndef EVENTS
#define EVENTS 2
#endif
#ifndef SOCKETS
#define SOCKETS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef ENDS
#define ENDS 0
#endif
#ifndef ROOM
#define ROOM EVENTS /* of the outbox */
#endif

#define BIT(n) (1 << (n))
#define SEQUENCES_MAX (EVENTS + 1)

mtype:phase = { ASKED, HELD, GONE };
#define UNBORN 0

typedef Record {
  byte life;
  bool closed;
  byte since;          /* the generation since which the sequence has been going on */
  byte generation;
  bool operational;
  byte last;           /* sequence assigned */
  byte acknowledged;
  byte number;         /* the last one of the run */
  byte held;           /* bits: events that can be read */
  byte event[SEQUENCES_MAX + 1] /* the run's number of each */
};

typedef Socket {
  mtype:phase phase;
  byte last;           /* the client's position, and under which hello it was counted */
  byte last_generation;
  bool resumed;
  bool told_operational;
  byte barrier;
  bool ready;
  byte arrived;        /* the last event that the gateway has from the coordinator */
  byte next;           /* to send */
  bool greeted;        /* the client has read hello ... */
  byte got;            /* ... and the events up to this one */
  byte acknowledged    /* the highest one that the gateway has passed on */
};

Record visible;        /* what the store compares with */
Record durable;        /* what survives */
bool unsynced;
Socket socket[SOCKETS + 1];

/* The coordinator's memory. */
byte cursor_of;        /* generation; 0: it attends nobody */
byte cursor;           /* the next event to deliver */
byte acknowledging;    /* not written yet */
byte receipt;          /* the number that is to be answered */

/* The publisher. */
byte published_life;
byte asked;
byte answered;

/* The client. */
byte newest;
byte life;
byte last;             /* 0: none */
byte last_generation;
byte seen;             /* the last number of the run, for the properties alone */

byte operational_once; /* bits of generations, for the properties alone */
byte crashes_left = CRASHES;
byte ends_left = ENDS;
byte lies_left = 1;
byte losses_left = 1;

hidden byte s;

inline copy(to, from) {
  to.life = from.life; to.closed = from.closed; to.since = from.since;
  to.generation = from.generation; to.operational = from.operational;
  to.last = from.last; to.acknowledged = from.acknowledged; to.number = from.number;
  to.held = from.held;
  s = 1;
  do
  :: s <= SEQUENCES_MAX -> to.event[s] = from.event[s]; s++
  :: else -> break
  od;
  s = 0
}

/* ---- the record ---- */

#define seen_of_this_life (life == visible.life -> last : 0)

inline trim(to) {
  if
  :: to > visible.acknowledged && to <= visible.last ->
     property(trims_only_what_was_seen, to <= seen_of_this_life);
     s = visible.acknowledged + 1;
     do
     :: s <= to -> visible.held = visible.held & ~BIT(s); s++
     :: else -> break
     od;
     s = 0;
     visible.acknowledged = to
  :: else
  fi
}

/* Acknowledgements that wait ride in every write. */
inline begin_write() {
  trim(acknowledging);
  acknowledging = 0;
  unsynced = true
}

inline append(n) {
  begin_write();
  visible.last++;
  visible.number = n;
  visible.event[visible.last] = n;
  visible.held = visible.held | BIT(visible.last)
}

#define is_open (visible.life > 0 && !visible.closed)
#ifdef REPETITION_IS_NEW
#define is_new(n) (visible.last < SEQUENCES_MAX)
#else
#define is_new(n) ((n) == visible.number + 1)
#endif
#define has_room (visible.last - visible.acknowledged < ROOM)

inline take_publish(n) {
  if
  :: is_new(n) -> append(n)
  :: else -> met(repeated, 1)
  fi;
  receipt = n
}

#ifdef POSITION_OF_OLD_LIFE
#define counts(i) (socket[i].last > 0)
#else
#define counts(i) (socket[i].last_generation >= visible.since)
#endif

inline take_claim(i) {
  begin_write();
  if
  :: !is_open -> /* the first life, or the next one */
     visible.life++;
     visible.closed = false;
     visible.since = i;
     visible.last = 0; visible.acknowledged = 0; visible.number = 0; visible.held = 0;
     s = 1;
     do
     :: s <= SEQUENCES_MAX -> visible.event[s] = 0; s++
     :: else -> break
     od;
     s = 0;
     met_if(visible.life > 1, next_life, 2)
  :: else
  fi;
  if
  :: counts(i) -> met_if(socket[i].last > visible.acknowledged, position_trims, 3);
     trim(socket[i].last)
  :: else
  fi;
  visible.generation = i;
  visible.operational = false
}

#ifdef ACK_OF_OLD_GENERATION
#define may_trim(i) true
#else
#define may_trim(i) ((i) == visible.generation)
#endif

inline take_acknowledgement(i) {
  if
  :: may_trim(i) ->
     property(only_the_newest_trims, i == visible.generation);
     acknowledging = socket[i].acknowledged;
#ifdef TRIM_BEFORE_DURABLE
     s = 1;
     do
     :: s <= acknowledging ->
        durable.held = durable.held & ~BIT(s); visible.held = visible.held & ~BIT(s); s++
     :: else -> break
     od;
     s = 0
#endif
  :: else
  fi
}

/* ---- the coordinator, and the store below it ---- */

#ifdef DELIVER_UNSYNCED
#define DELIVERED visible
#else
#define DELIVERED durable
#endif
#ifdef RECEIPT_EARLY
#define is_kept(n) true
#else
#define is_kept(n) (!unsynced)
#endif
#ifdef EVENTS_BEFORE_OPERATIONAL
#define may_attend true
#define may_send(i) true
#else
#define may_attend (durable.operational)
#define may_send(i) (socket[i].told_operational)
#endif
#ifdef CURSOR_AT_LAST_ASSIGNED
#define begins_at(i) (socket[i].told_operational -> durable.last + 1 : socket[i].next)
#else
#define begins_at(i) (socket[i].next)
#endif

/* The gateway lists what it holds, with the last event that it sent. */
inline attend(i) {
  cursor_of = i;
  cursor = begins_at(i);
  if :: cursor <= durable.acknowledged -> cursor = durable.acknowledged + 1 :: else fi;
  met_if(socket[i].ready, listed_again, 4)
}

inline deliver(i) {
  property(delivers_all, cursor <= socket[i].arrived + 1);
  property(kept_until_acknowledged, DELIVERED.held & BIT(cursor));
  if
  :: cursor > socket[i].arrived -> socket[i].arrived = cursor
  :: else -> met(delivered_again, 5)
  fi;
  cursor++
}

inline sync() {
  copy(durable, visible);
  unsynced = false;
  if
  :: durable.operational -> operational_once = operational_once | BIT(durable.generation)
  :: else
  fi;
  if :: cursor_of != durable.generation -> cursor_of = 0; cursor = 0 :: else fi;
  if
  :: cursor_of != 0 && cursor <= durable.acknowledged -> cursor = durable.acknowledged + 1
  :: else
  fi
}

inline crash() {
  crashes_left--;
  met_if(unsynced, unsynced_lost, 6);
  met_if(acknowledging != 0, acknowledgement_lost, 7);
  copy(visible, durable);
  unsynced = false;
  cursor_of = 0; cursor = 0; acknowledging = 0; receipt = 0;
  property(accepted_is_kept, published_life != durable.life || answered <= durable.number)
}

proctype coordinator() {
end:
  do
  :: d_step { unsynced -> sync() }
  :: d_step { crashes_left > 0 && durable.life > 0 -> crash() }

  :: d_step { !unsynced && is_open && published_life == visible.life && asked > answered &&
       receipt != asked && (asked <= visible.number || has_room) -> take_publish(asked) }
  :: d_step { receipt != 0 && is_kept(receipt) -> /* or it is lost */
       if :: receipt > answered -> answered = receipt :: else fi;
       receipt = 0 }
  :: d_step { receipt != 0 && losses_left > 0 -> losses_left--; met(receipt_lost, 8); receipt = 0 }

  /* Lazily: with the next write, or by itself. */
  :: d_step { !unsynced && acknowledging > visible.acknowledged -> begin_write() }
  :: d_step { ends_left > 0 && !unsynced && is_open && visible.generation > 0 &&
       socket[visible.generation].phase == GONE ->
       ends_left--;
       begin_write();
       visible.closed = true;
       visible.operational = false }
  od
}

/* ---- a socket in its gateway ---- */

#ifdef READY_BEFORE_BARRIER
#define is_behind_barrier(i) true
#elif defined(READY_LATE)
#define is_behind_barrier(i) (socket[i].next > socket[i].barrier + 1)
#else
#define is_behind_barrier(i) (socket[i].next > socket[i].barrier)
#endif

inline say_ready_when_due(i) {
  if
  :: socket[i].told_operational && !socket[i].ready && is_behind_barrier(i) ->
     property(ready_in_its_place, socket[i].next == socket[i].barrier + 1);
     socket[i].ready = true
  :: else
  fi
}

inline send_event(i) {
  property(nothing_before_operational, operational_once & BIT(i));
  property(ready_in_its_place, !socket[i].told_operational || socket[i].ready ||
           socket[i].next <= socket[i].barrier);
  property(seen_is_durable, i < durable.generation || socket[i].next <= durable.last);
  met_if(!socket[i].ready, replay, 9);
  met_if(i < newest, sent_in_vain, 10);
  socket[i].next++;
  say_ready_when_due(i)
}

inline be_granted(i) {
  socket[i].phase = HELD;
  socket[i].next = durable.acknowledged + 1;
  socket[i].arrived = durable.acknowledged;
  socket[i].got = durable.acknowledged;
  socket[i].resumed = (counts(i) && socket[i].last == durable.acknowledged)
}

inline be_operational(i) {
  socket[i].told_operational = true;
  socket[i].barrier = durable.last;
  say_ready_when_due(i)
}

proctype gateway(byte i) {
end:
  do
  :: d_step { socket[i].phase == ASKED && !unsynced && visible.generation < i -> take_claim(i) }
  :: d_step { socket[i].phase == ASKED && visible.generation > i -> socket[i].phase = GONE }
  :: d_step { socket[i].phase == ASKED && durable.generation == i && !unsynced -> be_granted(i) }

  :: d_step { socket[i].phase == HELD && !unsynced && visible.generation == i &&
       !visible.operational -> begin_write(); visible.operational = true }
  :: d_step { socket[i].phase == HELD && !socket[i].told_operational && !unsynced &&
       durable.generation == i && durable.operational -> be_operational(i) }

  :: d_step { socket[i].phase == HELD && durable.generation == i && cursor_of != i && may_attend ->
       attend(i) }
  :: d_step { socket[i].phase == HELD && cursor_of == i && cursor <= DELIVERED.last -> deliver(i) }
  :: d_step { socket[i].phase == HELD && may_send(i) && socket[i].next <= socket[i].arrived ->
       send_event(i) }
#ifdef SEND_PAST_A_GAP
  /* The event finds no room in the queue; the one behind it does. */
  :: d_step { socket[i].phase == HELD && may_send(i) && socket[i].next < socket[i].arrived &&
       socket[i].got + 1 == socket[i].next -> socket[i].got++; send_event(i) }
#endif

  :: d_step { i < SOCKETS && socket[i].phase == HELD ->
       met(cut, 11); socket[i].phase = GONE }

  /* As late as it likes: at any time after it was sent, also when the socket has gone. */
  :: d_step { socket[i].acknowledged > acknowledging && !unsynced && is_open && may_trim(i) &&
       socket[i].acknowledged > visible.acknowledged -> take_acknowledgement(i) }
  od
}

/* ---- the client ---- */

inline open_next() {
  newest++;
  socket[newest].phase = ASKED;
  socket[newest].last = last;
  socket[newest].last_generation = last_generation
}

inline read_hello(i) {
  socket[i].greeted = true;
  if
  :: socket[i].resumed ->
     property(resumed_is_true, life == durable.life);
     met_if(last > 0, resumed, 12)
  :: else -> last = 0; seen = 0; life = durable.life
  fi;
  last_generation = i
}

/* A position that is taken as it was said leaves nothing to drop. */
inline read_event(i) {
  socket[i].got++;
  property(seen_once_in_order, visible.event[socket[i].got] == seen + 1 &&
           socket[i].got == last + 1);
  last = socket[i].got;
  seen = visible.event[socket[i].got]
}

inline lie(i) {
  lies_left--;
#ifdef ACK_AHEAD_OF_SENT
  socket[i].acknowledged = socket[i].next
#else
  met(refused_ahead, 13) /* the gateway knows what it sent */
#endif
}

proctype client() {
end:
  do
  :: d_step { newest < SOCKETS -> open_next() }
  :: d_step { socket[newest].phase == HELD && !socket[newest].greeted -> read_hello(newest) }
  :: d_step { socket[newest].greeted && socket[newest].phase == HELD &&
       socket[newest].got + 1 < socket[newest].next -> read_event(newest) }
  :: d_step { socket[newest].greeted && socket[newest].phase == HELD &&
       last > socket[newest].acknowledged && last < socket[newest].next ->
       socket[newest].acknowledged = last }
  :: d_step { lies_left > 0 && socket[newest].greeted && socket[newest].phase == HELD &&
       socket[newest].next <= EVENTS -> lie(newest) }

  /* Nothing can happen any more: the last socket is open, and the faults are over. */
  :: timeout ->
     d_step {
       property(delivers_all, newest == SOCKETS && socket[newest].ready &&
                answered == EVENTS && seen == EVENTS && last == durable.last &&
                durable.acknowledged == durable.last);
       met(rest, 14)
     };
     break
  od
}

proctype publisher() {
end:
  do
  :: d_step { published_life == durable.life && answered == asked && asked < EVENTS &&
       durable.life > 0 -> asked++ }
  /* It is told that the sequence has ended, and begins anew with the next. */
  :: d_step { published_life < durable.life ->
       published_life = durable.life; asked = 0; answered = 0; receipt = 0 }
  od
}

init {
  byte i;
  atomic {
    run coordinator();
    run client();
    run publisher();
    for (i : 1 .. SOCKETS) {
      run gateway(i)
    }
    i = 0
  }
}
