package import GRPC

/// Why a command did not do what it should.
package enum CommandFailure: Error, Sendable {
  /// The server answered with an error, or could not be reached. `requestID` repeats the request
  /// safely.
  case call(RPCError, requestID: String?)
  /// The command line asks for something that can't be.
  case usage(ArgumentError)
  /// A secret can't be read.
  case secret(ConsoleError)
  /// Of the destinations some were refused; the answer that was printed says which.
  case refused(count: Int, of: Int)
  /// A diagnosis found errors; the answer that was printed names them.
  case unhealthy(count: Int)
  /// Of the numbers of a file some were not imported; what was printed says which.
  case notImported(count: Int, of: Int)
  /// An answer that can't be printed.
  case unprintable

  package var exitCode: ExitCode {
    switch self {
    case .call(let error, _): ExitCode(error.code)
    case .usage, .secret: .usage
    case .refused, .notImported: .partial
    case .unhealthy, .unprintable: .fault
    }
  }
}
