#include "coordinator/service/publish_stream.h"

#include <utility>

#include "coordinator/service/refusal_message.h"
#include "coordinator/service/translate.h"

namespace interlock {

void ask_publish(EngineThread& engine, CommandTraces* traces, const std::string& traceparent,
                 const v1::PublishRequest& request, std::function<void(v1::PublishAnswer)> done) {
  Checked<Publish> publish = from_proto(request);
  if (const auto* refusal = std::get_if<Refusal>(&publish)) {
    v1::PublishAnswer answer;
    *answer.mutable_refusal() = to_proto(*refusal);
    return done(std::move(answer));
  }
  EngineThread::AnswerTo answer_to = [done = std::move(done)](const Answer& given, Revision) {
    v1::PublishAnswer answer;
    if (const auto* receipt = std::get_if<Receipt>(&given)) {
      to_proto(*receipt, answer.mutable_receipt());
    } else if (const auto* refusal = std::get_if<Refusal>(&given)) {
      *answer.mutable_refusal() = to_proto(*refusal);
    }
    done(std::move(answer));
  };
  if (traces != nullptr) {
    const bool own = !request.traceparent().empty();
    answer_to =
        traces->around(TracedCommand::kPublish, request.key(),
                       own ? request.traceparent() : traceparent, std::move(answer_to));
  }
  engine.ask(request.key(), std::get<Publish>(std::move(publish)), std::move(answer_to));
}

std::shared_ptr<PublishStream> PublishStream::start(EngineThread& engine, Workers& workers,
                                                    CommandTraces* traces,
                                                    std::string traceparent) {
  std::shared_ptr<PublishStream> stream(
      new PublishStream(engine, workers, traces, std::move(traceparent)));
  stream->self_ = stream;
  stream->StartRead(&stream->request_);
  return stream;
}

void PublishStream::OnReadDone(bool ok) {
  if (!ok) {
    std::unique_lock lock(mutex_);
    reading_ = false;
    read_ended_ = true;
    const bool all_said = under_way_ == 0;
    lock.unlock();
    if (all_said) end(grpc::Status::OK);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  // Still "reading": nobody may begin the next read, and overtake, before this one is asked.
  ask_publish(engine_, traces_, traceparent_, request_.event(),
              [self = weak_from_this(), id = request_.id()](v1::PublishAnswer answer) {
                if (const auto stream = self.lock()) stream->answered(id, std::move(answer));
              });
  const std::lock_guard lock(mutex_);
  reading_ = !finished_ && under_way_ < kPublishesUnderWayMax;
  if (reading_) StartRead(&request_);
}

void PublishStream::answered(std::uint64_t id, v1::PublishAnswer answer) {
  const std::lock_guard lock(mutex_);
  if (finished_) return;
  v1::PublishStreamResponse response;
  response.set_id(id);
  *response.mutable_answer() = std::move(answer);
  answers_.push_back(std::move(response));
  if (writing_ || woken_) return;
  woken_ = true;
  workers_.post([self = shared_from_this()] { self->go_on(); });
}

// Writes the next answer, and reads on where there is room again.
void PublishStream::go_on() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  if (finished_) return;
  if (!writing_ && !answers_.empty()) {
    response_ = std::move(answers_.front());
    answers_.pop_front();
    writing_ = true;
    StartWrite(&response_);
  }
  if (reading_ || read_ended_ || under_way_ >= kPublishesUnderWayMax) return;
  reading_ = true;
  StartRead(&request_);
}

void PublishStream::OnWriteDone(bool ok) {
  std::unique_lock lock(mutex_);
  writing_ = false;
  --under_way_;
  if (finish_after_write_) {
    finish_after_write_ = false;
    const grpc::Status status = final_status_;
    lock.unlock();
    return Finish(status);
  }
  const bool all_said = read_ended_ && under_way_ == 0;
  lock.unlock();
  if (!ok) return end({grpc::StatusCode::CANCELLED, "the stream was cut"});
  if (all_said) return end(grpc::Status::OK);
  go_on();
}

void PublishStream::end(grpc::Status status) {
  std::unique_lock lock(mutex_);
  if (finished_) return;
  finished_ = true;
  if (writing_) {
    finish_after_write_ = true;
    final_status_ = std::move(status);
    return;
  }
  lock.unlock();
  Finish(std::move(status));
}

void PublishStream::OnCancel() { end({grpc::StatusCode::CANCELLED, "the stream was cut"}); }

void PublishStream::OnDone() {
  place_.leave();
  const std::shared_ptr<PublishStream> keep = std::move(self_);
}

}  // namespace interlock
