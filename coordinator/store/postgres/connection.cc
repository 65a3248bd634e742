#include "coordinator/store/postgres/connection.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "coordinator/store/postgres/failures.h"
#include "coordinator/store/postgres/sql.h"

namespace interlock::postgres {
namespace {

constexpr int kVersionMin = 130'000;  // FETCH ... WITH TIES

// A peer that is gone is noticed within some seconds, here and there, so that a batch of which only
// a part arrived does not keep the lock.
constexpr const char* kSessionSettings =
    "SET client_encoding = 'UTF8'; SET client_min_messages = warning;"
    "SET statement_timeout = 0; SET lock_timeout = '5s';"
    "SET idle_in_transaction_session_timeout = '10s';"
    "SET tcp_keepalives_idle = 3; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 3;"
    "SET tcp_user_timeout = 5000; SET jit = off; SET plan_cache_mode = force_generic_plan";

// What the URL says goes before it, since it comes later.
// But which of its servers are asked goes behind it; empty: all of them.
struct Keywords {
  Keywords(const std::string& url, const Servers& servers)
      : values{"read-write",
               "interlock-coordinator",
               "1",
               "3",
               "1",
               "3",
               "5000",
               url.c_str(),
               servers.hosts.c_str(),
               servers.ports.c_str(),
               nullptr} {}
  std::array<const char*, 11> names{"target_session_attrs",
                                    "application_name",
                                    "keepalives",
                                    "keepalives_idle",
                                    "keepalives_interval",
                                    "keepalives_count",
                                    "tcp_user_timeout",
                                    "dbname",
                                    "host",
                                    "port",
                                    nullptr};
  std::array<const char*, 11> values;
};

std::vector<std::string> listed(PGconn* connection, std::string_view keyword) {
  std::vector<std::string> values;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(connection),
                                                                             PQconninfoFree);
  for (const PQconninfoOption* option = options.get();
       option != nullptr && option->keyword != nullptr; ++option) {
    if (option->keyword == keyword && option->val != nullptr) {
      values = absl::StrSplit(option->val, ',');
    }
  }
  return values;
}

// Of those that were asked all but the one that answered.
Servers others(PGconn* connection) {
  const std::vector<std::string> hosts = listed(connection, "host");
  std::vector<std::string> ports = listed(connection, "port");
  if (ports.size() == 1) ports.resize(hosts.size(), ports.front());  // one for all
  Servers others;
  for (std::size_t i = 0; i < hosts.size() && i < ports.size(); ++i) {
    if (hosts[i] == PQhost(connection) && ports[i] == PQport(connection)) continue;
    const char* comma = others.hosts.empty() ? "" : ",";
    absl::StrAppend(&others.hosts, comma, hosts[i]);
    absl::StrAppend(&others.ports, comma, ports[i]);
  }
  return others;
}

std::string trimmed(const char* message) {
  std::string text = message == nullptr ? "" : message;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

}  // namespace

// ---- Wakeup ----

Wakeup::Wakeup() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
Wakeup::~Wakeup() { close(fd_); }

void Wakeup::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}

void Wakeup::stop() {
  stopped_ = true;
  wake();
}

void Wakeup::wait(int socket, short events, Clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  std::array<pollfd, 2> polled{pollfd{fd_, POLLIN, 0}, pollfd{socket, events, 0}};
  poll(polled.data(), socket < 0 ? 1 : 2, static_cast<int>(std::max<long>(left, 0)));
  std::uint64_t count = 0;
  if (!stopped_ && read(fd_, &count, sizeof count) < 0) return;
}

// ---- Lineage ----

absl::Status Lineage::check(const ServerFacts& facts) {
  const std::lock_guard lock(mutex_);
  if (system_identifier_ != 0 && system_identifier_ != facts.system_identifier) {
    return absl::FailedPreconditionError(
        "This is another PostgreSQL than before (another system identifier): start the coordinator "
        "again if that is meant.");
  }
  if (facts.timeline < timeline_) {
    return absl::UnavailableError(absl::StrCat(
        "The server is on timeline ", facts.timeline, ", and timeline ", timeline_,
        " has been seen: an old primary has come back. Keep it away from the writer endpoint."));
  }
  system_identifier_ = facts.system_identifier;
  timeline_ = facts.timeline;
  return absl::OkStatus();
}

