package import Protobuf

extension TypeRegistry {
  /// The types of `google.protobuf` and `google.rpc`: what an `Any` of an error's details holds.
  package static let wellKnown = TypeRegistry([
    Google.Protobuf.`Any`.self, Google.Protobuf.Duration.self, Google.Protobuf.Empty.self,
    Google.Protobuf.FieldMask.self, Google.Protobuf.Struct.self, Google.Protobuf.Value.self,
    Google.Protobuf.ListValue.self, Google.Protobuf.Timestamp.self,
    Google.Protobuf.DoubleValue.self, Google.Protobuf.FloatValue.self,
    Google.Protobuf.Int64Value.self, Google.Protobuf.UInt64Value.self,
    Google.Protobuf.Int32Value.self, Google.Protobuf.UInt32Value.self,
    Google.Protobuf.BoolValue.self, Google.Protobuf.StringValue.self,
    Google.Protobuf.BytesValue.self,
    Google.Rpc.Status.self, Google.Rpc.ErrorInfo.self, Google.Rpc.RetryInfo.self,
    Google.Rpc.DebugInfo.self, Google.Rpc.QuotaFailure.self, Google.Rpc.PreconditionFailure.self,
    Google.Rpc.BadRequest.self, Google.Rpc.RequestInfo.self, Google.Rpc.ResourceInfo.self,
    Google.Rpc.Help.self, Google.Rpc.LocalizedMessage.self,
  ])
}
