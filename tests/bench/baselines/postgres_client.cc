// A plain client of PostgreSQL: compare-and-set of rows.
//
//   bench_postgres URL single CONNECTIONS KEYS BYTES COUNT   a statement for each
//   bench_postgres URL batched 1 KEYS BYTES COUNT ROWS       ROWS in a statement, which takes their
//                                                            revision from a head row; pipelined
//
// Makes a table, then COUNT transitions of its rows, and prints {"per_s":..}. The table has an
// index on the revision, as a feed needs it.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kPipelined = 4;  // statements

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "bench_postgres: " << why << "\n";
  std::_Exit(1);
}

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, Finish>;

Connection connect(const char* url) {
  Connection connection(PQconnectdb(url));
  if (PQstatus(connection.get()) != CONNECTION_OK) give_up(PQerrorMessage(connection.get()));
  return connection;
}

void run(PGconn* connection, const std::string& sql) {
  PGresult* result = PQexec(connection, sql.c_str());
  const auto status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) give_up(PQerrorMessage(connection));
  PQclear(result);
}

void make_table(PGconn* connection, std::size_t keys, std::size_t bytes) {
  run(connection,
      "DROP TABLE IF EXISTS bench; DROP TABLE IF EXISTS bench_head;"
      "CREATE TABLE bench_head (one bool PRIMARY KEY, position int8) WITH (fillfactor = 10);"
      "INSERT INTO bench_head VALUES (true, 1);"
      "CREATE TABLE bench (key bytea PRIMARY KEY, revision int8 NOT NULL, bytes bytea NOT NULL)"
      " WITH (fillfactor = 70);"
      "CREATE INDEX ON bench (revision)");
  run(connection,
      fmt::format("INSERT INTO bench SELECT convert_to('user.bench.' || i || ':one-session', "
                  "'UTF8'), 1, convert_to(repeat('x', {}), 'UTF8') FROM generate_series(0, {}) i",
                  bytes, keys - 1));
  run(connection, "ANALYZE bench");
}

std::string key_of(std::size_t number) { return fmt::format("user.bench.{}:one-session", number); }

// One statement for each, one under way on each connection.
double single(const char* url, std::size_t connections, std::size_t keys, std::size_t bytes,
              std::uint64_t count) {
  std::vector<Connection> all;
  std::vector<pollfd> polled;
  for (std::size_t i = 0; i < connections; ++i) {
    all.push_back(connect(url));
    PGresult* prepared = PQprepare(all.back().get(), "cas",
                                   "UPDATE bench SET revision = $3::int8, bytes = $4 "
                                   "WHERE key = $1 AND revision = $2::int8",
                                   4, nullptr);
    PQclear(prepared);
    polled.push_back({PQsocket(all.back().get()), POLLIN, 0});
  }
  std::vector<std::int64_t> revisions(keys, 1);
  std::vector<std::size_t> row(connections);
  const std::string value(bytes, 'x');
  std::uint64_t asked = 0, done = 0;
  const auto ask = [&](std::size_t i) {
    // Each connection has rows of its own.
    row[i] = (asked / connections * connections + i) % (keys / connections * connections);
    ++asked;
    const std::string key = key_of(row[i]);
    const std::string expected = std::to_string(revisions[row[i]]);
    const std::string next = std::to_string(revisions[row[i]] + 1);
    const char* values[] = {key.data(), expected.c_str(), next.c_str(), value.data()};
    const int lengths[] = {static_cast<int>(key.size()), 0, 0, static_cast<int>(value.size())};
    const int formats[] = {1, 0, 0, 1};
    if (PQsendQueryPrepared(all[i].get(), "cas", 4, values, lengths, formats, 0) != 1) {
      give_up(PQerrorMessage(all[i].get()));
    }
  };
  const auto began = Clock::now();
  for (std::size_t i = 0; i < connections; ++i) ask(i);
  while (done < count) {
    poll(polled.data(), polled.size(), -1);
    for (std::size_t i = 0; i < connections; ++i) {
      if (polled[i].revents == 0) continue;
      PGconn* connection = all[i].get();
      if (PQconsumeInput(connection) != 1) give_up(PQerrorMessage(connection));
      if (PQisBusy(connection) != 0) continue;
      while (PGresult* result = PQgetResult(connection)) {
        if (std::string(PQcmdTuples(result)) != "1") give_up("a compare failed");
        PQclear(result);
      }
      ++revisions[row[i]];
      ++done;
      if (asked < count) ask(i);
    }
  }
  return std::chrono::duration<double>(Clock::now() - began).count();
}

