#include "common/refusal_details.h"

#include <cctype>

namespace interlock {

std::optional<v1::Refusal> refusal_in_details(const std::string& details) {
  v1::ErrorStatus error;
  if (details.empty() || !error.ParseFromString(details)) return std::nullopt;
  for (const google::protobuf::Any& detail : error.details()) {
    v1::Refusal refusal;
    const bool known =
        detail.UnpackTo(&refusal) && refusal.reason_case() != v1::Refusal::REASON_NOT_SET;
    if (known) return refusal;
  }
  return std::nullopt;
}

std::string reason_name(const v1::Refusal& refusal) {
  const auto* field = v1::Refusal::descriptor()->FindFieldByNumber(refusal.reason_case());
  std::string name = field == nullptr ? "unknown" : field->name();
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace interlock