void Lineage::reached(std::uint64_t position) {
  const std::lock_guard lock(mutex_);
  position_ = std::max(position_, position);
}

std::uint64_t Lineage::position() {
  const std::lock_guard lock(mutex_);
  return position_;
}

absl::Status Lineage::check_position(std::uint64_t now, std::uint64_t before) {
  const std::lock_guard lock(mutex_);
  if (lost_.ok() && now < before) {
    lost_ = absl::DataLossError(absl::StrCat("The server is at position ", now,
                                             ", and a write at ", before,
                                             " was answered: what was acknowledged is lost. A "
                                             "standby that was not synchronous has taken "
                                             "over, or a backup was restored. Start the "
                                             "coordinators anew, to go on with what there is."));
  }
  return lost_;
}

// ---- Connection ----

Connection::Connection(const ConnectionSettings& settings, Wakeup& wakeup)
    : settings_(settings), wakeup_(wakeup) {}

Connection::~Connection() { PQfinish(connection_); }

absl::StatusOr<std::unique_ptr<Connection>> Connection::open(const ConnectionSettings& settings,
                                                             Wakeup& wakeup, Lineage& lineage) {
  Servers servers;
  while (true) {
    std::unique_ptr<Connection> connection(new Connection(settings, wakeup));
    if (absl::Status status = connection->connect(servers); !status.ok()) return status;
    absl::Status status = connection->prepare(lineage);
    if (status.ok()) return connection;
    // The one that has taken its place may stand behind it in the URL.
    if (!connection->replaced_) return status;
    servers = others(connection->get());
    if (servers.hosts.empty()) return status;
  }
}

absl::Status Connection::broke(const std::string& why) {
  broken_ = true;
  return absl::UnavailableError(why);
}

absl::Status Connection::connect(const Servers& servers) {
  const Keywords keywords(settings_.url, servers);
  connection_ = PQconnectStartParams(keywords.names.data(), keywords.values.data(), 1);
  const Clock::time_point deadline = Clock::now() + settings_.connect_timeout;
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  while (PQstatus(connection_) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
         state != PGRES_POLLING_FAILED) {
    if (wakeup_.stopped()) return absl::AbortedError("The store is being closed.");
    if (Clock::now() >= deadline) {
      return broke(absl::StrCat("PostgreSQL at ", without_password(settings_.url),
                                " did not answer within ", settings_.connect_timeout.count(),
                                " ms."));
    }
    wakeup_.wait(PQsocket(connection_), state == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                 deadline);
    state = PQconnectPoll(connection_);
  }
  if (PQstatus(connection_) != CONNECTION_OK) {
    return broke(absl::StrCat("PostgreSQL cannot be used at ", without_password(settings_.url),
                              ": ", trimmed(PQerrorMessage(connection_)),
                              ". Check address, user, password and database in --store."));
  }
  PQsetnonblocking(connection_, 1);
  PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
  return absl::OkStatus();
}

absl::Status Connection::prepare(Lineage& lineage) {
  if (const auto set = run(kSessionSettings); !set.ok()) return set.status();
  if (absl::Status status = read_facts(); !status.ok()) return status;
  if (absl::Status status = lineage.check(facts_); !status.ok()) {
    replaced_ = absl::IsUnavailable(status);
    return status;
  }
  if (absl::Status status = make_schema(); !status.ok()) return status;
  const std::uint64_t before = lineage.position();
  const auto touched = run(kTouch);
  if (!touched.ok()) return touched.status();
  return lineage.check_position(std::strtoull(std::string(touched->at(0, 0)).c_str(), nullptr, 10),
                                before);
}