// The statement is one transaction: the pipeline is synced behind each.
double batched(const char* url, std::size_t keys, std::size_t bytes, std::uint64_t count,
               std::size_t rows) {
  const Connection owner = connect(url);
  PGconn* connection = owner.get();
  PGresult* prepared = PQprepare(
      connection, "batch",
      "WITH head AS (UPDATE bench_head SET position = position + 1 RETURNING position) "
      "UPDATE bench SET revision = head.position, bytes = asked.bytes FROM head, "
      "unnest($1::bytea[], $2::int8[], $3::bytea[]) AS asked (key, expected, bytes) "
      "WHERE bench.key = asked.key AND bench.revision = asked.expected RETURNING head.position",
      3, nullptr);
  if (PQresultStatus(prepared) != PGRES_COMMAND_OK) give_up(PQerrorMessage(connection));
  PQclear(prepared);
  if (PQenterPipelineMode(connection) != 1) give_up("no pipeline");
  std::string hex;
  for (std::size_t i = 0; i < bytes; ++i) hex += "78";
  std::vector<std::int64_t> revisions(keys, 1);
  std::deque<std::size_t> under_way;  // the first row of each
  std::size_t next = 0;
  std::uint64_t done = 0;
  const auto ask = [&] {
    std::string names = "{", expected = "{", values = "{";
    for (std::size_t i = 0; i < rows; ++i) {
      const char* comma = i == 0 ? "" : ",";
      std::string name;
      for (const char c : key_of(next + i)) name += fmt::format("{:02x}", c);
      names += fmt::format("{}\"\\\\x{}\"", comma, name);
      expected += fmt::format("{}{}", comma, revisions[next + i]);
      values += fmt::format("{}\"\\\\x{}\"", comma, hex);
    }
    names += "}", expected += "}", values += "}";
    const char* parameters[] = {names.c_str(), expected.c_str(), values.c_str()};
    if (PQsendQueryPrepared(connection, "batch", 3, parameters, nullptr, nullptr, 0) != 1 ||
        PQpipelineSync(connection) != 1) {
      give_up(PQerrorMessage(connection));
    }
    under_way.push_back(next);
    next = (next + rows) % (keys / rows * rows);
  };
  const auto began = Clock::now();
  while (done < count) {
    while (under_way.size() < kPipelined) ask();
    PGresult* result = PQgetResult(connection);
    if (result == nullptr) continue;
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
      if (PQntuples(result) != static_cast<int>(rows)) give_up("a compare failed");
      const std::int64_t position = std::atoll(PQgetvalue(result, 0, 0));
      for (std::size_t i = 0; i < rows; ++i) revisions[under_way.front() + i] = position;
      under_way.pop_front();
      done += rows;
    } else if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
      give_up(PQerrorMessage(connection));
    }
    PQclear(result);
  }
  return std::chrono::duration<double>(Clock::now() - began).count();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[2] : "";
  if ((mode != "single" || argc != 7) && (mode != "batched" || argc != 8)) {
    std::cerr << "bench_postgres: see the head of its source\n";
    return 2;
  }
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  make_table(connect(argv[1]).get(), number(4), number(5));
  const double took = mode == "single"
                          ? single(argv[1], number(3), number(4), number(5), number(6))
                          : batched(argv[1], number(4), number(5), number(6), number(7));
  std::cout << fmt::format("{{\"per_s\":{:.0f}}}", static_cast<double>(number(6)) / took)
            << std::endl;
  return 0;
}
