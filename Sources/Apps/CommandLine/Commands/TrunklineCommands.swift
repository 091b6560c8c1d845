/// The command line of `trunkline`.
package enum TrunklineCommands {
  /// All commands. The CLI is a gRPC client and nothing else.
  package static let syntax = CommandSyntax<SessionAction>(
    .group(
      "trunkline", "Connects phone numbers to voice agents: the client of trunklined.",
      examples: [
        .init(
          "trunkline providers create --region us1 --account-sid AC… --api-key-sid SK… "
            + "--api-key-secret-file -",
          "Links a Twilio account; the secret is read from the standard input."),
        .init(
          "trunkline phone-numbers import +15005550006 --provider-id prv_…",
          "Makes the number's calls come to Trunkline."),
        .init(
          "trunkline phone-numbers assign pn_… my-agent", "Makes an agent answer the number."),
        .init("trunkline calls place +15005550007 --from pn_…", "Calls somebody."),
        .init(
          "trunkline tokens create --scopes numbers:read,calls:place --expires-in 90d",
          "Makes a token for a program that places calls."),
      ],
      appendix: .init(
        "Exit codes", ExitCode.allCases.map { (String($0.rawValue), $0.summary) }),
      options: Global.all,
      [providers, phoneNumbers, agents, softphones, calls, doctor, operations, tokens, audit]))
}
