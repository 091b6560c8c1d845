import CommandLine
import Testing

/// A small program with everything that a declaration can hold.
private enum Program {
  enum Color: String, Sendable { case red, green }

  static let server: Option<HostPort> = .value(
    "server", .address, default: "127.0.0.1:50051", environment: "PROGRAM_SERVER", "The server.")
  static let color: Option<Color> = .value(
    "color", .choice(["red": .red, "green": .green]), default: "red", letter: "c", "A color.")
  static let wait: Option<Duration?> = .optional(
    "wait", .duration(in: .zero ... .seconds(3600)), "How long.")
  static let force: Option<Bool> = .flag("force", letter: "f", "Asks nothing.")
  static let regions: Option<[String]> = .list("region", .text("REGION"), "Where.")
  static let urls: Option<[String: String]> = .map(
    "public-url", .text("REGION"), .text("URL"), commas: true, "What carriers call.")
  static let marks: Option<[String: String]> = .map(
    "mark", .text("KEY"), .anyText("VALUE"), commas: false, "A mark.")
  static let limit: Option<Int> = .required("limit", .integer("N", in: 1...10), "How many.")
  static let name: Positional<String> = .required("NAME", .text("NAME"), "A name.")
  static let others: Positional<[String]> = .rest("OTHER", .text("OTHER"), "More names.")
  static let perhaps: Positional<String?> = .optional("PERHAPS", .text("PERHAPS"), "Or not.")

  static let syntax = CommandSyntax<String>(
    .group(
      "program", "Does things.", options: [server],
      [
        .group(
          "things", "Handles things.",
          [
            .action(
              "make", "Makes a thing.", options: [color, wait, force], positionals: [name]
            ) { (arguments) throws(ArgumentError) in
              let wait = try arguments.value(wait).map { " \($0)" } ?? ""
              let force = try arguments.value(force) ? " by force" : ""
              return
                "\(try arguments.value(color)) \(try arguments.value(name))\(wait)\(force)"
            },
            .action(
              "list", "Lists things.", options: [regions, urls, marks], positionals: [perhaps]
            ) { (arguments) throws(ArgumentError) in
              let urls = try arguments.value(urls).sorted { $0.key < $1.key }
              let marks = try arguments.value(marks).sorted { $0.key < $1.key }
              let pairs = (urls + marks).map { "\($0.key):\($0.value)" }
              let words = try arguments.value(regions) + pairs
              return (words + [try arguments.value(perhaps) ?? "nothing"]).joined(separator: " ")
            },
          ]),
        .action("join", "Joins.", options: [limit], positionals: [name, others]) {
          (arguments) throws(ArgumentError) in
          let all = [try arguments.value(name)] + (try arguments.value(others))
          return "\(try arguments.value(limit)) \(all.joined(separator: "+"))"
        },
      ]))
}

/// What came of a command line: the action's text, the help's first line, or the error's text.
private func outcome(_ line: String, _ environment: [String: String] = [:]) -> String {
  do throws(ArgumentError) {
    let arguments = line.split(separator: " ").map(String.init)
    switch try Program.syntax.parse(arguments, environment: environment) {
    case .run(let text, _): return text
    case .help(let text): return "help: " + (text.split(separator: "\n").first ?? "")
    case .version: return "version"
    }
  } catch {
    return error.description
  }
}

@Suite struct CommandParserTests {
  @Test(arguments: [
    ("things make ball", "red ball"),
    ("things make ball --color green", "green ball"),
    ("things make --color=green ball", "green ball"),
    ("things make -c green ball -f", "green ball by force"),
    ("things make ball --force=false", "red ball"),
    ("things make ball --wait 1m30s", "red ball 90.0 seconds"),
    ("things make -- --ball", "red --ball"),
    ("things make -", "red -"),
    ("--server h:1 things make ball", "red ball"),
    ("things make --server h:1 ball", "red ball"),
    ("things list", "nothing"),
    ("things list it --region a,b --region c", "a b c it"),
    ("things list --public-url b=2=3,a=1", "a:1 b:2=3 nothing"),
    ("things list --mark a=1,2 --mark b=", "a:1,2 b: nothing"),
    ("join --limit 3 a b c", "3 a+b+c"),
  ])
  func understands(_ line: String, _ expected: String) {
    #expect(outcome(line) == expected)
  }

