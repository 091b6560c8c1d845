internal import API
internal import Foundation
internal import LiveKitAPI
internal import Protobuf
internal import TestAPI
internal import WellKnown

/// Decodes what another implementation encoded, and encodes it again, until its input ends.
///
/// A request is the form of the message (`w` wire, `j` JSON), the full name of its type and its
/// bytes; an answer is `0` and the message on the wire and in JSON, or `1` and the error and
/// nothing. The name and each part of bytes follow their length, four bytes, big-endian.
@main struct Main {
  private static let types = TypeRegistry(
    WellKnownSchema.messageTypes + APISchema.messageTypes + LiveKitAPISchema.messageTypes
      + TestAPISchema.messageTypes)

  static func main() throws {
    let input = FileHandle.standardInput
    let output = FileHandle.standardOutput
    while let form = try input.read(upToCount: 1)?.first {
      let name = String(decoding: try part(input), as: UTF8.self)
      let body = try part(input)
      var answer: [UInt8]
      do {
        let (wire, json) = try answerTo(form, name, body)
        answer = [0] + framed(wire) + framed(Array(json.utf8))
      } catch {
        answer = [1] + framed(Array("\(error)".utf8)) + framed([])
      }
      try output.write(contentsOf: Data(answer))
    }
  }

  private static func answerTo(
    _ form: UInt8, _ name: String, _ body: [UInt8]
  ) throws -> ([UInt8], String) {
    guard let type = types.type(at: "/" + name) else {
      throw JSONError.unknownType(url: name)
    }
    return try recoded(type, form == UInt8(ascii: "j"), body)
  }

  private static func recoded<M: GeneratedMessage>(
    _ type: M.Type, _ isJSON: Bool, _ body: [UInt8]
  ) throws -> ([UInt8], String) {
    let options = JSONOptions(types: types)
    let message = isJSON ? try M(json: body, options: options) : try M(serialized: body)
    let wire = message.serialized()
    precondition(wire.count == message.serializedSize, "two sizes of one message")
    return (wire, try message.json(options))
  }

  private static func part(_ input: FileHandle) throws -> [UInt8] {
    let length = try exactly(4, input).reduce(0) { $0 << 8 | Int($1) }
    return try exactly(length, input)
  }

  private static func exactly(_ count: Int, _ input: FileHandle) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      guard let more = try input.read(upToCount: count - bytes.count), !more.isEmpty else {
        throw DecodingError.malformed
      }
      bytes += more
    }
    return bytes
  }

  private static func framed(_ bytes: [UInt8]) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (24 - $0 * 8)) } + bytes
  }
}
