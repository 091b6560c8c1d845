import Buffers
import GRPC
import Testing

@testable import GRPCTransport

/// Base64 in pieces must be what it is in one, and what ``GRPC/Base64`` makes of each group.
struct Base64StreamTests {
  /// What the groups of four stand for, one after another; `nil` if one of them is not base64.
  private static func reference(_ text: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: text.count - text.count % 4, by: 4) {
      guard let group = Base64.decode(text[start..<(start + 4)]) else { return nil }
      bytes += group
    }
    return bytes
  }

  /// `nil` if a piece was refused.
  private static func decoded(_ pieces: [ArraySlice<UInt8>]) -> (bytes: [UInt8], isWhole: Bool)? {
    var stream = Base64Stream()
    var output = ByteWriter()
    for piece in pieces {
      guard Array(piece).withBytes({ stream.decode($0, into: &output) }) else { return nil }
    }
    return (output.array(), stream.isWhole)
  }

  @Test(arguments: [
    "", "TQ==", "TWE=", "TWFu", "TWFuTQ==TWE=TWFu", "TWFuTWFuTWFuTWFu", "TR==TWFu", "T", "TW",
    "TWF", "TWFuTQ", "====", "T===", "=TWF", "TW=F", "TQ=T", "TWF-", "TW Fu", "TWFuTW\u{0}u",
    "TWFu!WFu",
    "TWFuTWFuTQ==TQ==TWF_", "++//++//", "TWFuT===",
  ])
  func everySplitIsTheSame(text: String) {
    let text = Array(text.utf8)
    let expected = Self.reference(text)
    for first in 0...text.count {
      for second in first...text.count {
        let found = Self.decoded([
          text[..<first], text[first..<second], text[second...],
        ])
        #expect(found?.bytes == expected, "split at \(first) and \(second)")
        if let found { #expect(found.isWhole == (text.count % 4 == 0)) }
      }
    }
    #expect(Self.decoded(text.indices.map { text[$0...$0] })?.bytes == expected)
  }

  @Test func everyByteIsJudgedInEveryPlaceOfAGroup() {
    for byte in UInt8.min...UInt8.max {
      for place in 0..<4 {
        var text = Array("TWFuTWFuTWFu".utf8)
        text[4 + place] = byte
        #expect(Self.decoded([text[...]])?.bytes == Self.reference(text), "\(byte) at \(place)")
      }
    }
  }

  @Test func whatIsRefusedAppendsNothing() {
    var writer = ByteWriter()
    writer.append(7)
    #expect(!Array("TWFuTWF-".utf8).withBytes { writer.append(base64: $0) })
    #expect(writer.array() == [7])
  }
}
