#include "coordinator/ctl/json.h"

#include <google/protobuf/util/json_util.h>

#include <cassert>

namespace interlock {

std::string json_line(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string out;
  const auto status = google::protobuf::util::MessageToJsonString(message, &out, options);
  // It can fail only for messages that hold an Any of a foreign type, which ours do not.
  assert(status.ok());
  static_cast<void>(status);
  return out + '\n';
}

}  // namespace interlock
