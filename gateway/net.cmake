# The network side of the gateway. interlock_gateway_net does not link gRPC, so that the thread
# sanitizer can see all of it; the program does.
add_library(interlock_gateway_net STATIC
  # pure
  upgrade.h upgrade.cc
  upgrade_query.h upgrade_query.cc
  revoked_subjects.h revoked_subjects.cc
  refusal.h refusal.cc
  http_request.h http_request.cc
  http_answer.h http_answer.cc
  http_problem.h http_problem.cc
  api_request.h api_request.cc
  api_answer.h api_answer.cc
  deadlines.h token_bucket.h frame_head.h utf8_check.h
  frame_reader.h frame_reader.cc
  # the socket: Beast is compiled in websocket.cc only
  event_loops.h event_loops.cc
  tls_identity.h
  tls_layer.h tls_layer.cc
  wire.h wire.cc
  frame_stream.h frame_stream.cc
  websocket.h websocket.cc
  cut_timer.h spawn.h
  # the session's shell
  session_shell.h session_shell.cc session_shell_links.cc
  session_trace.h session_trace.cc
  turn_away.h turn_away.cc
  # the HTTP API
  api_client.h
  http_api.h http_api.cc
  # the listener
  listener.h listener.cc
  lane.h lane.cc
  socket_count.h
  static_files.h static_files.cc
  open_files.h open_files.cc
  gateway_metrics.h gateway_metrics.cc
)
target_link_libraries(interlock_gateway_net
  PUBLIC interlock_gateway_core interlock_common interlock_tracing interlock_proto Boost::headers
         OpenSSL::SSL Threads::Threads
  PRIVATE interlock_refusal_details fmt::fmt
)

# Its flags are its own, so that a program that only uses the network side has none of them.
add_library(interlock_gateway_config STATIC
  config.h config.cc
  config_parts.h config_backend.cc
  config_clients.cc
  config_coordinator.cc
  config_limits.h config_limits.cc
)
target_link_libraries(interlock_gateway_config
  PUBLIC interlock_gateway_net interlock_trace_settings
  PRIVATE interlock_gateway_webhook absl::cleanup absl::flags absl::flags_usage absl::strings
          absl::time fmt::fmt
)

if(NOT INTERLOCK_CORE_ONLY)
  add_executable(interlock-gateway
    main.cc
    make_backend.h make_backend.cc
    link_metrics.h link_metrics.cc
    trust.h trust.cc
  )
  target_link_libraries(interlock-gateway
    PRIVATE interlock_gateway_config interlock_gateway_net interlock_gateway_grpc
            interlock_gateway_webhook interlock_jwks interlock_allocator interlock_one_poller
  )
endif()
