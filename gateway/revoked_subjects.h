// Who may not connect any more, although their tokens are good.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace interlock {

inline constexpr std::size_t revoked_file_bytes_max = std::size_t{8} * 1024 * 1024;
inline constexpr std::size_t revoked_subjects_max = 100'000;

// May be used from any thread.
class RevokedSubjects {
 public:
  // One subject a line, as the token's `sub` has it; blanks around it, empty lines and lines that
  // begin with `#` do not count. The status is a sentence, and then nothing has changed.
  absl::Status read(const std::string& path);
  bool contains(std::string_view subject) const;
  std::size_t size() const;

 private:
  using Subjects = std::set<std::string, std::less<>>;

  std::shared_ptr<const Subjects> now() const;

  mutable std::mutex mutex_;  // of the pointer
  std::shared_ptr<const Subjects> subjects_ = std::make_shared<const Subjects>();
};

}  // namespace interlock
