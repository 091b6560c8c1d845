/// What a server serves. Generated protocols refine it; a type of ours implements those.
package protocol Service: Sendable {
  /// The service's full name, as in "trunkline.v1.AgentService".
  static var name: String { get }

  /// A serialized google.protobuf.FileDescriptorSet with the service's file and all its imports.
  static var fileDescriptorSet: [UInt8] { get }

  /// What a caller of a method must be allowed to do, by the method's name; what the names mean is
  /// the application's matter. A method that is missing has no such requirement in its contract.
  static var requiredScopes: [String: String] { get }

  /// Adds each method to `router`.
  func register(in router: inout Router)
}

extension Service {
  package static var requiredScopes: [String: String] { [:] }
}
