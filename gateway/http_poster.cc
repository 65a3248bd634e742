#include "gateway/http_poster.h"

#include <curl/curl.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace interlock {
namespace {

constexpr int poll_ms = 1'000;  // woken before that by whatever happens
constexpr long connect_timeout_ms = 5'000;
constexpr curl_off_t retry_after_s_max = 86'400;  // longer than any call has

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

// libcurl wants this once for a process, before the first thread uses it.
void initialize_libcurl() {
  static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(once);
}

PostOutcome outcome_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return PostOutcome::kAnswered;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return PostOutcome::kNotReached;
    case CURLE_OPERATION_TIMEDOUT:
      return PostOutcome::kTimedOut;
    default:
      return PostOutcome::kFailed;
  }
}

// One request, from its start to its end. Stays where it is: libcurl keeps pointers into it.
class Transfer {
 public:
  Transfer(const PosterSettings& settings, Post post, std::function<void(PostAnswer)> done)
      : settings_(settings),
        post_(std::move(post)),
        done_(std::move(done)),
        easy_(curl_easy_init()) {
    for (const std::string& header : post_.headers) add_header(header);
    add_header("Expect:");  // nobody is asked first
    set_up();
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() { return easy_.get(); }

  void end(CURLcode code) {
    answer_.outcome = too_large_ ? PostOutcome::kTooLarge : outcome_of(code);
    answer_.error = error_[0] != '\0' ? error_ : curl_easy_strerror(code);
    curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &answer_.status);
    const char* content_type = nullptr;
    curl_easy_getinfo(easy(), CURLINFO_CONTENT_TYPE, &content_type);
    if (content_type != nullptr) answer_.content_type = content_type;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(easy(), CURLINFO_RETRY_AFTER, &retry_after_s);
    retry_after_s = std::clamp<curl_off_t>(retry_after_s, 0, retry_after_s_max);
    answer_.retry_after_ms = static_cast<std::uint64_t>(retry_after_s) * 1'000;
    done_(std::move(answer_));
  }
  void cancel() {
    answer_.outcome = PostOutcome::kCancelled;
    done_(std::move(answer_));
  }

 private:
  void add_header(const std::string& header) {
    headers_.reset(curl_slist_append(headers_.release(), header.c_str()));
  }
  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(easy(), option, value);
  }
  void set_up() {
    set(CURLOPT_URL, post_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, post_.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post_.body.size()));
    set(CURLOPT_HTTPHEADER, headers_.get());
    set(CURLOPT_USERAGENT, "interlock");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_PROXY, "");  // whatever the environment says
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!settings_.ca_file.empty()) set(CURLOPT_CAINFO, settings_.ca_file.c_str());
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(post_.timeout_ms));
    set(CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // the end waits for no look-up of a name
    set(CURLOPT_ERRORBUFFER, error_);
    set(CURLOPT_WRITEFUNCTION, &Transfer::take_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_HEADERFUNCTION, &Transfer::take_head);
    set(CURLOPT_HEADERDATA, this);
  }

  // Taking less than there is ends the transfer.
  static std::size_t take_body(char* bytes, std::size_t, std::size_t count, void* transfer) {
    auto* self = static_cast<Transfer*>(transfer);
    self->too_large_ = self->answer_.body.size() + count > self->settings_.answer_bytes_max;
    if (self->too_large_) return 0;
    self->answer_.body.append(bytes, count);
    return count;
  }
  static std::size_t take_head(char*, std::size_t, std::size_t count, void* transfer) {
    auto* self = static_cast<Transfer*>(transfer);
    self->head_bytes_ += count;
    self->too_large_ = self->head_bytes_ > self->settings_.answer_bytes_max;
    return self->too_large_ ? 0 : count;
  }

  const PosterSettings& settings_;
  Post post_;
  std::function<void(PostAnswer)> done_;
  std::unique_ptr<CURL, FreeEasy> easy_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  PostAnswer answer_;
  std::size_t head_bytes_ = 0;
  bool too_large_ = false;
  char error_[CURL_ERROR_SIZE] = {};
};

}  // namespace

// The thread, and what is left for it.
class HttpPoster::Driver {
 public:
  explicit Driver(const PosterSettings& settings)
      : settings_(settings), multi_((initialize_libcurl(), curl_multi_init())) {
    curl_multi_setopt(multi_.get(), CURLMOPT_MAX_HOST_CONNECTIONS,
                      static_cast<long>(settings_.connections_max));
    thread_ = std::thread([this] { run(); });
  }
  ~Driver() {
    leave([this] { stopping_ = true; });
    thread_.join();
  }

  std::uint64_t post(Post post, std::function<void(PostAnswer)> done) {
    auto transfer = std::make_unique<Transfer>(settings_, std::move(post), std::move(done));
    std::uint64_t number = 0;
    leave([&] {
      number = ++last_number_;
      started_.emplace_back(number, std::move(transfer));
    });
    return number;
  }
  void cancel(std::uint64_t number) {
    leave([this, number] { cancelled_.push_back(number); });
  }

 private:
  template <typename Change>
  void leave(const Change& change) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      change();
    }
    curl_multi_wakeup(multi_.get());
  }

  void run() {
    while (take_up()) {
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      end_those_that_are_done();
      curl_multi_poll(multi_.get(), nullptr, 0, poll_ms, nullptr);
    }
    while (!under_way_.empty()) give_up(under_way_.begin()->first);
  }

  // False at the end.
  bool take_up() {
    std::vector<std::pair<std::uint64_t, std::unique_ptr<Transfer>>> started;
    std::vector<std::uint64_t> cancelled;
    bool stopping = false;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      started.swap(started_);
      cancelled.swap(cancelled_);
      stopping = stopping_;
    }
    for (auto& [number, transfer] : started) {
      numbers_[transfer->easy()] = number;
      curl_multi_add_handle(multi_.get(), transfer->easy());
      under_way_[number] = std::move(transfer);
    }
    for (const std::uint64_t number : cancelled) {
      if (under_way_.contains(number)) give_up(number);
    }
    return !stopping;
  }

  std::unique_ptr<Transfer> take_out(std::uint64_t number) {
    const auto found = under_way_.find(number);
    std::unique_ptr<Transfer> transfer = std::move(found->second);
    under_way_.erase(found);
    numbers_.erase(transfer->easy());
    curl_multi_remove_handle(multi_.get(), transfer->easy());
    return transfer;
  }
  void give_up(std::uint64_t number) { take_out(number)->cancel(); }

  void end_those_that_are_done() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;  // gone with the handle
      take_out(numbers_.at(message->easy_handle))->end(code);
    }
  }

  PosterSettings settings_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::map<std::uint64_t, std::unique_ptr<Transfer>> under_way_;
  std::map<CURL*, std::uint64_t> numbers_;

  std::mutex mutex_;  // of the four below
  std::vector<std::pair<std::uint64_t, std::unique_ptr<Transfer>>> started_;
  std::vector<std::uint64_t> cancelled_;
  std::uint64_t last_number_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

HttpPoster::HttpPoster(const PosterSettings& settings)
    : driver_(std::make_unique<Driver>(settings)) {}

HttpPoster::~HttpPoster() = default;

std::uint64_t HttpPoster::post(Post post, std::function<void(PostAnswer)> done) {
  return driver_->post(std::move(post), std::move(done));
}

void HttpPoster::cancel(std::uint64_t number) { driver_->cancel(number); }

}  // namespace interlock
