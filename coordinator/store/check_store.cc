#include "coordinator/store/check_store.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "coordinator/store/etcd/check.h"
#include "coordinator/store/postgres/connection.h"
#include "fmt/core.h"

namespace interlock {
namespace {

constexpr int kCommits = 20;
constexpr double kSlowMs = 20;  // a claim waits for two of them
constexpr std::chrono::seconds kPatience{15};

StoreCheck refused(const absl::Status& status) {
  // The sentence says what to do.
  return {.findings = {{CheckLevel::kRefused, "opening", std::string(status.message()), ""}},
          .promises = {}};
}

// Where several may write nothing is written but the proof that it could be; where nobody else can,
// a record is put and deleted.
Batch probe(const Store& store, Revision expected) {
  Entry entry{.key = "x/check", .expected = expected};
  if (!store.single_writer()) {
    entry.write = Write::kCompareOnly;
  } else if (expected != kAbsent) {
    entry.write = Write::kDelete;
  }
  return {std::move(entry)};
}

absl::StatusOr<std::vector<double>> time_commits(Store& store) {
  std::vector<double> took_ms;
  Revision expected = kAbsent;
  for (int i = 0; i < kCommits; ++i) {
    auto done = std::make_shared<std::promise<Outcome>>();
    auto answer = done->get_future();
    const auto began = std::chrono::steady_clock::now();
    store.commit(probe(store, expected), [done](std::vector<Outcome> outcomes) {
      done->set_value(std::move(outcomes.front()));
    });
    if (answer.wait_for(kPatience) != std::future_status::ready) {
      return absl::DeadlineExceededError("it does not answer a commit");
    }
    const Outcome outcome = answer.get();
    const auto* applied = std::get_if<Applied>(&outcome);
    if (applied == nullptr) return absl::UnavailableError("it does not apply a commit");
    took_ms.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
            .count());
    if (store.single_writer()) expected = expected == kAbsent ? applied->revision : kAbsent;
  }
  return took_ms;
}

CheckFinding latency_of(Store& store) {
  absl::StatusOr<std::vector<double>> took_ms = time_commits(store);
  if (!took_ms.ok()) {
    return {CheckLevel::kRefused, "latency", std::string(took_ms.status().message()),
            "see what its own log says"};
  }
  std::sort(took_ms->begin(), took_ms->end());
  const double median = (*took_ms)[took_ms->size() / 2];
  return {median > kSlowMs ? CheckLevel::kWarning : CheckLevel::kGood, "latency",
          fmt::format("a durable commit takes {:.2f} ms (median of {}), {:.2f} ms at most", median,
                      took_ms->size(), took_ms->back()),
          median > kSlowMs ? "bring it nearer, or give it a faster disk: every claim waits for it"
                           : ""};
}

void look_at_postgres(const std::string& url, const OpenStoreOptions& options, StoreCheck& check) {
  postgres::Wakeup wakeup;
  postgres::Lineage lineage;
  const auto connection = postgres::Connection::open(
      {.url = url, .asynchronous_commit_ok = options.asynchronous_commit_ok}, wakeup, lineage);
  if (!connection.ok()) {
    check = refused(connection.status());
    return;
  }
  const postgres::ServerFacts facts = (*connection)->facts();
  const auto add = [&check](bool good, std::string subject, std::string found, std::string advice) {
    check.findings.push_back({good ? CheckLevel::kGood : CheckLevel::kWarning, std::move(subject),
                              std::move(found), good ? "" : std::move(advice)});
  };
  add(true, "version",
      fmt::format("PostgreSQL {}.{}", facts.version / 10'000, facts.version % 10'000), "");
  const bool durable = facts.fsync && facts.synchronous_commit != "off";
  add(durable, "durability",
      fmt::format("synchronous_commit is {}, fsync is {}", facts.synchronous_commit,
                  facts.fsync ? "on" : "off"),
      "turn both on: what was acknowledged may be lost");
  add(facts.full_page_writes, "torn pages",
      fmt::format("full_page_writes is {}", facts.full_page_writes ? "on" : "off"),
      "turn it on, unless the file system never writes half a page");
  const bool standby = !facts.synchronous_standby_names.empty();
  add(standby, "standby",
      standby ? "synchronous: " + facts.synchronous_standby_names : "none that is synchronous",
      "a managed service may replicate below PostgreSQL; otherwise what was acknowledged is lost "
      "with "
      "this server's disk");
  check.promises.push_back("Any number of coordinators may run over it at once.");
  check.promises.push_back(durable ? "What was acknowledged survives a crash of the server."
                                   : "What was acknowledged may be lost in a crash.");
  if (durable && standby) {
    check.promises.push_back("It survives the loss of the server too, if the standby takes over.");
  }
}

std::string_view mark(CheckLevel level) {
  switch (level) {
    case CheckLevel::kGood:
      return "good   ";
    case CheckLevel::kWarning:
      return "WARNING";
    case CheckLevel::kRefused:
      return "REFUSED";
  }
  return "";
}

}  // namespace

StoreCheck check_store(const std::string& url, const OpenStoreOptions& options) {
  if (url.starts_with("etcd://")) return etcd::check_etcd(url);
  StoreCheck check;
  if (url.starts_with("postgres")) look_at_postgres(url, options, check);
  if (!is_fit(check)) return check;
  const auto store = open_store(url, options);
  if (!store.ok()) return refused(store.status());
  if (url == "memory:") {
    check.findings.push_back({CheckLevel::kWarning, "durability", "it keeps everything in memory",
                              "use it to try things out only"});
    check.promises.push_back("Nothing outlives the coordinator.");
  } else if ((*store)->single_writer()) {
    check.findings.push_back(
        {CheckLevel::kGood, "durability", "every commit is synced to this machine's disk", ""});
    check.promises.push_back("One coordinator at a time; a second one is refused.");
    check.promises.push_back(
        "What was acknowledged survives crashes and power cuts, not the disk.");
  }
  check.findings.push_back(latency_of(**store));
  if (!is_fit(check)) check.promises.clear();
  return check;
}

bool is_fit(const StoreCheck& check) {
  return std::ranges::none_of(check.findings, [](const CheckFinding& finding) {
    return finding.level == CheckLevel::kRefused;
  });
}

std::string to_text(const StoreCheck& check) {
  std::string text;
  for (const CheckFinding& finding : check.findings) {
    text += fmt::format("{}  {}: {}{}\n", mark(finding.level), finding.subject, finding.found,
                        finding.advice.empty() ? "" : "; " + finding.advice);
  }
  for (const std::string& promise : check.promises) text += "         " + promise + "\n";
  return text;
}

}  // namespace interlock
