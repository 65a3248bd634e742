// What PostgreSQL keeps, and the one function that writes it.
#pragma once

namespace interlock::postgres {

// Of what is in the database; a higher one there is of a newer build, and refused.
constexpr int kSchemaVersion = 1;

// Any two processes that write lock this first (pg_advisory_xact_lock), so that the order of locks
// is that of commits, and the feed's.
constexpr long long kAdvisoryLock = 0x1e7e'10cc;

// Makes what is missing; may be run by several at once, in one transaction.
extern const char* const kMakeSchema;

// One row: schema_version.
extern const char* const kSchemaVersionQuery;

// One row about the server: see ServerFacts.
extern const char* const kFactsQuery;

// A durable write of our own, before anything that is read on a new connection is believed.
extern const char* const kTouch;

// $1 bytea[] keys, $2 int8[] expected revisions, $3 int2[] kinds (0 put, 1 delete, 2 compare),
// $4 bytea[] records, $5 int8[] and $6 int8[] the range of attachments to remove (null: none),
// $7 int4[] which entry an attachment belongs to (from 1), $8 int8[] its number, $9 bytea[] it.
// A row for each entry: its number from 1, applied, revision (of what stands there; 0: nothing),
// the record when refused, the head's position.
extern const char* const kCommit;

// $1 int8 position, $2 int4 rows at least. First a row (null, head's position, null, forgotten),
// then (key, revision, record or null for a deletion, 0) in the order of revisions.
extern const char* const kFeed;

// $1 bytea[] keys, $2 int8[] first numbers, $3 int4[] limits. (request from 1, number, bytes).
extern const char* const kRead;

// Everything that stands, from one snapshot: position first, then a cursor.
extern const char* const kLoadBegin;
extern const char* const kLoadPosition;
extern const char* const kLoadDeclare;
extern const char* const kLoadFetch;
extern const char* const kLoadEnd;

// Forgets deletions that are older than ten minutes.
extern const char* const kPrune;

}  // namespace interlock::postgres
