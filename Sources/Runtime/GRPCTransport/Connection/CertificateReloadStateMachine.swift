internal import EventLoops

/// Decides when the files of a certificate are read anew, and what becomes of what they held.
///
/// Files are changed one after another, unless a link above them is swapped: a pair that was read
/// while they changed is judged by nobody, and read again.
struct CertificateReloadStateMachine {
  /// One entry for each file; `nil` for one that is not there.
  typealias Signature = [FileSignature?]

  enum Action: Equatable {
    /// New connections use what was read.
    case install
    /// What was in use stays; someone is told, once for each state of the files.
    case keepAndReport
    /// Nothing changes.
    case keep
  }

  /// The files' state when they were last judged.
  private var judged: Signature

  init(_ signature: Signature) { judged = signature }

  /// Whether files in this state are to be read.
  func mustLoad(_ signature: Signature) -> Bool { signature != judged }

  /// The files were read, in the state `before`; afterwards they were in the state `after`.
  mutating func loaded(before: Signature, after: Signature, isUsable: Bool) -> Action {
    guard before == after else { return .keep }
    judged = after
    return isUsable ? .install : .keepAndReport
  }
}
