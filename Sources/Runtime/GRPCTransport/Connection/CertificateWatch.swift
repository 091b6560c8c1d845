package import EventLoops
internal import TLS

/// Reads a certificate, its key and its clients' authorities anew when their files change, while
/// the server serves. Use it on its loop only.
///
/// It asks for the files' state every ``intervalDefault``, which sees every way to change them: in
/// place, by rename, or by swapping a link above them as Kubernetes does with `..data`. When the
/// new files can't be used the old ones stay in use. It lives until it is closed.
package final class CertificateWatch {
  /// How long after a change new connections may still get the old certificate, at most.
  package static let intervalDefault = Duration.seconds(10)

  /// What became of changed files.
  package enum Outcome: Sendable {
    /// New connections use them; `expiry` is the certificate's, in seconds since 1970.
    case reloaded(expiry: Int64?)
    /// They can't be used, and what was there before still is.
    case failed(TLSFileError)
  }

  private let loop: EventLoop
  private let files: TLSFiles
  private let source: TLSContextSource
  private let interval: Duration
  private var report: ((Outcome) -> Void)?
  private var reload: CertificateReloadStateMachine
  private var timer: TimerHandle?

  /// Watches `files`, of which ``TLSContextSource/init(_:)`` made `source`, until ``close()``. Call
  /// it on the loop, where `report` is called too.
  package init(
    _ files: TLSFiles, _ source: TLSContextSource, loop: EventLoop,
    interval: Duration = CertificateWatch.intervalDefault, report: @escaping (Outcome) -> Void
  ) {
    self.loop = loop
    self.files = files
    self.source = source
    self.interval = interval
    self.report = report
    reload = CertificateReloadStateMachine(source.signature)
    schedule()
  }

  /// Ends the watch. A second call does nothing.
  package func close() {
    report = nil
    timer?.cancel()
    timer = nil
  }

  private func schedule() {
    timer = loop.schedule(after: interval) { self.look() }
  }

  private func look() {
    let (files, reload) = (files, reload)
    // The work, like the timer, keeps the watch alive until it is closed or the loop ends.
    loop.offload(
      { Self.read(files, reload) },
      { found in
        guard self.report != nil else { return }
        if let found { self.judge(found) }
        self.schedule()
      })
  }

  /// What a look has found. Made on another thread.
  private struct Found: Sendable {
    let before: CertificateReloadStateMachine.Signature
    let after: CertificateReloadStateMachine.Signature
    let context: Result<TLSContext, TLSFileError>
  }

  /// `nil` when nothing has changed.
  private static func read(
    _ files: TLSFiles, _ reload: CertificateReloadStateMachine
  ) -> Found? {
    let before = files.signature
    guard reload.mustLoad(before) else { return nil }
    let context = load(files)
    return Found(before: before, after: files.signature, context: context)
  }

  private static func load(_ files: TLSFiles) -> Result<TLSContext, TLSFileError> {
    do throws(TLSFileError) {
      let context = try files.load()
      if let expiry = context.certificateExpiry, expiry < WallClock.microseconds() / 1_000_000 {
        throw .expired(path: files.certificate, expiry: expiry)
      }
      return .success(context)
    } catch {
      return .failure(error)
    }
  }

  private func judge(_ found: Found) {
    let isUsable = if case .success = found.context { true } else { false }
    let action = reload.loaded(before: found.before, after: found.after, isUsable: isUsable)
    switch (action, found.context) {
    case (.install, .success(let context)):
      source.replace(with: context)
      report?(.reloaded(expiry: context.certificateExpiry))
    case (.keepAndReport, .failure(let error)): report?(.failed(error))
    default: break
    }
  }
}
