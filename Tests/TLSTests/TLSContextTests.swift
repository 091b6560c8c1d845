import TestKit
import Testing

@testable import TLS

@Suite struct TLSContextTests {
  private let authority = TestAuthority()

  @Test func aPairThatFitsIsTaken() throws {
    let issued = authority.issue(.server)
    let context = try TLSContext(server: .init(credentials: .init(issued)))
    let expiry = try #require(context.certificateExpiry)
    #expect(expiry > 1_700_000_000)
    #expect(try TLSContext(client: .init()).certificateExpiry == nil)
  }

  @Test func aChainIsTaken() throws {
    let issued = authority.issue(.server)
    let chain = issued.certificate + authority.certificate
    _ = try TLSContext(
      server: .init(credentials: .init(certificateChain: chain, privateKey: issued.key)))
  }

  @Test func whatCanNotBeUsedSaysWhy() {
    let issued = authority.issue(.server)
    let other = authority.issue(.server)
    let torn = Array(issued.certificate.dropLast(100))
    let noise = Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
    let cases: [([UInt8], [UInt8], TLSError)] = [
      (issued.certificate, other.key, .keyMismatch),
      ([], issued.key, .missing(.certificate)),
      (Array("nothing".utf8), issued.key, .missing(.certificate)),
      (issued.certificate, [], .missing(.privateKey)),
      (issued.certificate, issued.certificate, .missing(.privateKey)),
      (torn, issued.key, .malformed(.certificate, reason: "bad end line")),
      (noise, issued.key, .malformed(.certificate, reason: "wrong tag")),
    ]
    for (certificate, key, expected) in cases {
      #expect(throws: expected) {
        try TLSContext(
          server: .init(credentials: .init(certificateChain: certificate, privateKey: key)))
      }
    }
  }

  @Test func aKeyWithAPassphraseIsRefused() {
    let issued = authority.issue(.server)
    let head = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    let tail = "-----END ENCRYPTED PRIVATE KEY-----\n"
    // PKCS #8 with PBES2, AES-256-CBC, of nothing that matters: the passphrase is asked for first.
    let body = """
      MHcwYwYJKoZIhvcNAQUNMFYwNQYJKoZIhvcNAQUMMCgEEAABAgMEBQYHCAkKCwwNDg8CAggAMAwG
      CCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBAAAQIDBAUGBwgJCgsMDQ4PBBAAAQIDBAUGBwgJCgsM
      DQ4P

      """
    #expect(throws: TLSError.encryptedKey) {
      try TLSContext(
        server: .init(
          credentials: .init(
            certificateChain: issued.certificate, privateKey: Array((head + body + tail).utf8))))
    }
  }

  @Test func authoritiesMustBeCertificates() {
    let credentials = TLSCredentials(authority.issue(.server))
    for clients in [
      ClientVerification.require(authorities: []), .request(authorities: Array("x".utf8)),
    ] {
      #expect(throws: TLSError.missing(.authorities)) {
        try TLSContext(server: .init(credentials: credentials, clients: clients))
      }
    }
  }

  @Test func theFastCipherComesFirst() {
    let suites = ["AES_128", "AES_256", "CHACHA20"]
    #expect(ContextHandle.list(suites, isAESFast: true) == "AES_128:AES_256:CHACHA20")
    #expect(ContextHandle.list(suites, isAESFast: false) == "CHACHA20:AES_128:AES_256")
  }

  @Test func h2IsFoundInALPNLists() {
    func offset(_ list: [UInt8]) -> Int? {
      unsafe list.withUnsafeBufferPointer { unsafe ALPN.offset(ofH2In: $0) }
    }
    let h2: [UInt8] = [2, 0x68, 0x32]
    let http1: [UInt8] = [8] + Array("http/1.1".utf8)
    #expect(offset(h2) == 1)
    #expect(offset(http1 + h2) == 10)
    for list in [[], http1, [2, 0x68], [3] + Array("h2c".utf8), [200, 0x68, 0x32]] {
      #expect(offset(list) == nil, "\(list)")
    }
  }
}

extension TLSCredentials {
  init(_ issued: TestAuthority.Issued) {
    self.init(certificateChain: issued.certificate, privateKey: issued.key)
  }
}
