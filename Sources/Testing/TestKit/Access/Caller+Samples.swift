package import Access
package import GRPC
package import Telephony

extension Caller {
  /// An administrator of `tenant`, by a token, who calls from afar.
  package static func of(_ tenant: TenantID) -> Caller {
    Caller(
      tenant: tenant, principal: .token(APITokenID(bits: 0xa11)), scopes: Scopes(.admin),
      peer: "ipv4:192.0.2.1:40000", method: "trunkline.v1.TestService/Test",
      traceID: "4bf92f3577b34da6a3ce929d0e0e4736")
  }
}

/// Lets every call in, as one caller.
package struct AdmittingAll: CallAdmission {
  private let caller: Caller

  package init(as caller: Caller) { self.caller = caller }

  package func verdict(on call: AdmissionRequest) -> AdmissionVerdict { .admitted(caller) }
}
