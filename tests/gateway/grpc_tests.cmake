# The attachment, and how a gateway reaches its coordinator and its backend.
interlock_test(gateway_attachment_test LABELS unit
  SOURCES attachment_test.cc attachment_claims_test.cc attachment_list_test.cc
    attachment_stream_test.cc attachment_hold_test.cc attachment_faults_test.cc
    attachment_world.h attachment_fault_world.h
  LIBS interlock_gateway_memory)

interlock_test(gateway_backend_attempts_test LABELS unit
  SOURCES backend_attempts_test.cc LIBS interlock_gateway_links)

interlock_test(gateway_turn_thread_test LABELS unit
  SOURCES turn_thread_test.cc call_deadlines_test.cc LIBS interlock_gateway_links)

interlock_test(gateway_stream_shares_test LABELS unit
  SOURCES stream_shares_test.cc LIBS interlock_gateway_core)

interlock_test(gateway_attachment_shell_test LABELS unit
  SOURCES attachment_shell_test.cc LIBS interlock_gateway_memory)

# The twins run the same contracts as the real clients below.
interlock_test(gateway_memory_clients_test LABELS unit
  SOURCES memory_clients_test.cc
    coordinator_client_contract.h coordinator_client_contract.cc
    backend_client_contract.h backend_client_contract.cc
    notice_box.h attachment_world.h
  LIBS interlock_gateway_memory)

interlock_test(gateway_grpc_clients_test NEEDS_GRPC LABELS integration
  SOURCES grpc_clients_test.cc grpc_tls_test.cc
    coordinator_client_contract.h coordinator_client_contract.cc
    backend_client_contract.h backend_client_contract.cc
    fake_services.h fake_services.cc notice_box.h attachment_world.h
  LIBS interlock_gateway_memory interlock_gateway_grpc interlock_test_support OpenSSL::Crypto)

interlock_test(gateway_grpc_api_client_test NEEDS_GRPC LABELS integration
  SOURCES grpc_api_client_test.cc fake_services.h fake_services.cc notice_box.h
  LIBS interlock_gateway_memory interlock_gateway_grpc interlock_test_support)

interlock_test(gateway_metadata_identity_test LABELS unit
  SOURCES identity_refresh_test.cc metadata_identity_test.cc
  LIBS interlock_gateway_identity interlock_issuer interlock_collector)

interlock_test(gateway_webhook_event_test LABELS unit
  SOURCES webhook_event_test.cc LIBS interlock_gateway_webhook)

interlock_test(gateway_webhook_backend_test LABELS integration
  SOURCES webhook_backend_test.cc webhook_server.h webhook_server.cc
    backend_client_contract.h backend_client_contract.cc notice_box.h
  LIBS interlock_gateway_memory interlock_gateway_webhook interlock_test_support fmt::fmt)
