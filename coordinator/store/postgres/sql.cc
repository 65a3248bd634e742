#include "coordinator/store/postgres/sql.h"

namespace interlock::postgres {

// Of every deletion there is a row until the feed has had time to show it.
// Attachments' numbers are unsigned: their highest bit is turned round, which keeps their order.
// A subscript of an array of values that differ in length walks it from its beginning, which is why
// the entries are joined instead. A function that is there is never changed: coordinators of an
// earlier build call the one of theirs.
const char* const kMakeSchema = R"sql(
SELECT pg_advisory_xact_lock(x'1e7e10cd'::int8);
CREATE TABLE IF NOT EXISTS interlock_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  schema_version int NOT NULL,
  position int8 NOT NULL,
  forgotten int8 NOT NULL,
  touched int8 NOT NULL
) WITH (fillfactor = 10);
INSERT INTO interlock_head VALUES (true, 1, 0, 0, 0) ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS interlock_records (
  key bytea PRIMARY KEY,
  revision int8 NOT NULL,
  bytes bytea NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS interlock_records_revision ON interlock_records (revision);
CREATE TABLE IF NOT EXISTS interlock_deletions (
  revision int8 NOT NULL,
  key bytea NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (revision, key)
);
CREATE TABLE IF NOT EXISTS interlock_attachments (
  key bytea NOT NULL,
  number int8 NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (key, number)
);
DO $do$ BEGIN
IF to_regproc('interlock_commit_2') IS NULL THEN
CREATE FUNCTION interlock_commit_2(keys bytea[], expected int8[], kinds int2[], records bytea[],
                                   remove_first int8[], remove_last int8[], put_entry int4[],
                                   put_number int8[], put_bytes bytea[])
RETURNS TABLE (entry int4, applied boolean, revision int8, current bytea, head int8)
LANGUAGE plpgsql AS $body$
#variable_conflict use_column
DECLARE
  at int8;
  fits int4[];
  all_fit boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(x'1e7e10cc'::int8);
  UPDATE interlock_head SET position = position + 1 RETURNING position INTO at;
  WITH done AS (
    UPDATE interlock_records AS r SET revision = at, bytes = i.record
      FROM unnest(keys, expected, kinds, records)
           WITH ORDINALITY AS i(key, expected, kind, record, number)
     WHERE i.kind = 0 AND i.expected <> 0 AND r.key = i.key AND r.revision = i.expected
    RETURNING i.number)
  SELECT coalesce(array_agg(d.number::int4), '{}') INTO fits FROM done AS d;
  IF cardinality(fits) < cardinality(keys) THEN
    SELECT fits || coalesce(array_agg(i.number::int4), '{}') INTO fits
      FROM unnest(keys, expected, kinds) WITH ORDINALITY AS i(key, expected, kind, number)
      LEFT JOIN interlock_records AS r ON r.key = i.key
     WHERE (i.kind <> 0 OR i.expected = 0) AND coalesce(r.revision, 0) = i.expected;
  END IF;
  all_fit := cardinality(fits) = cardinality(keys);
  DELETE FROM interlock_attachments AS a
   USING unnest(keys, kinds, remove_first, remove_last)
         WITH ORDINALITY AS i(key, kind, first, last, number)
   WHERE (i.kind = 1 OR i.first <= i.last)
     AND (all_fit OR i.number = ANY (fits))
     AND a.key = i.key
     AND (i.kind = 1 OR a.number BETWEEN i.first AND i.last);
  INSERT INTO interlock_attachments
    SELECT keys[p.entry], p.number, p.bytes
      FROM unnest(put_entry, put_number, put_bytes) AS p(entry, number, bytes)
     WHERE all_fit OR p.entry = ANY (fits)
    ON CONFLICT (key, number) DO UPDATE SET bytes = excluded.bytes;
  IF 0 = ANY (expected) THEN
    INSERT INTO interlock_records
      SELECT i.key, at, i.record
        FROM unnest(keys, expected, kinds, records)
             WITH ORDINALITY AS i(key, expected, kind, record, number)
       WHERE i.kind = 0 AND i.expected = 0 AND (all_fit OR i.number = ANY (fits));
  END IF;
  IF 1 = ANY (kinds) THEN
    WITH gone AS (
      DELETE FROM interlock_records AS r
       USING unnest(keys, kinds) WITH ORDINALITY AS i(key, kind, number)
       WHERE i.kind = 1 AND (all_fit OR i.number = ANY (fits)) AND r.key = i.key
      RETURNING r.key)
    INSERT INTO interlock_deletions SELECT at, g.key, now() FROM gone AS g;
  END IF;
  PERFORM pg_notify('interlock_feed', '');
  RETURN QUERY
    SELECT i.number::int4, true, CASE i.kind WHEN 2 THEN i.expected ELSE at END, NULL::bytea, at
      FROM unnest(kinds, expected) WITH ORDINALITY AS i(kind, expected, number)
     WHERE all_fit OR i.number = ANY (fits);
  IF NOT all_fit THEN
    RETURN QUERY
      SELECT i.number::int4, false, coalesce(r.revision, 0), r.bytes, at
        FROM unnest(keys) WITH ORDINALITY AS i(key, number)
        LEFT JOIN interlock_records AS r ON r.key = i.key
       WHERE NOT i.number = ANY (fits);
  END IF;
END $body$;
END IF;
END $do$;
)sql";

