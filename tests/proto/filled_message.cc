#include "tests/proto/filled_message.h"

#include <algorithm>
#include <string>

namespace interlock {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kDepthMax = 8;

// The details of an error are a message of any type: its bytes say which.
bool is_any(const Descriptor& type) { return type.full_name() == "google.protobuf.Any"; }

int variants_within(const Descriptor& type, int depth) {
  int most = 1;
  if (depth == kDepthMax || is_any(type)) return most;
  for (int i = 0; i < type.real_oneof_decl_count(); ++i) {
    most = std::max(most, type.oneof_decl(i)->field_count());
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const Descriptor* inner = type.field(i)->message_type();
    if (inner != nullptr) most = std::max(most, variants_within(*inner, depth + 1));
  }
  return most;
}

bool has_its_turn(const FieldDescriptor& field, int variant) {
  const auto* oneof = field.real_containing_oneof();
  return oneof == nullptr || oneof->field(variant % oneof->field_count()) == &field;
}

int enum_number(const EnumDescriptor& type, int variant) {
  const int others = type.value_count() - 1;  // the first one is 0: as if it were not set
  return type.value(others == 0 ? 0 : 1 + variant % others)->number();
}

void fill_within(Message& message, int variant, int depth);

class Filler {
 public:
  Filler(Message& message, const FieldDescriptor& field, int variant, int depth)
      : message_(message),
        reflection_(*message.GetReflection()),
        field_(field),
        variant_(variant),
        depth_(depth) {}

  void fill() {
    if (!field_.is_repeated()) return set();
    // One for each variant, so that each member of a oneof stands in one message.
    const Descriptor* inner = field_.message_type();
    const int count = inner == nullptr ? 2 : variants_within(*inner, depth_ + 1);
    for (int i = 0; i < count; ++i) add(i);
  }

 private:
  // Large enough that every byte of a varint is used.
  std::uint64_t number() const {
    return (std::uint64_t{1} << 40) + static_cast<std::uint64_t>(1000 * field_.number() + variant_);
  }
  std::string text() const { return field_.name() + " " + std::to_string(variant_); }

  void set() {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection_.SetInt32(&message_, &field_, -field_.number());
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection_.SetInt64(&message_, &field_, -static_cast<std::int64_t>(number()));
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection_.SetUInt32(&message_, &field_, static_cast<std::uint32_t>(number()));
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection_.SetUInt64(&message_, &field_, number());
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection_.SetDouble(&message_, &field_, 0.5 + field_.number());
      case FieldDescriptor::CPPTYPE_FLOAT:
        return reflection_.SetFloat(&message_, &field_, 0.5F);
      case FieldDescriptor::CPPTYPE_BOOL:
        return reflection_.SetBool(&message_, &field_, true);
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection_.SetEnumValue(&message_, &field_,
                                        enum_number(*field_.enum_type(), variant_));
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection_.SetString(&message_, &field_, text());
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return fill_within(*reflection_.MutableMessage(&message_, &field_), variant_, depth_ + 1);
    }
  }

  void add(int variant) {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection_.AddUInt32(&message_, &field_, static_cast<std::uint32_t>(variant));
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection_.AddUInt64(&message_, &field_, number() + variant);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection_.AddDouble(&message_, &field_, 0.5 + variant);
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection_.AddEnumValue(&message_, &field_,
                                        enum_number(*field_.enum_type(), variant));
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection_.AddString(&message_, &field_, text() + std::to_string(variant));
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return fill_within(*reflection_.AddMessage(&message_, &field_), variant, depth_ + 1);
      default:
        GOOGLE_LOG(FATAL) << "teach the test about repeated " << field_.full_name();
    }
  }

  Message& message_;
  const Reflection& reflection_;
  const FieldDescriptor& field_;
  const int variant_;
  const int depth_;
};

void fill_within(Message& message, int variant, int depth) {
  const Descriptor& type = *message.GetDescriptor();
  if (depth == kDepthMax || is_any(type)) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (has_its_turn(field, variant)) Filler(message, field, variant, depth).fill();
  }
}

}  // namespace

int variants_of(const Descriptor& type) { return variants_within(type, 0); }

void fill(Message& message, int variant) { fill_within(message, variant, 0); }

}  // namespace interlock
