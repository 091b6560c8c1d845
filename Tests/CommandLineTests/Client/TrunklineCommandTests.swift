import CommandLine
import GRPC
import Testing

@Suite struct TrunklineCommandTests {
  private static let groups = [
    "providers": ["create", "ls", "get", "update", "delete", "validate", "numbers"],
    "phone-numbers": [
      "import", "ls", "get", "update", "assign", "unassign", "usage", "delete",
    ],
    "agents": ["create", "ls", "get", "update", "delete"],
    "calls": ["place", "ls", "get", "watch", "hangup"],
    "tokens": ["create", "ls", "revoke"], "audit": ["ls"],
  ]

  @Test func everyCommandHasHelp() async {
    let harness = CommandHarness()
    for (group, commands) in Self.groups {
      for line in [group] + commands.map({ "\(group) \($0)" }) {
        let outcome = await harness.run("\(line) --help")
        #expect(outcome.status == .success)
        #expect(outcome.output.contains("Usage: trunkline \(line) [options]"))
        #expect(outcome.output.contains("--server HOST:PORT"))
        for text in outcome.output.split(separator: "\n") where !text.contains("  trunkline ") {
          #expect(text.count <= 88, "\(text)")
        }
      }
    }
  }

  @Test func helpListsCommandsAndExitCodes() async {
    let text = await CommandHarness().run("--help").output
    for group in Self.groups.keys { #expect(text.contains("  \(group) ")) }
    #expect(text.contains("  6   Something else has to be done first.\n"))
  }

  @Test func showsTheHelpOfImport() async {
    #expect(
      await CommandHarness().run("phone-numbers import --help").output == """
        Makes the calls of a number come to Trunkline.

        The carrier's present settings are kept; delete puts them back. In place of
        --provider-id an account, its region and its credentials find the provider, or make it.
        With --from-file numbers that fail do not hinder the others, and --request-id resumes
        what was cut.

        Usage: trunkline phone-numbers import [options] [NUMBER]

        Arguments:
          NUMBER  The number in E.164 form, +15005550006.

        Options:
          --provider-id prv_…         The provider whose account holds the number.
          --account-sid AC…           The Twilio account or sub-account.
          --region us1|ie1|au1        The region of the credentials, beside --account-sid.
          --api-key-sid SK…           An API key of the provider's region.
          --api-key-secret-file PATH  The file with the API key's secret; - is the standard
                                      input. TRUNKLINE_API_KEY_SECRET in the environment may
                                      hold the secret itself.
          --auth-token-file PATH      The file with the account's Auth Token; - is the standard
                                      input. For a new provider TRUNKLINE_AUTH_TOKEN in the
                                      environment may hold the token itself.
          --label TEXT                A name for people.
          --labels KEY=VALUE,…        Marks of your own. An update replaces them all; an empty
                                      text removes them. [may be repeated]
          --no-inbound                Leave the number's inbound calls where they go today.
          --no-outbound               Place no calls from the number.
          --assign-to ASSIGNEE_ID     The agent or the softphone, sph_…, that is to answer.
          --ingress webhook|trunk|sip
                                      How its calls come and go: the carrier asks a webhook, or
                                      a SIP trunk at the carrier leads to a gateway. The default
                                      is the webhook, and sip for a number of a sip-trunk
                                      provider.
          --gateway prv_…             The LiveKit provider that a trunk leads to.
          --from-file PATH            Import many: a line for each number, NUMBER or
                                      NUMBER,LABEL; - is the standard input.
          --request-id ID             Repeats an earlier request safely. Without it a new id is
                                      made.
          --validate-only             Check everything, at the carrier too, and change nothing.
          -h, --help                  Prints this.

        Options of every command:
          -s, --server HOST:PORT   Where trunklined listens. [default: 127.0.0.1:50051;
                                   TRUNKLINE_SERVER]
          -o, --output table|json  Tables for people, or proto3 JSON for programs: one object on
                                   a line. [default: table; TRUNKLINE_OUTPUT]
          --timeout TIME           How long the command may take. Without it as long as the
                                   server needs. [TRUNKLINE_TIMEOUT]
          --token TOKEN            The API token, trk_…. Others on this machine can see a
                                   command line: --token-file and the environment keep it from
                                   them. [TRUNKLINE_TOKEN]
          --token-file PATH        The file with the API token; - is the standard input.
                                   [TRUNKLINE_TOKEN_FILE]
          --tls                    Speak TLS, and trust the system's authorities.
                                   [TRUNKLINE_TLS]
          --tls-ca PATH            Speak TLS, and trust the authorities in this file (PEM)
                                   instead. [TRUNKLINE_TLS_CA]
          --tls-cert PATH          Speak TLS, and show this certificate (PEM).
                                   [TRUNKLINE_TLS_CERT]
          --tls-key PATH           The certificate's key (PEM). [TRUNKLINE_TLS_KEY]
          --insecure               Send the token without TLS to another machine, where others
                                   may read it on the way. [TRUNKLINE_INSECURE]

        """)
  }

  @Test func printsTheVersion() async {
    #expect(await CommandHarness().run("--version").output == "trunkline 1.2.3\n")
  }

  @Test func explainsAWrongCommandLine() async {
    let outcome = await CommandHarness().run("phone-numbers imprt")
    #expect(outcome.status == .usage)
    #expect(
      outcome.errors == """
        error: There is no command "imprt" here. Did you mean import?
          See trunkline phone-numbers --help.

        """)
  }

  @Test func saysWhereTheServerShouldBe() async {
    let outcome = await CommandHarness().run("agents ls --server down:1")
    #expect(outcome.status == .unavailable)
    #expect(
      outcome.errors == """
        error: No connection to down:1. (UNAVAILABLE)
          Does trunklined listen on down:1? --server names another address.

        """)
  }

  @Test func saysWhenTheServerIsOlder() async {
    let outcome = await CommandHarness().run("agents ls")
    #expect(outcome.status == .fault)
    #expect(outcome.errors.contains("The server at 127.0.0.1:50051 is older"))
  }

  @Test func mapsEveryStatus() {
    let expected: [StatusCode: ExitCode] = [
      .ok: .success, .cancelled: .unavailable, .unknown: .fault, .invalidArgument: .invalid,
      .deadlineExceeded: .unavailable, .notFound: .notFound, .alreadyExists: .conflict,
      .permissionDenied: .denied, .resourceExhausted: .limit, .failedPrecondition: .precondition,
      .aborted: .conflict, .outOfRange: .invalid, .unimplemented: .fault, .internal: .fault,
      .unavailable: .unavailable, .dataLoss: .fault, .unauthenticated: .denied,
    ]
    for code in StatusCode.allCases { #expect(ExitCode(code) == expected[code]) }
  }
}
