internal import API
internal import GRPC
internal import WellKnown

/// Imports the numbers of a file, and shows how far it is.
struct PhoneNumberBatch: Sendable {
  let request: V1.BatchImportPhoneNumbersRequest
  /// The command line that resumes it.
  let resumption: String

  func run(_ session: Session) async throws(CommandFailure) {
    let isTable = session.output == .table
    if isTable {
      session.console.printError("If this is cut, resume it with:\n  \(resumption)\n")
    }
    var screen = BatchScreen(request: request, session: session)
    let client = V1.PhoneNumberServiceClient(channel: session.channel)
    let (sent, id) = (request, request.requestID)
    do throws(CommandFailure) {
      // Sent again it tells at once what was done, and the screen knows what it showed.
      let unprintable = try await session.call(.whenUnavailable(requestID: id)) {
        (options) async throws(RPCError) -> CommandFailure? in
        try await client.batchImportPhoneNumbers(sent, options: options) {
          (responses) async throws(RPCError) -> CommandFailure? in
          while let response = try await responses.next() {
            do throws(CommandFailure) { try screen.show(response) } catch { return error }
          }
          return nil
        }
      }
      if let unprintable { throw unprintable }
    } catch {
      screen.end()
      if isTable, screen.hasResults { printResumption(session) }
      throw error
    }
    screen.end()
    let failed = screen.failedCount
    guard failed > 0 else { return }
    if isTable { printResumption(session) }
    throw .notImported(count: failed, of: request.numbers.count)
  }

  private func printResumption(_ session: Session) {
    session.console.printError("This tries again what is not imported:\n  \(resumption)\n")
  }
}

/// What was told of a batch: as JSON each answer, on a terminal a bar, elsewhere a line for each
/// number; at the end a table of those that failed.
private struct BatchScreen {
  private let request: V1.BatchImportPhoneNumbersRequest
  private let session: Session
  private var known: Set<Int32> = []
  /// The numbers that failed, with why.
  private var failures: [Int32: String] = [:]
  private var hasBar = false

  init(request: V1.BatchImportPhoneNumbersRequest, session: Session) {
    self.request = request
    self.session = session
  }

  var failedCount: Int { failures.count }
  var hasResults: Bool { !known.isEmpty }

  mutating func show(
    _ response: V1.BatchImportPhoneNumbersResponse
  ) throws(CommandFailure) {
    var line = ""
    if let result = response.result {
      failures[result.index] = Self.failure(result)
      guard known.insert(result.index).inserted else { return }
      line = "\(response.doneCount)/\(response.totalCount) \(text(of: result))\n"
    }
    guard session.output == .table, session.console.isErrorTerminal else {
      return try session.show(response) { _ in line }
    }
    hasBar = true
    session.console.printError(Self.bar(response))
  }

  /// Leaves the bar, and lists what failed.
  func end() {
    guard session.output == .table else { return }
    if hasBar { session.console.printError("\n") }
    if !failures.isEmpty {
      var table = Table(["NUMBER", "LABEL", "ERROR"])
      for (index, failure) in failures.sorted(by: { $0.key < $1.key }) {
        let entry = entry(index)
        table.append([entry.e164, entry.label, failure])
      }
      session.console.print(table.text)
    }
    guard hasResults else { return }
    let imported = known.count - failures.count
    session.console.print("Imported \(imported) of \(request.numbers.count) numbers.\n")
  }

  private func entry(_ index: Int32) -> V1.BatchImportPhoneNumbersRequest.Entry {
    let place = Int(index)
    return request.numbers.indices.contains(place) ? request.numbers[place] : .init()
  }

  private func text(of result: V1.BatchImportPhoneNumbersResponse.Result) -> String {
    let number = entry(result.index).e164
    let words: [String] =
      switch result.outcome {
      case .phoneNumber(let imported): ["imported", number, imported.id, imported.label]
      case .error, nil: ["failed", number, Self.failure(result) ?? ""]
      }
    return words.filter { !$0.isEmpty }.map(Table.printable).joined(separator: " ")
  }

  /// Why the number was not imported; nil when it was.
  private static func failure(
    _ result: V1.BatchImportPhoneNumbersResponse.Result
  ) -> String? {
    switch result.outcome {
    case .phoneNumber: return nil
    case .error(let status):
      let reason = ErrorDetails(status.details).info?.reason ?? ""
      return reason.isEmpty ? status.message : "\(status.message) (\(reason))"
    case nil: return "The server gave no result."
    }
  }

  private static func bar(_ response: V1.BatchImportPhoneNumbersResponse) -> String {
    ProgressBar.text(
      done: Int(response.doneCount), of: Int(response.totalCount),
      ", \(response.failedCount) failed")
  }
}
