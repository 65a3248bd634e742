// How a value is written for a program: proto JSON, one object a line.
#pragma once

#include <google/protobuf/message.h>

#include <string>

namespace interlock {

// Field names as in proto/, every field of a primitive type present, 64-bit numbers as strings (so
// says proto JSON, since JavaScript could not hold them). Ends in a newline.
std::string json_line(const google::protobuf::Message& message);

}  // namespace interlock
