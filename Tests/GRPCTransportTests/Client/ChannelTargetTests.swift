import EventLoops
import Testing

@testable import GRPCTransport

@Suite struct ChannelTargetTests {
  /// The kind of what `text` names, as text.
  private func read(_ text: String) throws -> (kind: String, authority: String) {
    let target = try ChannelTarget(parsing: text)
    switch target.kind {
    case .name(let host, let port): return ("\(host) \(port)", target.authority)
    case .addresses(let addresses):
      return (addresses.map(\.description).joined(separator: " "), target.authority)
    }
  }

  @Test(
    arguments: [
      ("registry:50051", "registry 50051", "registry:50051"),
      ("registry", "registry 443", "registry:443"),
      ("dns:///registry.prod.svc:50051", "registry.prod.svc 50051", "registry.prod.svc:50051"),
      ("dns:registry:1", "registry 1", "registry:1"),
      ("dns:50051", "dns 50051", "dns:50051"),
      ("127.0.0.1:80", "ipv4:127.0.0.1:80", "127.0.0.1:80"),
      ("dns:///127.0.0.1:80", "ipv4:127.0.0.1:80", "127.0.0.1:80"),
      ("[::1]:80", "ipv6:[::1]:80", "[::1]:80"),
      ("::1", "ipv6:[::1]:443", "[::1]:443"),
      ("ipv4:127.0.0.1:80,127.0.0.2:81", "ipv4:127.0.0.1:80 ipv4:127.0.0.2:81", "127.0.0.1:80"),
      ("ipv4:127.0.0.1", "ipv4:127.0.0.1:443", "127.0.0.1:443"),
      ("ipv6:[::1]:80,[::2]:81", "ipv6:[::1]:80 ipv6:[::2]:81", "[::1]:80"),
      ("unix:/tmp/a.sock", "unix:/tmp/a.sock", "localhost"),
      ("unix:///tmp/a.sock", "unix:/tmp/a.sock", "localhost"),
      ("unix:a.sock", "unix:a.sock", "localhost"),
      ("unix-abstract:a", "unix-abstract:a", "localhost"),
    ])
  func readsTargets(_ text: String, _ kind: String, _ authority: String) throws {
    let found = try read(text)
    #expect(found.kind == kind)
    #expect(found.authority == authority)
  }

  @Test(
    arguments: [
      "", ":80", "dns:///", "dns://8.8.8.8/registry:1", "ipv4:registry:80", "ipv4:[::1]:80",
      "ipv4:127.0.0.1:80,", "ipv6:127.0.0.1:80", "unix:", "unix://relative", "xds:///service",
      "registry:port", "http://registry:80/", "[::1", "registry:99999",
      "ipv4:" + Array(repeating: "127.0.0.1:1", count: 129).joined(separator: ","),
    ])
  func refusesOthers(_ text: String) {
    #expect(throws: ChannelTarget.Malformed.self) { try ChannelTarget(parsing: text) }
  }
}
