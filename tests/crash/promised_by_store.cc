#include <set>
#include <utility>

#include "tests/coordinator/store/blocking.h"
#include "tests/crash/promised.h"

namespace interlock {

absl::StatusOr<Contents> contents_of(Store& store) {
  const auto loaded = load(store);
  if (!loaded.ok()) return loaded.status();
  Contents contents;
  contents.position = loaded->position;
  for (const auto& [key, record] : loaded->records) {
    contents.records[key].record = record;
    const auto lists = read(store, {{key, 0, 1'000'000}});
    if (!lists.ok()) return lists.status();
    for (const Attachment& each : lists->front()) {
      contents.records[key].attachments[each.number] = each.bytes;
    }
  }
  return contents;
}

void PromisedByStore::take(const std::vector<DiaryLine>& diary, std::vector<std::string>& wrong) {
  keys_.clear();
  for (const DiaryLine& line : diary) {
    if (line[0] == "opened" && found_) {
      promised_ = *std::exchange(found_, std::nullopt);
      under_way_.clear();
    } else if (line[0] == "asked") {
      take_asked(line);
    } else if (line[0] == "outcome") {
      take_outcome(line, wrong);
    }
  }
}

void PromisedByStore::take_asked(const DiaryLine& line) {
  std::vector<std::string>& keys = keys_[line[1]];
  for (std::size_t at = 2; at < line.size();) {
    const std::string& key = line[at];
    const auto write = static_cast<Write>(number(line[at + 2]));
    const NumberRange removed{number(line[at + 4]), number(line[at + 5])};
    const std::size_t puts = number(line[at + 6]);
    keys.push_back(key);
    if (write != Write::kCompareOnly) under_way_[key] = std::nullopt;
    if (write == Write::kPut) {
      const auto before = promised_.find(key);
      Kept next = before == promised_.end() ? Kept{} : before->second;
      next.record = {line[at + 3], kAbsent};
      std::erase_if(next.attachments, [&](const auto& each) {
        return removed.first <= each.first && each.first <= removed.last;
      });
      for (std::size_t i = 0; i < puts; ++i) {
        next.attachments[number(line[at + 7 + 2 * i])] = line[at + 8 + 2 * i];
      }
      under_way_[key] = std::move(next);
    }
    at += 7 + 2 * puts;
  }
}

void PromisedByStore::take_outcome(const DiaryLine& line, std::vector<std::string>& wrong) {
  const std::vector<std::string>& keys = keys_[line[1]];
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto under_way = under_way_.find(keys[i]);
    if (under_way == under_way_.end()) continue;  // only compared
    std::optional<Kept> next = std::move(under_way->second);
    under_way_.erase(under_way);
    if (line[2 + i].empty()) continue;  // not applied
    const Revision revision = number(line[2 + i]);
    if (revision <= promised_[keys[i]].record.revision) {
      wrong.push_back("the revision of " + keys[i] + " went back");
    }
    highest_ = std::max(highest_, revision);
    promised_.erase(keys[i]);
    if (!next) continue;
    next->record.revision = revision;
    promised_[keys[i]] = *std::move(next);
  }
}

void PromisedByStore::compare(const Contents& found, std::vector<std::string>& wrong) {
  if (found.position.value < highest_) wrong.push_back("the store's last revision went back");
  std::set<std::string> keys;
  for (const auto& [key, kept] : promised_) keys.insert(key);
  for (const auto& [key, kept] : found.records) keys.insert(key);
  for (const std::string& key : keys) {
    const auto promised = promised_.find(key);
    const auto stands = found.records.find(key);
    const bool is_promised = promised == promised_.end()
                                 ? stands == found.records.end()
                                 : stands != found.records.end() &&
                                       stands->second == promised->second;
    if (is_promised) continue;
    const Revision before = promised == promised_.end() ? kAbsent
                                                        : promised->second.record.revision;
    bool is_under_way = false;
    if (const auto asked = under_way_.find(key); asked != under_way_.end()) {
      const std::optional<Kept>& next = asked->second;
      is_under_way = !next ? stands == found.records.end()
                           : stands != found.records.end() &&
                                 stands->second.record.bytes == next->record.bytes &&
                                 stands->second.attachments == next->attachments &&
                                 stands->second.record.revision > before;
    }
    if (is_under_way) continue;
    wrong.push_back(key + " was promised at revision " + std::to_string(before) + " and is " +
                    (stands == found.records.end()
                         ? "absent"
                         : "at " + std::to_string(stands->second.record.revision)));
  }
  found_ = found.records;
}

}  // namespace interlock
