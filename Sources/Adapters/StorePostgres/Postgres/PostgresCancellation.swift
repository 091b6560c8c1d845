internal import CPostgres

/// The right to cancel what one connection runs. Owns the `PGcancel` and frees it exactly once.
@safe final class PostgresCancellation: @unchecked Sendable {
  // @unchecked: PQcancel only reads it, on any thread (libpq, "Canceling Queries in Progress").
  private let handle: OpaquePointer

  init(takingOwnershipOf handle: OpaquePointer) { unsafe self.handle = handle }

  deinit { unsafe PQfreeCancel(handle) }

  /// Asks the server to cancel. Blocks: it opens a connection of its own and waits for its end, so
  /// it belongs on a thread that may block. Whether anything was cancelled shows in the answer of
  /// the statement alone.
  func ask() {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
      guard let start = buffer.baseAddress else { return }
      unsafe _ = PQcancel(handle, start, Int32(buffer.count))
    }
  }
}
