#include "gateway/revoked_subjects.h"

#include <fmt/format.h>

#include <utility>

#include "common/small_file.h"
#include "gateway/http_request.h"

namespace interlock {

absl::Status RevokedSubjects::read(const std::string& path) {
  const absl::StatusOr<std::string> text = read_small_file(path, revoked_file_bytes_max);
  if (!text.ok()) return text.status();
  auto subjects = std::make_shared<Subjects>();
  std::string_view rest = *text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    std::string_view line = trim(rest.substr(0, end));
    if (line.ends_with('\r')) line = trim(line.substr(0, line.size() - 1));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (!line.empty() && line.front() != '#') subjects->emplace(line);
    if (subjects->size() <= revoked_subjects_max) continue;
    return absl::ResourceExhaustedError(
        fmt::format("The file \"{}\" has more than {} subjects; let their tokens expire instead.",
                    path, revoked_subjects_max));
  }
  const std::lock_guard lock(mutex_);
  subjects_ = std::move(subjects);
  return absl::OkStatus();
}

std::shared_ptr<const RevokedSubjects::Subjects> RevokedSubjects::now() const {
  const std::lock_guard lock(mutex_);
  return subjects_;
}

bool RevokedSubjects::contains(std::string_view subject) const { return now()->contains(subject); }

std::size_t RevokedSubjects::size() const { return now()->size(); }

}  // namespace interlock
