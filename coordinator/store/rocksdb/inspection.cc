#include "coordinator/store/rocksdb/inspection.h"

#include <algorithm>
#include <vector>

#include "coordinator/store/rocksdb/database.h"
#include "coordinator/store/rocksdb/log_check.h"
#include "fmt/core.h"

namespace interlock {
namespace {

bool is_write_ahead_log(const std::string& name) { return name.ends_with(".log"); }

absl::StatusOr<LogCheck> check_file(rocksdb::Env& env, const std::string& directory,
                                    const std::string& name) {
  std::string bytes;
  const rocksdb::Status read = rocksdb::ReadFileToString(&env, directory + "/" + name, &bytes);
  if (!read.ok()) return explain(read, directory);
  LogCheck check = check_log(bytes);
  if (check.damage) return damage(directory, fmt::format("{} has {}", name, *check.damage));
  return check;
}

// RocksDB would take a directory without it for a new database and clear it out.
absl::Status check_current_is_there(const std::string& directory,
                                    const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (is_write_ahead_log(name) || name.ends_with(".sst")) {
      return damage(directory, fmt::format("the file CURRENT is missing beside {}", name));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status damage(const std::string& directory, const std::string& what) {
  return absl::DataLossError(
      fmt::format("The store in {0} is damaged: {1}. It was not opened. Restore {0} from a backup; "
                  "or move it away to begin without any connection's state.",
                  directory, what));
}

absl::StatusOr<Inspection> inspect_files(rocksdb::Env& env, const std::string& directory) {
  std::vector<std::string> names;
  if (const rocksdb::Status s = env.GetChildren(directory, &names); !s.ok()) {
    return explain(s, directory);
  }
  std::sort(names.begin(), names.end());
  if (std::find(names.begin(), names.end(), "CURRENT") == names.end()) {
    if (absl::Status s = check_current_is_there(directory, names); !s.ok()) return s;
    return Inspection{};
  }

  std::string manifest;
  const rocksdb::Status s = rocksdb::ReadFileToString(&env, directory + "/CURRENT", &manifest);
  if (!s.ok()) return explain(s, directory);
  while (manifest.ends_with('\n')) manifest.pop_back();
  if (std::find(names.begin(), names.end(), manifest) == names.end()) {
    return damage(directory, "the file CURRENT names a manifest that is not there");
  }
  if (auto check = check_file(env, directory, manifest); !check.ok()) return check.status();

  Inspection inspection;
  for (const std::string& name : names) {
    if (!is_write_ahead_log(name)) continue;
    auto check = check_file(env, directory, name);
    if (!check.ok()) return check.status();
    inspection.next_sequence = std::max(inspection.next_sequence, check->next_sequence);
  }
  return inspection;
}

}  // namespace interlock