  @Test(arguments: [
    ("", "\"program\" needs a command after it."),
    ("things", "\"program things\" needs a command after it."),
    ("thing", "There is no command \"thing\" here. Did you mean things?"),
    ("fly", "There is no command \"fly\" here."),
    ("things make ball --colour red", "There is no option --colour here. Did you mean --color?"),
    ("--color red things make", "There is no option --color here."),
    ("things make ball --color", "--color needs a value: --color red|green."),
    ("things make ball --color --force", "--color needs a value: --color red|green."),
    ("things make ball --color blue", "--color: One of red, green is expected."),
    (
      "things make ball --color gren",
      "--color: One of red, green is expected. Did you mean green?"
    ),
    ("things make ball --color red -c red", "--color may be given once."),
    ("things make", "NAME is required."),
    ("things make a b", "One argument is expected here; there are more."),
    (
      "things make a --wait 5",
      "--wait: A time with a unit is expected, as in 500ms, 30s, 5m, 2h or 1m30s."
    ),
    (
      "things make a --wait 2h",
      "--wait: A time from 0.0 seconds to 3600.0 seconds is expected."
    ),
    ("things make a --force=perhaps", "--force: true or false is expected."),
    ("things list --mark a", "--mark: KEY=VALUE is expected."),
    ("things list --mark a=1 --mark a=2", "--mark: A name stands twice."),
    ("things list --region a,,b", "--region: The value is empty."),
    ("join a b", "--limit is required."),
    ("join --limit 11 a b", "--limit: A whole number from 1 to 10 is expected."),
    ("join --limit 1 a", "OTHER is required."),
    ("things make a -x", "There is no option -x here."),
  ])
  func refuses(_ line: String, _ expected: String) {
    #expect(outcome(line) == expected)
  }

  @Test(arguments: [
    ("--help", "help: Does things."),
    ("-h", "help: Does things."),
    ("help", "help: Does things."),
    ("help things make", "help: Makes a thing."),
    ("things --help", "help: Handles things."),
    ("things make --help", "help: Makes a thing."),
    ("things make a b c --help", "help: Makes a thing."),
    ("--version", "version"),
  ])
  func helps(_ line: String, _ expected: String) {
    #expect(outcome(line) == expected)
  }

  @Test func readsTheEnvironmentAfterTheCommandLine() throws {
    func server(_ line: String, _ environment: [String: String]) throws -> String {
      let words = line.split(separator: " ").map(String.init)
      let parsed = try Program.syntax.parse(words, environment: environment)
      guard case .run(_, let arguments) = parsed else { return "" }
      return try arguments.value(Program.server).description
    }
    #expect(try server("things list", [:]) == "127.0.0.1:50051")
    #expect(try server("things list", ["PROGRAM_SERVER": "h:1"]) == "h:1")
    #expect(try server("things list", ["PROGRAM_SERVER": ""]) == "127.0.0.1:50051")
    #expect(try server("--server i:2 things list", ["PROGRAM_SERVER": "h:1"]) == "i:2")
    #expect(throws: ArgumentError.self) { try server("things list", ["PROGRAM_SERVER": "h"]) }
  }

  @Test func derivesVariablesFromAPrefix() throws {
    let directory: Option<String?> = .optional("data-dir", .text("PATH"), "Where data is.")
    let insecure: Option<Bool> = .flag("insecure", "No TLS.")
    let syntax = CommandSyntax<String>(
      .action("serve", "Serves.", options: [directory, insecure]) {
        (arguments) throws(ArgumentError) in
        "\(try arguments.value(directory) ?? "-") \(try arguments.value(insecure))"
      }, environmentPrefix: "TRUNKLINE_")
    let environment = ["TRUNKLINE_DATA_DIR": "/data", "TRUNKLINE_INSECURE": "1"]
    guard case .run(let text, _) = try syntax.parse([], environment: environment) else {
      Issue.record("not run")
      return
    }
    #expect(text == "/data true")
    let wrong = ArgumentError.badValue(
      source: "TRUNKLINE_INSECURE", problem: "true or false is expected.")
    #expect(throws: wrong) {
      try syntax.parse([], environment: ["TRUNKLINE_INSECURE": "maybe"])
    }
  }

  @Test func neverQuotesAValue() {
    let lines = [
      "things make a --color s3cret", "things make a --wait s3cret", "things list --mark s3cret",
      "things make a s3cret", "--server s3cret things list",
    ]
    for line in lines { #expect(!outcome(line).contains("s3cret")) }
  }

  @Test func pointsToTheHelpOfTheCommand() {
    #expect(Program.syntax.hint(for: ["things", "make", "x"]) == "See program things make --help.")
    #expect(Program.syntax.hint(for: ["--server", "x"]) == "See program --help.")
  }
}

@Suite struct HostPortTests {
  @Test(arguments: [
    ("127.0.0.1:50051", "127.0.0.1", 50051 as UInt16), ("[::1]:80", "::1", 80),
    ("name:0", "name", 0),
  ])
  func parses(_ text: String, _ host: String, _ port: UInt16) {
    #expect(HostPort(text) == HostPort(host: host, port: port))
    #expect(HostPort(text)?.description == text)
  }

  @Test(arguments: [
    "", "host", ":1", "host:", "host:65536", "host:-1", "::1:80", "host:1x", "[]:1",
  ])
  func refuses(_ text: String) {
    #expect(HostPort(text) == nil)
  }
}
