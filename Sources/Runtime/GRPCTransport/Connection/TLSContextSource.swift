internal import EventLoops
internal import Synchronization
package import TLS

/// Where a listener takes the TLS context of each new connection from. Callable from any executor.
///
/// Connections that are open keep the context that they began with.
package final class TLSContextSource: Sendable {
  private let context: Mutex<TLSContext>

  /// The state of the files when they were read.
  let signature: CertificateReloadStateMachine.Signature

  /// Makes a source of a context that no file is behind.
  package init(_ context: TLSContext) {
    self.context = Mutex(context)
    signature = []
  }

  /// Makes a source of what `files` hold now. Blocks: not for a loop's thread.
  package init(_ files: TLSFiles) throws(TLSFileError) {
    signature = files.signature
    context = Mutex(try files.load())
  }

  /// What new connections use. Its ``TLS/TLSContext/certificateExpiry`` is worth a gauge.
  package var current: TLSContext { context.withLock { $0 } }

  /// Uses `context` for connections from now on.
  package func replace(with context: TLSContext) { self.context.withLock { $0 = context } }
}
