#include "coordinator/store/rocksdb/fatal_gate.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "fmt/core.h"

namespace interlock {
namespace {

constexpr int kSoftwareError = 70;  // EX_SOFTWARE

// Without destructors: they would only wait for the disk that has failed.
void say_and_exit(const std::string& sentence) {
  std::fputs((sentence + "\n").c_str(), stderr);
  std::fflush(stderr);
  _exit(kSoftwareError);
}

}  // namespace

FatalGate::FatalGate(std::string directory, std::function<void(const std::string&)> on_fatal)
    : directory_(std::move(directory)), on_fatal_(on_fatal ? std::move(on_fatal) : say_and_exit) {}

void FatalGate::end(const std::string& reason) {
  {
    const std::lock_guard lock(answering_);
    if (ended_.exchange(true)) return;
  }
  on_fatal_(
      fmt::format("The store in {} cannot write any more and ends this process: {}. All that was "
                  "answered is kept; mend the disk or make room on it, then start again.",
                  directory_, reason));
}

void FatalGate::OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) {
  if (armed_) end(error->ToString());
}

}  // namespace interlock
