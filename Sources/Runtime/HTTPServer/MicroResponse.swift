internal import CMicroHTTPD

/// An answer in libmicrohttpd's form. Owns the `MHD_Response *` and gives it back exactly once.
@safe struct MicroResponse: ~Copyable {
  private let handle: OpaquePointer

  /// Nil when there is no memory.
  init?(copyOf response: HTTPServerResponse, closes: Bool) {
    let handle = unsafe response.body.withUnsafeBytes { bytes in
      // The mode says that the bytes are copied, so that nobody writes through this pointer.
      unsafe MHD_create_response_from_buffer(
        bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress),
        .RESPMEM_MUST_COPY)
    }
    guard let handle = unsafe handle else { return nil }
    unsafe self.handle = handle
    // A name or value that libmicrohttpd refuses holds a line break; it is left out.
    for header in response.headers {
      unsafe _ = MHD_add_response_header(handle, header.name, header.value)
    }
    if closes { unsafe _ = MHD_add_response_header(handle, "Connection", "close") }
  }

  deinit { unsafe MHD_destroy_response(handle) }

  /// Hands the answer to `connection`; libmicrohttpd keeps its own reference.
  @unsafe func queue(on connection: OpaquePointer, status: Int) -> MHD_Result {
    unsafe MHD_queue_response(connection, UInt32(clamping: status), handle)
  }
}
