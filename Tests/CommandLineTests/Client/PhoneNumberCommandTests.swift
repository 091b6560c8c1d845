import API
import CommandLine
import GRPC
import Protobuf
import Testing
import WellKnown

@Suite struct PhoneNumberCommandTests {
  private static let stored = V1.PhoneNumber.with { number in
    number.id = "pn_1"
    number.label = "Front desk"
    number.address = .e164("+15005550006")
    number.providerID = "prv_1"
    number.region = .us1
    number.supportsInbound = true
    number.supportsOutbound = true
    number.assignee = .agentID("desk")
    number.state = .active
  }

  @Test func imports() async {
    let requests = Requests<V1.ImportPhoneNumberRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.PhoneNumberServiceMethods.importPhoneNumber, requests) { _, _ in
        V1.ImportPhoneNumberResponse(phoneNumber: Self.stored)
      }
    }
    let line = "phone-numbers import +15005550006 --provider-id prv_1 --no-outbound --label Desk"
    #expect(await harness.run(line).status == .success)
    let request = requests.last
    #expect(request?.e164 == "+15005550006")
    #expect(request?.supportsInbound == nil)
    #expect(request?.supportsOutbound == false)
    #expect(request?.requestID == "request-1")
  }

  @Test func importsByTrunk() async {
    let requests = Requests<V1.ImportPhoneNumberRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.PhoneNumberServiceMethods.importPhoneNumber, requests) { _, _ in
        var number = Self.stored
        number.ingress = .trunk
        number.gatewayProviderID = "prv_2"
        number.resources = [
          V1.PhoneNumber.Resource(
            type: .gatewayInboundTrunk, name: "trunkline-pn_1", externalID: "ST_1")
        ]
        return V1.ImportPhoneNumberResponse(phoneNumber: number)
      }
    }
    let line = "phone-numbers import +15005550006 --provider-id prv_1"
    let outcome = await harness.run(line + " --ingress trunk --gateway prv_2")
    #expect(outcome.status == .success)
    #expect(requests.last?.ingress == .trunk)
    #expect(requests.last?.gatewayProviderID == "prv_2")
    #expect(outcome.output.contains("gateway_inbound_trunk ST_1"))
    for options in [" --ingress trunk", " --gateway prv_2", " --ingress webhook --gateway prv_2"] {
      #expect(await harness.run(line + options).status == .usage, "\(options)")
    }
  }

  @Test func importsWithCredentials() async {
    let requests = Requests<V1.ImportPhoneNumberRequest>()
    let harness = CommandHarness(files: ["secret": "s3cret\n"]) { router in
      router.answer(V1.PhoneNumberServiceMethods.importPhoneNumber, requests) { _, _ in
        V1.ImportPhoneNumberResponse(phoneNumber: Self.stored)
      }
    }
    let line = "phone-numbers import +15005550006 --account-sid AC1 --region ie1 --api-key-sid SK1"
    let outcome = await harness.run(line + " --api-key-secret-file secret")
    #expect(outcome.status == .success)
    #expect(requests.last?.providerID == "")
    #expect(requests.last?.provider?.region == .ie1)
    let twilio = V1.Provider.Twilio(
      accountSID: "AC1", apiKeySID: "SK1", apiKeySecret: "s3cret")
    #expect(requests.last?.provider?.config == .twilio(twilio))
    #expect(!(outcome.output + outcome.errors).contains("s3cret"))
  }

  @Test func importsWithAProviderOrCredentials() async {
    let harness = CommandHarness()
    for options in [
      "", " --provider-id prv_1 --account-sid AC1 --region us1", " --account-sid AC1",
      " --provider-id prv_1 --region us1", " --provider-id prv_1 --auth-token-file x",
    ] {
      let outcome = await harness.run("phone-numbers import +15005550006" + options)
      #expect(outcome.status == .usage, "\(options)")
    }
  }

  @Test func listsByTypeAndAgent() async {
    let requests = Requests<V1.ListPhoneNumbersRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.PhoneNumberServiceMethods.listPhoneNumbers, requests) { _, _ in
        V1.ListPhoneNumbersResponse(phoneNumbers: [Self.stored, .init(id: "pn_2")])
      }
    }
    let outcome = await harness.run("phone-numbers ls --type twilio --agent-id desk --state active")
    #expect(
      outcome.output == """
        ID    NUMBER        REGION  STATE   ASSIGNEE  CALLS    PROVIDER  LABEL
        pn_1  +15005550006  us1     active  desk      in, out  prv_1     Front desk
        pn_2  -             -       -       -         -        -         -

        """)
    #expect(requests.last?.type == .twilio)
    #expect(requests.last?.agentID == "desk")
    #expect(requests.last?.state == .active)
  }

  @Test func updatesWhatWasGiven() async {
    let requests = Requests<V1.UpdatePhoneNumberRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.PhoneNumberServiceMethods.updatePhoneNumber, requests) { _, _ in
        V1.UpdatePhoneNumberResponse(phoneNumber: Self.stored)
      }
    }
    _ = await harness.run("phone-numbers update pn_1 --outbound false --unassigned former")
    #expect(requests.last?.updateMask?.paths == ["supports_outbound", "inbound.unassigned"])
    #expect(requests.last?.phoneNumber?.supportsOutbound == false)
    #expect(requests.last?.phoneNumber?.inbound?.unassigned == .former)
  }

  @Test func showsWhatIsWrongFieldByField() async {
    let requests = Requests<V1.AssignPhoneNumberRequest>()
    let violation = Google.Rpc.BadRequest.FieldViolation(
      field: "id", description_: "It does not begin with \"pn_\".", reason: "MALFORMED")
    let harness = CommandHarness { router in
      router.answer(V1.PhoneNumberServiceMethods.assignPhoneNumber, requests) {
        (_, _) throws(RPCError) -> V1.AssignPhoneNumberResponse in
        throw RPCError(
          .invalidArgument, "One field is wrong.", reason: "FIELD_INVALID",
          more: [Google.Rpc.BadRequest(fieldViolations: [violation])])
      }
    }
    let people = await harness.run("phone-numbers assign 1 desk")
    #expect(people.status == .invalid)
    #expect(
      people.errors == """
        error: One field is wrong. (INVALID_ARGUMENT, FIELD_INVALID)
          id: It does not begin with "pn_".

        """)
    let programs = await harness.run("phone-numbers assign 1 desk --output json")
    #expect(programs.output == "")
    #expect(
      programs.errors == #"{"error":{"code":3,"status":"INVALID_ARGUMENT","#
        + #""message":"One field is wrong.","reason":"FIELD_INVALID","domain":"trunkline.dev","#
        + #""fieldViolations":[{"field":"id","description":"It does not begin with \"pn_\".","#
        + #""reason":"MALFORMED"}],"exitCode":3}}"# + "\n")
    #expect(requests.last?.assignee == .agentID("desk"))
  }

  @Test func tellsWhenADeletionLeftSomething() async {
    let requests = Requests<V1.DeletePhoneNumberRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.PhoneNumberServiceMethods.deletePhoneNumber, requests) { request, count in
        var number = V1.PhoneNumber(id: request.id, state: .deleting)
        if count == 2 {
          number.state = .corrupted
          number.leftovers = [.init(type: .webhook, region: .ie1, carrierCode: 20404)]
        }
        return V1.DeletePhoneNumberResponse(phoneNumber: number)
      }
    }
    #expect(await harness.run("phone-numbers delete pn_1").output == "Deleted pn_1.\n")
    let corrupted = await harness.run("phone-numbers delete pn_1").output
    #expect(corrupted.contains("left at the carrier: webhook in ie1, carrier code 20404\n"))
  }

  @Test func showsUsage() async {
    let requests = Requests<V1.GetPhoneNumberUsageRequest>()
    let harness = CommandHarness { router in
      router.answer(V1.PhoneNumberServiceMethods.getPhoneNumberUsage, requests) { _, _ in
        let user = V1.PhoneNumberUsage.User(user: .agentID("desk"), displayName: "Desk")
        return V1.GetPhoneNumberUsageResponse(
          usage: .init(phoneNumberID: "pn_1", users: [user], deletable: false))
      }
    }
    #expect(
      await harness.run("phone-numbers usage pn_1").output == """
        USED BY  ID    NAME
        agent    desk  Desk
        It can't be deleted now.

        """)
  }
}
