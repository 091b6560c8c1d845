internal import API
internal import GRPC

extension TrunklineCommands {
  private static let id: Positional<String> = .required(
    "PROVIDER_ID", .text("PROVIDER_ID"), "The provider, prv_….")
  private static let countries: Option<[String]> = .list(
    "country", .text("CC"),
    "A country that is dialled, as US; several of them with commas or one option each. Without it "
      + "those of the provider's outbound numbers.")
  private static let numberLimit: Option<Int> = .value(
    "limit", .integer("N", in: 1...1000), default: "100",
    "Look at so many numbers at most, the newest first.")

  static let doctor = Command<SessionAction>.action(
    "doctor", "Looks for what keeps a provider's calls from coming and going.",
    discussion: "Asks the carrier and our own webhook listener, and changes nothing. Findings are "
      + "shown worst first, each with what was seen and what to do. Ends with 0 when none is an "
      + "error, else with 1.",
    examples: [
      .init("trunkline doctor prv_…", "Credentials, public URL, numbers, trunks."),
      .init("trunkline doctor prv_… --country US,GB", "And whether those may be dialled."),
    ],
    options: [countries, numberLimit], positionals: [id]
  ) { (arguments) throws(ArgumentError) in
    let request = V1.DiagnoseProviderRequest(
      providerID: try arguments.value(id),
      countries: try arguments.value(countries).map { $0.uppercased() },
      numberLimit: Int32(try arguments.value(numberLimit)))
    return SessionAction { (session) async throws(CommandFailure) in
      let client = V1.ProviderServiceClient(channel: session.channel)
      let answer = try await session.call(.whenUnavailable(requestID: nil)) {
        (options) async throws(RPCError) in
        try await client.diagnoseProvider(request, options: options)
      }
      try session.show(answer, text)
      if answer.leftOutNumberCount > 0 {
        session.console.printError("\(answer.leftOutNumberCount) numbers were not looked at.\n")
      }
      let errorCount = answer.findings.count { $0.severity == .error }
      if errorCount > 0 { throw .unhealthy(count: errorCount) }
    }
  }

  /// A paragraph for each finding.
  private static func text(_ answer: V1.DiagnoseProviderResponse) -> String {
    answer.findings.map { finding in
      let severity = shortName(finding.severity, prefix: "SEVERITY_")
      var record = Record()
      record.append(severity, "\(finding.code) \(subject(finding))")
      record.append("seen", finding.evidence)
      record.append("to do", finding.remedy)
      return record.text
    }.joined(separator: "\n")
  }

  private static func subject(_ finding: V1.DiagnosisFinding) -> String {
    switch finding.subject {
    case .providerID(let id), .phoneNumberID(let id): id
    case .country(let code): code
    case .trunkSID(let sid): sid
    case nil: ""
    }
  }
}
