/// The cases of gRPC's interop tests that our client plays, by the names that `--test_case` takes.
///
/// Not among them: `cacheable_unary` (needs a caching proxy and GET) and those that need accounts
/// of a cloud.
package enum InteropCase: String, CaseIterable, Sendable {
  case emptyUnary = "empty_unary"
  case largeUnary = "large_unary"
  case clientCompressedUnary = "client_compressed_unary"
  case serverCompressedUnary = "server_compressed_unary"
  case clientStreaming = "client_streaming"
  case clientCompressedStreaming = "client_compressed_streaming"
  case serverStreaming = "server_streaming"
  case serverCompressedStreaming = "server_compressed_streaming"
  case pingPong = "ping_pong"
  case emptyStream = "empty_stream"
  case cancelAfterBegin = "cancel_after_begin"
  case cancelAfterFirstResponse = "cancel_after_first_response"
  case timeoutOnSleepingServer = "timeout_on_sleeping_server"
  case customMetadata = "custom_metadata"
  case statusCodeAndMessage = "status_code_and_message"
  case specialStatusMessage = "special_status_message"
  case unimplementedMethod = "unimplemented_method"
  case unimplementedService = "unimplemented_service"
  case pickFirstUnary = "pick_first_unary"
  case orcaPerRPC = "orca_per_rpc"
  case orcaOutOfBand = "orca_oob"
  case rpcSoak = "rpc_soak"
  case channelSoak = "channel_soak"
  case concurrentLargeUnary = "concurrent_large_unary"
  case longLivedChannel = "long_lived_channel"
  /// Needs a server that takes two streams on a connection.
  case connectionScaling = "max_concurrent_streams_connection_scaling"
}
