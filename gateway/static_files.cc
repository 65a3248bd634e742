#include "gateway/static_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/small_file.h"

namespace interlock {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> content_types{{
    {".css", "text/css; charset=utf-8"},
    {".html", "text/html; charset=utf-8"},
    {".ico", "image/x-icon"},
    {".js", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".map", "application/json"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".png", "image/png"},
    {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
}};

std::string_view content_type_of(const fs::path& path) {
  const std::string ending = path.extension().string();
  const auto row =
      std::ranges::find_if(content_types, [&ending](const auto& r) { return r.first == ending; });
  return row == content_types.end() ? std::string_view() : row->second;
}

bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

}  // namespace

absl::StatusOr<StaticFiles> StaticFiles::load(const std::string& folder) {
  StaticFiles files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (is_hidden(entry->path())) {
      entry.disable_recursion_pending();
      continue;
    }
    const std::string_view content_type = content_type_of(entry->path());
    if (entry->symlink_status(error).type() != fs::file_type::regular || content_type.empty()) {
      continue;
    }
    if (files.files_.size() == files_max) {
      return absl::ResourceExhaustedError(folder + " holds more than " + std::to_string(files_max) +
                                          " files to serve.");
    }
    auto body = read_small_file(entry->path().string(), file_bytes_max);
    if (!body.ok()) return body.status();
    const std::string name = "/" + entry->path().lexically_relative(folder).generic_string();
    files.files_[name] = {std::string(content_type), std::move(*body)};
  }
  if (error) return absl::NotFoundError(folder + " cannot be read: " + error.message() + ".");
  return files;
}

const StaticFile* StaticFiles::find(std::string_view path) const {
  auto found = files_.find(path);
  if (found == files_.end() && path.ends_with('/')) {
    found = files_.find(std::string(path) + "index.html");
  }
  return found == files_.end() ? nullptr : &found->second;
}

}  // namespace interlock
