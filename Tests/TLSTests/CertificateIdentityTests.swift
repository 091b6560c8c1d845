import TestKit
import Testing

@testable import TLS

@Suite struct CertificateIdentityTests {
  private let authority = TestAuthority()

  private func identity(_ request: TestAuthority.Request) throws -> CertificateIdentity {
    let issued = authority.issue(request)
    return CertificateIdentity(try PEM.certificates(issued.certificate, .certificate)[0])
  }

  @Test func namesAreRead() throws {
    let identity = try identity(.client)
    #expect(identity.subject == "CN=client")
    #expect(identity.dnsNames == ["caller.example"])
    #expect(identity.uris == ["spiffe://example.org/caller"])
    #expect(identity.spiffeID == "spiffe://example.org/caller")
    #expect(try self.identity(.init("bare")).dnsNames.isEmpty)
  }

  @Test func aSpiffeIDIsTheOnlyURI() throws {
    var request = TestAuthority.Request("two")
    request.uris = ["spiffe://example.org/a", "https://example.org"]
    #expect(try identity(request).spiffeID == nil)
    request.uris = ["https://example.org"]
    #expect(try identity(request).spiffeID == nil)
    request.uris = ["spiffe://example.org/a", "spiffe://example.org/b"]
    #expect(try identity(request).spiffeID == nil)
  }

  @Test func namesAreBounded() throws {
    var request = TestAuthority.Request("many")
    request.dnsNames = (0..<200).map { "host-\($0).example" }
    #expect(try identity(request).dnsNames.count == CertificateIdentity.nameCountMax)
  }

  @Test(arguments: [
    "spiffe://example.org", "spiffe://example.org/a/b", "spiffe://a-b.c_d.9/A.b-c_9",
    "spiffe://example.org/ns/default/sa/agent",
  ])
  func spiffeIDs(_ uri: String) { #expect(SPIFFE.isID(uri)) }

  @Test(arguments: [
    "", "spiffe://", "spiffe:///a", "https://example.org", "SPIFFE://example.org",
    "spiffe://Example.org", "spiffe://example.org/", "spiffe://example.org/a/",
    "spiffe://example.org//a", "spiffe://example.org/./a", "spiffe://example.org/../a",
    "spiffe://example.org:80/a", "spiffe://user@example.org/a", "spiffe://example.org/a?b",
    "spiffe://example.org/a#b", "spiffe://example.org/%61", "spiffe://example.org/ä",
    "spiffe://" + String(repeating: "a", count: 256),
    "spiffe://a/" + String(repeating: "a", count: 2048),
  ])
  func noSpiffeIDs(_ uri: String) { #expect(!SPIFFE.isID(uri)) }
}
