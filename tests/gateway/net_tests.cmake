# The listener and what stands behind it. The values first; the others open real sockets, with the
# coordinator and the backend in memory.
foreach(module IN ITEMS upgrade net_values api_request http_problem revoked_subjects)
  interlock_test(gateway_${module}_test LABELS unit
    SOURCES ${module}_test.cc LIBS interlock_gateway_net)
endforeach()

interlock_test(gateway_config_test LABELS unit
  SOURCES config_test.cc config_identity_test.cc LIBS interlock_gateway_config absl::flags_reflection)

add_library(gateway_socket_client STATIC socket_client.h socket_client.cc)
target_link_libraries(gateway_socket_client PUBLIC interlock_options)

interlock_test(gateway_frame_reader_test LABELS unit
  SOURCES frame_reader_test.cc LIBS interlock_gateway_net gateway_socket_client)

interlock_test(gateway_session_trace_test LABELS integration
  SOURCES session_trace_test.cc gateway_world.h
  LIBS interlock_gateway_net interlock_gateway_memory gateway_socket_client interlock_collector)

foreach(module IN ITEMS listener session_shell session_end session_held late_notices
    http_api gateway_metrics)
  interlock_test(gateway_${module}_test LABELS integration
    SOURCES ${module}_test.cc gateway_world.h
    LIBS interlock_gateway_net interlock_gateway_memory gateway_socket_client)
endforeach()
