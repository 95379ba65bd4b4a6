package portcullis.rules.protected_gateway_test

import data.portcullis.fixtures
import data.portcullis.rules.protected_gateway

_parameters := fixtures.parameters.protected_gateway

test_other_gateways_pass if {
	protected_gateway.admission_deny == set() with input as fixtures.admitted
		with data.portcullis.parameters as fixtures.parameters
	protected_gateway.deny == set() with input as fixtures.decided
		with data.portcullis.parameters as fixtures.parameters
}

test_protected_by_id if {
	protected_gateway.admission_deny == {{
		"code": "PROTECTED_BY_ID",
		"rule": "protected_gateway",
		"message": "The gateway vpn-core7 is protected by its id.",
		"remedy": "If the gateway is really to go, ask the platform team to lift its protection first.",
		"details": {"gatewayId": "vpn-core7", "pattern": "vpn-core*"},
		"exclusive": false,
	}} with input as fixtures.resource("vpn-core7", "cn-hangzhou")
		with data.portcullis.parameters as fixtures.parameters
}

test_protected_by_name_whatever_the_case if {
	every name in ["prod-a", "PROD-a", "prod-"] {
		fixtures.codes(protected_gateway.deny) == {"PROTECTED_BY_NAME"} with input as fixtures.gateway({"name": name})
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_similar_names_pass if {
	every name in ["prod", "xprod-a", "", " prod-a"] {
		protected_gateway.deny == set() with input as fixtures.gateway({"name": name})
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_protected_by_tag if {
	protected_gateway.deny == {{
		"code": "PROTECTED_BY_TAG",
		"rule": "protected_gateway",
		"message": "The gateway vpn-lab1 is protected by its tag Protected=TRUE.",
		"remedy": "If the gateway is really to go, have the tag removed by the owners of the gateway first.",
		"details": {"gatewayId": "vpn-lab1", "tagKey": "Protected", "tagValue": "TRUE"},
		"exclusive": false,
	}} with input as fixtures.gateway({"tags": [{"key": "a", "value": "b"}, {"key": "Protected", "value": "TRUE"}]})
		with data.portcullis.parameters as fixtures.parameters
}

test_other_tags_pass if {
	every tags in [[], null, [{"key": "protected", "value": "false"}], [{"key": "x", "value": "true"}], [{}]] {
		protected_gateway.deny == set() with input as fixtures.gateway({"tags": tags})
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_undefined_protection_refuses if {
	every parameters in [
		{},
		{"protected_gateway": {}},
		{"protected_gateway": object.remove(_parameters, ["tags"])},
		{"protected_gateway": object.union(_parameters, {"gatewayIds": "vpn-core1"})},
		{"protected_gateway": object.union(_parameters, {"namePatterns": [7]})},
		{"protected_gateway": object.union(_parameters, {"tags": [{"key": "protected"}]})},
		{"protected_gateway": object.union(_parameters, {"tags": null})},
	] {
		"PROTECTION_NOT_DEFINED" in fixtures.codes(protected_gateway.admission_deny) with input as fixtures.admitted
			with data.portcullis.parameters as parameters
	}
}
