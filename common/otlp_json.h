// Spans as OpenTelemetry's protocol has them in JSON (OTLP 1.x: ids in hexadecimal, 64-bit numbers
// as text, enumerations as numbers):
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
//
// Pure.
#pragma once

#include <string>
#include <vector>

#include "common/span.h"

namespace interlock {

// Who sends them.
struct SpanSource {
  std::string service;   // service.name
  std::string version;   // service.version
  std::string instance;  // service.instance.id
};

std::string otlp_span(const Span& span);
// An ExportTraceServiceRequest around spans that are JSON already.
std::string otlp_request(const SpanSource& source, const std::vector<std::string>& spans);

}  // namespace interlock