absl::Status Connection::read_facts() {
  const absl::StatusOr<Result> result = run(kFactsQuery);
  if (!result.ok()) return result.status();
  const auto text = [&](int column) { return std::string(result->at(0, column)); };
  facts_ = {.version = std::atoi(text(0).c_str()),
            .synchronous_commit = text(1),
            .fsync = text(2) == "on",
            .full_page_writes = text(3) == "on",
            .read_only = text(4) == "on",
            .synchronous_standby_names = text(5),
            .system_identifier = std::strtoull(text(6).c_str(), nullptr, 10),
            .timeline = std::strtoull(text(7).c_str(), nullptr, 10)};
  if (facts_.version < kVersionMin) {
    return absl::FailedPreconditionError("The server is older than PostgreSQL 13: upgrade it.");
  }
  if (facts_.read_only) {
    return absl::FailedPreconditionError(
        "The server only reads (transaction_read_only is on): name the primary in --store.");
  }
  const bool durable = facts_.synchronous_commit != "off" && facts_.fsync;
  if (!durable && !settings_.asynchronous_commit_ok) {
    return absl::FailedPreconditionError(absl::StrCat(
        "The server answers before a commit is durable (synchronous_commit is ",
        facts_.synchronous_commit, ", fsync is ", facts_.fsync ? "on" : "off",
        "): turn both on, or say --asynchronous_commit_ok and lose acknowledged events with it."));
  }
  return absl::OkStatus();
}

// Looks before it makes anything, so that a user who may only read and write rows is enough once
// somebody has made it.
absl::Status Connection::make_schema() {
  const auto exists =
      run("SELECT to_regclass('interlock_head') IS NOT NULL AND "
          "to_regproc('interlock_commit_2') IS NOT NULL");
  if (!exists.ok()) return exists.status();
  if (exists->at(0, 0) != "t") {
    if (const auto made = run(kMakeSchema); !made.ok()) return made.status();
  }
  const auto version = run(kSchemaVersionQuery);
  if (!version.ok()) return version.status();
  const int found = std::atoi(std::string(version->at(0, 0)).c_str());
  if (found > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat("The database's schema has version ", found,
                                                      ", and this build knows ", kSchemaVersion,
                                                      ": start a newer coordinator."));
  }
  return absl::OkStatus();
}

absl::StatusOr<Result> Connection::run(const char* sql) {
  if (PQsendQuery(connection_, sql) != 1) return broke(trimmed(PQerrorMessage(connection_)));
  return await();
}

absl::StatusOr<Result> Connection::run(const char* sql,
                                       const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  for (const std::string& parameter : parameters) {
    values.push_back(parameter.data());
    lengths.push_back(static_cast<int>(parameter.size()));
  }
  const std::vector<int> formats(parameters.size(), 1);
  if (PQsendQueryParams(connection_, sql, static_cast<int>(values.size()), nullptr, values.data(),
                        lengths.data(), formats.data(), 1) != 1) {
    return broke(trimmed(PQerrorMessage(connection_)));
  }
  return await();
}

absl::StatusOr<Result> Connection::await() {
  const Clock::time_point deadline = Clock::now() + settings_.answer_timeout;
  Result last(nullptr);
  absl::Status failure;
  while (true) {
    const bool flushed = PQflush(connection_) == 0;
    if (PQconsumeInput(connection_) != 1) return broke(trimmed(PQerrorMessage(connection_)));
    while (PQisBusy(connection_) == 0) {
      PGresult* next = PQgetResult(connection_);
      if (next == nullptr) {
        if (PQstatus(connection_) != CONNECTION_OK) {
          return broke(trimmed(PQerrorMessage(connection_)));
        }
        if (!failure.ok()) return failure;
        return last;
      }
      last = Result(next);
      if (PQresultStatus(next) == PGRES_FATAL_ERROR) {
        const char* state = PQresultErrorField(next, PG_DIAG_SQLSTATE);
        failure = failure_of(state == nullptr ? "" : state, trimmed(PQresultErrorMessage(next)));
      }
    }
    if (wakeup_.stopped()) return absl::AbortedError("The store is being closed.");
    if (Clock::now() >= deadline) return broke("PostgreSQL does not answer.");
    wakeup_.wait(PQsocket(connection_), static_cast<short>(flushed ? POLLIN : POLLIN | POLLOUT),
                 deadline);
  }
}

}  // namespace interlock::postgres
