package import Protobuf
internal import WellKnown

/// A method's messages in JSON (ProtoJSON Format), for transports that speak it: its types are in
/// its closures. Both ways cost a decoding and an encoding, on the caller's thread.
package struct MessageJSON: Sendable {
  private let decode: @Sendable ([UInt8], JSONOptions) throws(RPCError) -> [UInt8]
  private let encode: @Sendable ([UInt8]) throws(RPCError) -> [UInt8]

  /// `nil` when one of the types has no JSON form; all that the generator wrote have one.
  package init?(_ request: any Message.Type, _ response: any Message.Type) {
    guard let request = request as? any GeneratedMessage.Type,
      let response = response as? any GeneratedMessage.Type
    else { return nil }
    decode = { (json, options) throws(RPCError) in try Self.decode(request, json, options) }
    encode = { (wire) throws(RPCError) in try Self.encode(response, wire) }
  }

  /// The wire format of a request that came as JSON; a mistake in it is INVALID_ARGUMENT.
  ///
  /// `ignoresUnknown` passes over members that are no field, as a client may send whose contract
  /// is newer.
  package func wire(
    ofRequest json: [UInt8], ignoresUnknown: Bool
  ) throws(RPCError) -> [UInt8] {
    try decode(json, JSONOptions(ignoresUnknown: ignoresUnknown, types: .wellKnown))
  }

  /// The JSON form of a response in the wire format. INTERNAL if it holds what JSON can't, such as
  /// an `Any` of a type that nobody here knows.
  package func json(ofResponse wire: [UInt8]) throws(RPCError) -> [UInt8] {
    try encode(wire)
  }

  private static func decode<Request: GeneratedMessage>(
    _ type: Request.Type, _ json: [UInt8], _ options: JSONOptions
  ) throws(RPCError) -> [UInt8] {
    do throws(JSONError) {
      return MessageCoding.bytes(try Request(json: json, options: options))
    } catch {
      throw RPCError(undecodable: error, as: Request.fullName)
    }
  }

  private static func encode<Response: GeneratedMessage>(
    _ type: Response.Type, _ wire: [UInt8]
  ) throws(RPCError) -> [UInt8] {
    let response: Response = try MessageCoding.response(wire)
    var writer = JSONWriter(options: JSONOptions(types: .wellKnown))
    do throws(JSONError) {
      try response.write(to: &writer)
    } catch {
      throw RPCError(.internal, "The response has no JSON form. \(error)")
    }
    return writer.bytes
  }
}
