import GRPC
import Protobuf
import Testing
import WellKnown

struct MessageJSONTests {
  private let json: MessageJSON

  init() throws {
    json = try #require(MessageJSON(Google.Rpc.Status.self, Google.Rpc.ErrorInfo.self))
  }

  private func wire(_ text: String, ignoresUnknown: Bool = false) throws(RPCError) -> [UInt8] {
    try json.wire(ofRequest: Array(text.utf8), ignoresUnknown: ignoresUnknown)
  }

  @Test func requestBecomesTheWireFormat() throws {
    let status: Google.Rpc.Status = try MessageCoding.request(
      try wire(
        """
        {"code": 5, "message": "no ☎", "details": [
          {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "R"}]}
        """))
    #expect(status.code == 5)
    #expect(status.message == "no ☎")
    let info: Google.Rpc.ErrorInfo? = try status.details.first?.unpacked()
    #expect(info?.reason == "R")
    #expect(try wire("{}").isEmpty)
  }

  @Test(arguments: [
    ("", ""), ("{", ""), ("[]", ""), ("{\"code\": 1} x", ""), ("{\"code\": \"a\"}", "code"),
    ("{\"code\": 1, \"code\": 2}", "code"), ("{\"coed\": 1}", "coed"),
    ("{\"details\": [{\"@type\": \"x/no.Such\"}]}", ""),
  ])
  func mistakesAreTheCallers(text: String, field: String) throws {
    let error = #expect(throws: RPCError.self) { try wire(text) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.hasPrefix("The request is not a valid google.rpc.Status. ") == true)
    let bad: Google.Rpc.BadRequest? = try error?.details.last?.unpacked()
    #expect(bad?.fieldViolations.map(\.field) == [field])
  }

  @Test func textThatIsNotUTF8IsRefused() throws {
    let error = #expect(throws: RPCError.self) {
      try json.wire(ofRequest: [0x22, 0xff, 0x22], ignoresUnknown: false)
    }
    #expect(error?.code == .invalidArgument)
  }

  @Test func unknownMembersMayBePassedOver() throws {
    #expect(try wire("{\"coed\": 1}", ignoresUnknown: true).isEmpty)
  }

  @Test func responseBecomesJSON() throws {
    var info = Google.Rpc.ErrorInfo()
    info.reason = "R"
    info.metadata = ["k": "v"]
    let text = String(decoding: try json.json(ofResponse: info.serialized()), as: UTF8.self)
    #expect(text == "{\"reason\":\"R\",\"metadata\":{\"k\":\"v\"}}")
  }

  @Test func responseOfAnUnknownTypeIsOurFault() throws {
    let statuses = try #require(MessageJSON(Google.Rpc.Status.self, Google.Rpc.Status.self))
    var status = Google.Rpc.Status()
    status.details = [Google.Protobuf.`Any`(typeURL: "x/no.Such", value: [])]
    let error = #expect(throws: RPCError.self) {
      try statuses.json(ofResponse: status.serialized())
    }
    #expect(error?.code == .internal)
  }
}
