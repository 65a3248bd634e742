// Sends POST requests, one at a time, to one URL, and waits for each answer.
//
// A thin wall around libcurl, which is included in http_post.cc. No redirect is followed, no proxy
// of the environment used, and nothing is tried again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace interlock {

struct HttpPostOutcome {
  long status = 0;  // 0: no answer
  std::string error;  // why there is none, as the library says it
};

class HttpPost {
 public:
  using Clock = std::chrono::steady_clock;

  HttpPost(std::string url, const std::string& content_type);
  ~HttpPost();
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;

  // Of the answer only the status is kept. One that is longer than 64 KiB is none.
  HttpPostOutcome send(const std::string& body, std::chrono::milliseconds within);
  // From any thread: nothing goes on beyond this moment, neither what is under way nor what
  // follows.
  void end_by(Clock::time_point moment);

 private:
  struct Library;
  HttpPostOutcome drive(Clock::time_point deadline);
  int wait_ms(Clock::time_point deadline) const;
  bool over(Clock::time_point deadline) const;

  std::string url_;
  std::unique_ptr<Library> library_;
  std::atomic<Clock::rep> end_{Clock::time_point::max().time_since_epoch().count()};
};

}  // namespace interlock
