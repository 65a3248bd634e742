// Asks one URL, one request at a time, and waits for each answer.
//
// A thin wall around libcurl, which is included in http_call.cc. No redirect is followed, no proxy
// of the environment used, and nothing is tried again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace interlock {

struct HttpOutcome {
  long status = 0;  // 0: no answer
  std::string body;
  std::string error;  // why there is no answer, as the library says it
};

class HttpCall {
 public:
  using Clock = std::chrono::steady_clock;

  // `headers`: "Name: value". An answer that is longer than `answer_bytes_max` is none.
  HttpCall(std::string url, const std::vector<std::string>& headers,
           std::size_t answer_bytes_max = std::size_t{64} * 1024);
  ~HttpCall();
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

  HttpOutcome get(std::chrono::milliseconds within);
  HttpOutcome post(const std::string& body, std::chrono::milliseconds within);
  // From any thread: nothing goes on beyond this moment, neither what is under way nor what
  // follows.
  void end_by(Clock::time_point moment);

 private:
  struct Library;
  HttpOutcome send(std::chrono::milliseconds within);
  HttpOutcome drive(Clock::time_point deadline);
  int wait_ms(Clock::time_point deadline) const;
  bool over(Clock::time_point deadline) const;

  std::string url_;
  std::unique_ptr<Library> library_;
  std::atomic<Clock::rep> end_{Clock::time_point::max().time_since_epoch().count()};
};

}  // namespace interlock
