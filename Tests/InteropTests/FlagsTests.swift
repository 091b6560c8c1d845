import Testing

@testable import Interop

@Suite struct FlagsTests {
  private func flags(_ arguments: String...) throws -> Flags {
    try Flags(arguments, names: ["server_host", "server_port"], switches: ["use_tls"])
  }

  @Test func everySpellingOfGRPCsOwnPrograms() throws {
    for spelt in [["--server_port=7"], ["--server_port", "7"], ["-server_port=7"]] {
      let flags = try Flags(spelt, names: ["server_port"], switches: [])
      #expect(try flags.integer("server_port", default: 1, in: 1...9) == 7)
    }
    #expect(try flags("--server-host=::1", "--use-tls")["server_host"] == "::1")
  }

  @Test func theLastValueCountsAndAnEmptyOneIsNone() throws {
    let given = try flags("--server_host=a", "--server_host=b")
    #expect(given["server_host"] == "b")
    #expect(given.all("server_host") == ["a", "b"])
    #expect(try flags("--server_host=")["server_host"] == nil)
    #expect(try flags().integer("server_port", default: 5, in: 1...9) == 5)
  }

  @Test func switches() throws {
    #expect(try flags("--use_tls").isOn("use_tls"))
    #expect(try flags("--use_tls=true").isOn("use_tls"))
    #expect(try !flags("--use_tls=false").isOn("use_tls"))
    #expect(try !flags().isOn("use_tls"))
    #expect(throws: Flags.Mistake.self) { try flags("--use_tls=perhaps").isOn("use_tls") }
  }

  @Test func mistakesAreNamed() throws {
    #expect(throws: Flags.Mistake("There is no flag --port.")) { try flags("--port=1") }
    #expect(throws: Flags.Mistake("--server_port lacks its value.")) { try flags("--server_port") }
    #expect(throws: Flags.Mistake("\"x\" is no flag.")) { try flags("x") }
    #expect(throws: Flags.Mistake("--server_port is 70; it is 1 to 9.")) {
      try flags("--server_port=70").integer("server_port", default: 1, in: 1...9)
    }
  }
}
