# How a gateway reaches its coordinator and its backend.
#
# interlock_gateway_links: what drives the attachment and limits the calls, whatever carries them.
# interlock_gateway_memory: the in-memory twins, for tests.
# interlock_gateway_webhook: the backend as a webhook. None of these links gRPC, so that the thread
# sanitizer sees all of them.
# interlock_gateway_identity: who this gateway is, as Google's metadata server says it.
# interlock_gateway_grpc: the real ones.
add_library(interlock_gateway_links STATIC
  boot_clock.h client_thread.h
  turn_thread.h turn_thread.cc
  call_deadlines.h call_deadlines.cc
  attachment_shell.h attachment_shell.cc
  attachment_owner.h attachment_owner.cc attachment_owner_hold.cc
  backend_attempts.h backend_attempts.cc
  backend_counters.h
  backend_call.h backend_call.cc
)
target_link_libraries(interlock_gateway_links
  PUBLIC interlock_gateway_core interlock_common interlock_proto Boost::headers Threads::Threads
  PRIVATE fmt::fmt
)

add_library(interlock_gateway_memory STATIC
  memory_coordinator.h memory_coordinator.cc memory_coordinator_stream.cc
  memory_coordinator_client.h memory_coordinator_client.cc
  memory_backend_client.h memory_backend_client.cc
)
target_link_libraries(interlock_gateway_memory PUBLIC interlock_gateway_links)

add_library(interlock_gateway_webhook STATIC
  # pure
  webhook_event.h webhook_event.cc
  webhook_answer.h webhook_answer.cc
  # libcurl is included in http_poster.cc only
  http_poster.h http_poster.cc
  webhook_backend_client.h webhook_backend_client.cc
)
target_link_libraries(interlock_gateway_webhook
  PUBLIC interlock_gateway_links absl::statusor
  PRIVATE CURL::libcurl OpenSSL::Crypto absl::strings absl::time fmt::fmt
)

add_library(interlock_gateway_identity STATIC
  identity_refresh.h
  own_token.h
  metadata_identity.h metadata_identity.cc
)
target_link_libraries(interlock_gateway_identity
  PUBLIC interlock_options interlock_common interlock_http absl::statusor Threads::Threads
  PRIVATE absl::strings fmt::fmt
)

if(NOT INTERLOCK_CORE_ONLY)
  add_library(interlock_gateway_grpc STATIC
    grpc_channel.h grpc_channel.cc
    grpc_identity.h grpc_identity.cc
    stream_shares.h
    grpc_coordinator_client.h grpc_coordinator_client.cc
    grpc_api_client.h grpc_api_client.cc
    grpc_backend_client.h grpc_backend_client.cc
    grpc_backend_call.h grpc_backend_call.cc grpc_backend_receive.cc
  )
  target_link_libraries(interlock_gateway_grpc
    PUBLIC interlock_channel_credentials interlock_gateway_identity interlock_gateway_links
           interlock_grpc
    PRIVATE interlock_refusal_details fmt::fmt
  )
endif()
