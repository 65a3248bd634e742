#include "gateway/api_answer.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace interlock {
namespace {

HttpAnswer json_answer(const boost::json::object& body) {
  HttpAnswer answer;
  answer.content_type = "application/json";
  answer.body = boost::json::serialize(body) + "\n";
  return answer;
}

}  // namespace

HttpAnswer receipt_answer(const v1::Receipt& receipt) {
  boost::json::object body;
  body["sequence"] = receipt.sequence();
  body["sequence_since"] = receipt.sequence_since();
  body["state"] = v1::State_Name(receipt.state());
  body["repeated"] = receipt.repeated();
  return json_answer(body);
}

HttpAnswer connection_answer(const v1::Connection& connection) {
  boost::json::object body;
  body["key"] = connection.key();
  body["state"] = v1::State_Name(connection.state());
  body["generation"] = connection.generation();
  body["sequence_since"] = connection.sequence_since();
  body["last_seq"] = connection.last_seq();
  body["acknowledged"] = connection.acknowledged();
  body["outbox_events"] = connection.outbox_events();
  body["outbox_bytes"] = connection.outbox_bytes();
  body["open_runs"] = connection.open_runs();
  body["owned"] = !connection.owner().empty();
  body["changed_unix_ms"] = connection.changed_unix_ms();
  return json_answer(body);
}

}  // namespace interlock
