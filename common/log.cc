#include "common/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sched.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "common/log_line.h"
#include "common/log_trace.h"

namespace interlock {

namespace {

// Lines that wait together leave in one write, which costs as much as that of one line. A line
// that comes alone waits a moment for others, since to wake the thread for each costs more still.
class GatheringSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit GatheringSink(spdlog::details::thread_pool& pool) : pool_(pool) {}

  // From any thread: no line waits for another one any more.
  void wait_no_more() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    ended_.notify_one();
  }

 private:
  static constexpr std::size_t bytes_max = 64 * 1024;
  static constexpr std::chrono::milliseconds gather_time{10};

  void sink_it_(const spdlog::details::log_msg& message) override {
    gathered_.append(message.payload.begin(), message.payload.end());
    gathered_.push_back('\n');
    if (gathered_.size() < bytes_max) {
      if (pool_.queue_size() > 0) return;
      if (!std::exchange(waited_, true)) wait();
      if (pool_.queue_size() > 0) return;
    }
    flush_();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    ended_.wait_for(lock, gather_time, [this] { return ending_; });
  }
  void flush_() override {
    std::fwrite(gathered_.data(), 1, gathered_.size(), stderr);
    std::fflush(stderr);
    gathered_.clear();
    waited_ = false;
  }

  spdlog::details::thread_pool& pool_;
  std::string gathered_;
  bool waited_ = false;  // for what is gathered now

  std::mutex mutex_;
  std::condition_variable ended_;
  bool ending_ = false;
};

}  // namespace

// The thread that writes, and the queue before it.
struct LogWorker {
  std::string service;
  std::string traces;  // what stands before a trace id in Cloud Logging; empty: nothing
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<GatheringSink> sink;
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<int> users = 0;  // threads that may be about to queue a line
};

namespace {

constexpr std::array<std::string_view, 5> severities = {"DEBUG", "INFO", "NOTICE", "WARNING",
                                                        "ERROR"};

void write_plainly(spdlog::logger& logger) {
  logger.set_pattern("%v");
  logger.set_level(spdlog::level::trace);  // least_log_level has decided before
}

// Where lines go. Never destroyed, and neither are workers that ended, since something may log
// until the process has gone.
struct Output {
  std::shared_ptr<spdlog::sinks::sink> sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  spdlog::logger direct{"direct", sink};
  std::vector<std::unique_ptr<LogWorker>> workers;
  std::atomic<LogWorker*> worker = nullptr;
  std::atomic<const std::string*> service = nullptr;
  std::atomic<const std::string*> traces = nullptr;

  Output() { write_plainly(direct); }
};

Output& output() {
  static auto* const only = new Output;
  return *only;
}

thread_local const TraceContext* line_trace = nullptr;  // see LogTrace

// RFC 3339 with milliseconds, in UTC; until this thread asks again.
std::string_view time_text(std::chrono::system_clock::time_point now) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(now);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
  // Thousands of lines share a second, and it takes as long as the rest of a line.
  thread_local std::chrono::sys_seconds known;
  thread_local std::string text;
  if (known != seconds || text.empty()) {
    known = seconds;
    text = fmt::format("{:%Y-%m-%dT%H:%M:%S}.000Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
  }
  auto left = static_cast<int>((ms - seconds).count());
  for (std::size_t place = text.size() - 2; text[place] != '.'; --place, left /= 10) {
    text[place] = static_cast<char>('0' + left % 10);
  }
  return text;
}

// https://cloud.google.com/logging/docs/structured-logging
void add_trace(const TraceContext& trace, LogLine& line) {
  const std::string trace_id = trace.trace_id_text();
  const std::string span_id = trace.span_id_text();
  line.add("trace_id", trace_id);
  line.add("span_id", span_id);
  const std::string* traces = output().traces;
  if (traces == nullptr || traces->empty()) return;
  line.add("logging.googleapis.com/trace", *traces + trace_id);
  line.add("logging.googleapis.com/spanId", span_id);
  line.add("logging.googleapis.com/trace_sampled", trace.sampled);
}

void fill_line(LogLevel level, std::string_view message, LogFields fields, LogLine& line) {
  line.add("severity", severities.at(static_cast<std::size_t>(level)));
  line.add("time", time_text(std::chrono::system_clock::now()));
  const std::string* service = output().service;
  if (service != nullptr) line.add("service", *service);
  line.add("message", message);
  if (line_trace != nullptr) add_trace(*line_trace, line);
  for (const LogField& field : fields) {
    if (field.name == "service") continue;  // also before there is one
    line.add(field.name, field.value);
  }
}

// On the worker's thread. A line that is queued wakes it, and it would take the place of the thread
// that has queued it, which has better things to do; a batch waits for its turn.
void give_way() {
  const sched_param none{};
  sched_setscheduler(0, SCHED_BATCH, &none);  // refused: lines take longer, and that is all
}

// False when no worker is there to take it.
bool queue_line(std::string_view line) {
  LogWorker* const worker = output().worker;
  if (worker == nullptr) return false;
  ++worker->users;
  // Logging's end clears the pointer and then waits for the users, so one of the two sees the
  // other.
  const bool runs = output().worker == worker;
  if (runs) worker->logger->log(spdlog::level::info, line);
  --worker->users;
  return runs;
}

}  // namespace

absl::StatusOr<LogLevel> parse_log_level(std::string_view text) {
  const std::string wanted = absl::AsciiStrToUpper(std::string(text));
  for (std::size_t i = 0; i < severities.size(); ++i) {
    if (severities[i] == wanted) return static_cast<LogLevel>(i);
  }
  return absl::InvalidArgumentError(fmt::format(
      "\"{}\" is not a log level; the levels are debug, info, notice, warning and error.", text));
}

Logging::Logging(LoggingOptions options) {
  auto worker = std::make_unique<LogWorker>();
  worker->service = std::move(options.service);
  if (!options.trace_project_id.empty()) {
    worker->traces = "projects/" + options.trace_project_id + "/traces/";
  }
  worker->pool = std::make_shared<spdlog::details::thread_pool>(options.queue_lines_max, 1,
                                                                give_way);
  worker->sink = std::make_shared<GatheringSink>(*worker->pool);
  worker->logger = std::make_shared<spdlog::async_logger>(
      "queue", worker->sink, worker->pool, spdlog::async_overflow_policy::overrun_oldest);
  write_plainly(*worker->logger);
  worker_ = worker.get();
  output().workers.push_back(std::move(worker));
  output().service = &worker_->service;
  output().traces = &worker_->traces;
  output().worker = worker_;
  least_log_level = options.level;
}

Logging::~Logging() { write_log_at_once(); }

std::uint64_t Logging::lines_lost() const { return worker_->pool->overrun_counter(); }

LogTrace::LogTrace(const TraceContext* context) : outer_(line_trace) {
  if (context != nullptr) line_trace = context;
}

LogTrace::~LogTrace() { line_trace = outer_; }

// The pool's destructor has what is queued written, in order, and joins its thread; the last lines
// may still be gathered then.
void write_log_at_once() {
  LogWorker* const worker = output().worker.exchange(nullptr);
  if (worker == nullptr) return;
  while (worker->users != 0) std::this_thread::yield();  // queueing never waits, so neither do we
  worker->sink->wait_no_more();
  worker->pool.reset();
  worker->sink->flush();
}

void write_log(LogLevel level, std::string_view message, LogFields fields) {
  LogLine line;
  fill_line(level, message, fields, line);
  const std::string_view text = line.end();
  if (!queue_line(text)) output().direct.log(spdlog::level::info, text);
}

}  // namespace interlock
