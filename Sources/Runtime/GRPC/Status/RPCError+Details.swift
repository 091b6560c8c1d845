internal import Buffers
internal import Protobuf
package import WellKnown

extension RPCError {
  /// The value of `grpc-status-details-bin`: google.rpc.Status in base64, with as many of the
  /// details, from the first on, as fit in `sizeMax` characters. `nil` if there are none.
  package func encodedDetails(sizeMax: Int) -> String? {
    var status = Google.Rpc.Status(self)
    while !status.details.isEmpty {
      let bytes = MessageCoding.bytes(status)
      if (bytes.count * 4 + 2) / 3 <= sizeMax { return Base64.encode(bytes, .unpadded) }
      status.details.removeLast()
    }
    return nil
  }

  /// Takes the details from the bytes of a google.rpc.Status; what is none leaves the error as it
  /// is.
  package mutating func takeDetails(encoded bytes: [UInt8]) {
    let status: Google.Rpc.Status? = try? MessageCoding.response(bytes)
    if let status { details = status.details }
  }
}

extension Google.Rpc.Status {
  /// The error as a message: its code, text and all details.
  package init(_ error: RPCError) {
    self.init(code: Int32(error.code.rawValue), message: error.message, details: error.details)
  }
}
