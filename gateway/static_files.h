// The demo page and its like, next to the WebSocket.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace interlock {

struct StaticFile {
  std::string content_type;
  std::string body;
};

// Read once, at the start: nothing a request says ever reaches the file system. Kept are regular
// files (no symbolic links) with one of the endings .html .css .js .mjs .json .svg .png .ico .txt
// and .map whose names do not begin with a dot; a larger one, or more of them, refuses the start.
class StaticFiles {
 public:
  static constexpr std::size_t file_bytes_max = 1024 * 1024;
  static constexpr std::size_t files_max = 64;

  StaticFiles() = default;
  static absl::StatusOr<StaticFiles> load(const std::string& folder);

  // `path` as it stands in the request, without its query; "/" and a folder's "/name/" are their
  // index.html. Nothing when there is no such file.
  const StaticFile* find(std::string_view path) const;
  std::size_t size() const { return files_.size(); }

 private:
  std::map<std::string, StaticFile, std::less<>> files_;
};

}  // namespace interlock
