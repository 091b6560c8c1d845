import API
import CommandLine
import GRPC
import Testing

@Suite struct AgentCommandTests {
  private func harness(_ requests: Requests<V1.CreateAgentRequest>) -> CommandHarness {
    CommandHarness(files: ["password": "pa55\n"]) { router in
      router.answer(V1.AgentServiceMethods.createAgent, requests) { request, _ in
        V1.CreateAgentResponse(agent: request.agent)
      }
    }
  }

  @Test func createsWithConnectionsByRegion() async {
    let requests = Requests<V1.CreateAgentRequest>()
    let outcome = await harness(requests).run(
      "agents create desk --media-stream wss://a.example.com/x --media-stream "
        + "ie1=wss://b.example.com/y --parameter lang=en --sip au1=sip:desk@c.example.com "
        + "--sip-username desk --sip-password-file password")
    #expect(outcome.status == .success)
    let connections = requests.last?.agent?.connections ?? []
    #expect(connections.map(\.region) == [.unspecified, .ie1, .au1])
    #expect(
      connections.map(\.endpoint) == [
        .mediaStream(.init(url: "wss://a.example.com/x", parameters: ["lang": "en"])),
        .mediaStream(.init(url: "wss://b.example.com/y", parameters: ["lang": "en"])),
        .sip(.init(uri: "sip:desk@c.example.com", username: "desk", password: "pa55")),
      ])
    #expect(!outcome.output.contains("pa55"))
  }

  @Test func keepsEqualsSignsOfAnAddress() async {
    let requests = Requests<V1.CreateAgentRequest>()
    _ = await harness(requests).run("agents create desk --sip sip:a@b.example.com;transport=tls")
    #expect(
      requests.last?.agent?.connections.first?.endpoint
        == .sip(.init(uri: "sip:a@b.example.com;transport=tls")))
  }

  @Test(arguments: [
    ("agents create desk", "An agent needs --media-stream or --sip"),
    ("agents create desk --sip sip:a@b --parameter a=b", "--parameter needs --media-stream"),
    ("agents create desk --media-stream wss://a --sip-username b", "--sip-username and"),
    ("agents create desk --media-stream eu1=wss://a", "--media-stream: One of us1, ie1, au1"),
    ("agents update desk", "Nothing to change"),
  ])
  func refuses(_ line: String, _ expected: String) async {
    let outcome = await harness(Requests()).run(line)
    #expect(outcome.status == .usage)
    #expect(outcome.errors.hasPrefix("error: \(expected)"))
  }
}
