/* The twelve states and the only ways between them, as coordinator/authority/lifecycle.cc has them.
 * print_table.pml shows what the models see of it, and lifecycle_table_test.py compares that with
 * what the program shows: neither changes alone. */

/* Spin numbers from the last name: CONNECTING is 1, as in the program. */
mtype:state = {
  FAILED, CLOSED, CLOSING, RECONNECTING, DEGRADED, IDLE, PROCESSING, PROCESSING_READY,
  SERVICES_READY, AUTHENTICATED, ACCEPTED, CONNECTING
};

#define BIT(number) (1 << (number))

#define AFTER_CONNECTING     (BIT(ACCEPTED) | BIT(FAILED) | BIT(CLOSED))
#define AFTER_ACCEPTED       (BIT(AUTHENTICATED) | BIT(FAILED) | BIT(CLOSED))
#define AFTER_AUTHENTICATED  (BIT(SERVICES_READY) | BIT(DEGRADED) | BIT(FAILED) | BIT(CLOSED))
#define AFTER_SERVICES_READY (BIT(PROCESSING_READY) | BIT(DEGRADED) | BIT(FAILED) | BIT(CLOSED))
#define AFTER_PROCESSING_READY (BIT(PROCESSING) | BIT(IDLE) | BIT(DEGRADED) | \
    BIT(RECONNECTING) | BIT(CLOSING) | BIT(FAILED) | BIT(CLOSED))
#define AFTER_PROCESSING (BIT(PROCESSING_READY) | BIT(IDLE) | BIT(DEGRADED) | \
    BIT(RECONNECTING) | BIT(CLOSING) | BIT(FAILED) | BIT(CLOSED))
#define AFTER_IDLE (BIT(PROCESSING) | BIT(PROCESSING_READY) | BIT(DEGRADED) | \
    BIT(RECONNECTING) | BIT(CLOSING) | BIT(FAILED) | BIT(CLOSED))
#define AFTER_DEGRADED (BIT(PROCESSING_READY) | BIT(PROCESSING) | BIT(IDLE) | \
    BIT(RECONNECTING) | BIT(CLOSING) | BIT(FAILED) | BIT(CLOSED))
#define AFTER_RECONNECTING (BIT(SERVICES_READY) | BIT(PROCESSING_READY) | BIT(DEGRADED) | \
    BIT(FAILED) | BIT(CLOSED))
#define AFTER_CLOSING (BIT(CLOSED))
#define AFTER_CLOSED 0
#define AFTER_FAILED 0

#define successors(from) ( \
    ((from) == CONNECTING -> AFTER_CONNECTING : \
    ((from) == ACCEPTED -> AFTER_ACCEPTED : \
    ((from) == AUTHENTICATED -> AFTER_AUTHENTICATED : \
    ((from) == SERVICES_READY -> AFTER_SERVICES_READY : \
    ((from) == PROCESSING_READY -> AFTER_PROCESSING_READY : \
    ((from) == PROCESSING -> AFTER_PROCESSING : \
    ((from) == IDLE -> AFTER_IDLE : \
    ((from) == DEGRADED -> AFTER_DEGRADED : \
    ((from) == RECONNECTING -> AFTER_RECONNECTING : \
    ((from) == CLOSING -> AFTER_CLOSING : \
    ((from) == CLOSED -> AFTER_CLOSED : AFTER_FAILED))))))))))))

#define may_follow(from, to) ((successors(from) & BIT(to)) != 0)

#define is_setup(state) ((state) <= SERVICES_READY)
#define is_operational(state) ((state) >= PROCESSING_READY && (state) <= DEGRADED)
#define is_final(state) ((state) >= CLOSED)
