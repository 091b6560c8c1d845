import CommandLine
import Testing

@Suite struct HelpTextTests {
  private static let output: Option<String> = .value(
    "output", .choice(["table": "table", "json": "json"]), default: "table", letter: "o",
    environment: "PROGRAM_OUTPUT", "How to print.")
  private static let labels: Option<[String: String]> = .map(
    "label", .text("KEY"), .anyText("VALUE"), commas: false,
    "A mark of your own, which is kept with the thing and shown with it wherever it is shown.")
  private static let region: Option<String> = .required("region", .text("REGION"), "Where.")
  private static let name: Positional<String> = .required("NAME", .text("NAME"), "A name.")
  private static let syntax = CommandSyntax<Int>(
    .group(
      "program", "Does things.", options: [output],
      [
        .action(
          "make", "Makes a thing.", discussion: "Things are made once.\nThen they are there.",
          examples: [.init("program make ball --region us1", "Makes a ball.")],
          options: [region, labels], positionals: [name]
        ) { (_) throws(ArgumentError) in 0 }
      ]))

  private func help(_ words: String...) throws -> String {
    guard case .help(let text) = try Self.syntax.parse(words + ["--help"], environment: [:]) else {
      return ""
    }
    return text
  }

  @Test func showsAGroup() throws {
    #expect(
      try help() == """
        Does things.

        Usage: program [options] COMMAND

        Commands:
          make  Makes a thing.

        Options:
          -o, --output table|json  How to print. [default: table; PROGRAM_OUTPUT]
          -h, --help               Prints this.
          --version                Prints the version.

        """)
  }

  @Test func showsAnAction() throws {
    #expect(
      try help("make") == """
        Makes a thing.

        Things are made once.

        Then they are there.

        Usage: program make [options] --region REGION NAME

        Arguments:
          NAME  A name.

        Options:
          --region REGION    Where. [required]
          --label KEY=VALUE  A mark of your own, which is kept with the thing and shown with it
                             wherever it is shown. [may be repeated]
          -h, --help         Prints this.

        Options of every command:
          -o, --output table|json  How to print. [default: table; PROGRAM_OUTPUT]

        Examples:
          program make ball --region us1
              Makes a ball.

        """)
  }
}