const char* const kSchemaVersionQuery = "SELECT schema_version FROM interlock_head";

const char* const kFactsQuery = R"sql(
SELECT current_setting('server_version_num'), current_setting('synchronous_commit'),
       current_setting('fsync'), current_setting('full_page_writes'),
       current_setting('transaction_read_only'), current_setting('synchronous_standby_names'),
       (SELECT system_identifier FROM pg_control_system())::text,
       CASE WHEN pg_is_in_recovery() THEN '0'
            ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int8::text
       END
)sql";

const char* const kTouch = "UPDATE interlock_head SET touched = touched + 1 RETURNING position";

const char* const kCommit =
    "SELECT entry, applied, revision, current, head"
    " FROM interlock_commit_2($1, $2, $3, $4, $5, $6, $7, $8, $9)";

const char* const kFeed = R"sql(
SELECT NULL::bytea, position, NULL::bytea, forgotten FROM interlock_head
UNION ALL
(SELECT key, revision, bytes, 0
   FROM (SELECT key, revision, bytes FROM interlock_records
         UNION ALL
         SELECT key, revision, NULL FROM interlock_deletions) AS changes
  WHERE revision > $1::int8
  ORDER BY revision FETCH FIRST ($2::int4) ROWS WITH TIES)
)sql";

const char* const kRead = R"sql(
SELECT r.request::int4, a.number, a.bytes
  FROM unnest($1::bytea[], $2::int8[], $3::int4[]) WITH ORDINALITY AS r(key, first, most, request),
       LATERAL (SELECT number, bytes FROM interlock_attachments
                 WHERE key = r.key AND number >= r.first ORDER BY number LIMIT r.most) AS a
 ORDER BY r.request, a.number
)sql";

const char* const kLoadBegin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const char* const kLoadPosition = "SELECT position FROM interlock_head";
const char* const kLoadDeclare =
    "DECLARE interlock_load BINARY CURSOR FOR"
    " SELECT key, revision, bytes FROM interlock_records";
const char* const kLoadFetch = "FETCH 1024 FROM interlock_load";
const char* const kLoadEnd = "COMMIT";

const char* const kPrune = R"sql(
WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(x'1e7e10cc'::int8)),
     gone AS (DELETE FROM interlock_deletions USING locked
               WHERE at < now() - interval '10 minutes'
              RETURNING revision)
UPDATE interlock_head SET forgotten = greatest(forgotten, (SELECT max(revision) FROM gone))
 WHERE EXISTS (SELECT FROM gone)
)sql";

}  // namespace interlock::postgres
