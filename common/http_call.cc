#include "common/http_call.h"

#include <curl/curl.h>

#include <algorithm>
#include <utility>

namespace interlock {
namespace {

constexpr long connect_timeout_ms = 2'000;
constexpr int poll_ms = 1'000;  // end_by() and what the socket does wake it before

// libcurl wants this before its first use, and lets it happen several times.
void initialize_libcurl() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(once);
}

struct Answer {
  std::size_t bytes_max;
  std::string body;
};

// Taking less than there is ends the transfer.
std::size_t keep_bytes(char* bytes, std::size_t, std::size_t count, void* answer) {
  auto& kept = *static_cast<Answer*>(answer);
  if (count > kept.bytes_max - kept.body.size()) return 0;
  kept.body.append(bytes, count);
  return count;
}

}  // namespace

struct HttpCall::Library {
  explicit Library(std::size_t answer_bytes_max)
      : multi((initialize_libcurl(), curl_multi_init())),
        easy(curl_easy_init()),
        answer{answer_bytes_max, {}} {}
  ~Library() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(easy, option, value);
  }
  void add_header(const std::string& header) {
    headers = curl_slist_append(headers, header.c_str());
  }

  CURLM* multi;
  CURL* easy;
  curl_slist* headers = nullptr;
  Answer answer;
  char error[CURL_ERROR_SIZE] = {};
};

HttpCall::HttpCall(std::string url, const std::vector<std::string>& headers,
                   std::size_t answer_bytes_max)
    : url_(std::move(url)), library_(std::make_unique<Library>(answer_bytes_max)) {
  Library& curl = *library_;
  for (const std::string& header : headers) curl.add_header(header);
  curl.add_header("Expect:");  // nobody is asked first
  curl.set(CURLOPT_URL, url_.c_str());
  curl.set(CURLOPT_PROTOCOLS_STR, "http,https");
  curl.set(CURLOPT_HTTPHEADER, curl.headers);
  curl.set(CURLOPT_USERAGENT, "interlock");
  curl.set(CURLOPT_FOLLOWLOCATION, 0L);
  curl.set(CURLOPT_PROXY, "");
  curl.set(CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
  curl.set(CURLOPT_NOSIGNAL, 1L);
  curl.set(CURLOPT_QUICK_EXIT, 1L);  // the end waits for no look-up of a name
  curl.set(CURLOPT_ERRORBUFFER, curl.error);
  curl.set(CURLOPT_WRITEFUNCTION, &keep_bytes);
  curl.set(CURLOPT_WRITEDATA, &curl.answer);
}

HttpCall::~HttpCall() = default;

HttpOutcome HttpCall::get(std::chrono::milliseconds within) {
  library_->set(CURLOPT_HTTPGET, 1L);
  return send(within);
}

HttpOutcome HttpCall::post(const std::string& body, std::chrono::milliseconds within) {
  library_->set(CURLOPT_POST, 1L);
  library_->set(CURLOPT_POSTFIELDS, body.data());
  library_->set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  return send(within);
}

HttpOutcome HttpCall::send(std::chrono::milliseconds within) {
  Library& curl = *library_;
  const Clock::time_point deadline = Clock::now() + within;
  if (over(deadline)) return {0, {}, "there is no time left"};
  curl.answer.body.clear();
  curl.error[0] = '\0';
  curl_multi_add_handle(curl.multi, curl.easy);
  HttpOutcome outcome = drive(deadline);
  curl_multi_remove_handle(curl.multi, curl.easy);
  return outcome;
}

HttpOutcome HttpCall::drive(Clock::time_point deadline) {
  Library& curl = *library_;
  while (!over(deadline)) {
    int running = 0;
    curl_multi_perform(curl.multi, &running);
    int left = 0;
    if (const CURLMsg* message = curl_multi_info_read(curl.multi, &left)) {
      const CURLcode code = message->data.result;
      HttpOutcome outcome;
      if (code == CURLE_OK) {
        curl_easy_getinfo(curl.easy, CURLINFO_RESPONSE_CODE, &outcome.status);
        outcome.body = std::move(curl.answer.body);
      } else {
        outcome.error = curl.error[0] != '\0' ? curl.error : curl_easy_strerror(code);
      }
      return outcome;
    }
    curl_multi_poll(curl.multi, nullptr, 0, wait_ms(deadline), nullptr);
  }
  return {0, {}, "there was no answer in time"};
}

int HttpCall::wait_ms(Clock::time_point deadline) const {
  const Clock::time_point end{Clock::duration(end_.load())};
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(std::min(deadline, end) - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, poll_ms));
}

bool HttpCall::over(Clock::time_point deadline) const {
  const Clock::time_point end{Clock::duration(end_.load())};
  return Clock::now() >= std::min(deadline, end);
}

void HttpCall::end_by(Clock::time_point moment) {
  end_ = moment.time_since_epoch().count();
  curl_multi_wakeup(library_->multi);
}

}  // namespace interlock
