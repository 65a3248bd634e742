// Messages in which every field is set, each to a value of its own, always to the same one.
#pragma once

#include <google/protobuf/message.h>

namespace interlock {

// How many variants it takes until each member of every oneof in it has been set once.
int variants_of(const google::protobuf::Descriptor& type);

// Of a oneof the member whose turn it is in this variant; enums rise with it, but never are 0.
void fill(google::protobuf::Message& message, int variant);

}  // namespace interlock
