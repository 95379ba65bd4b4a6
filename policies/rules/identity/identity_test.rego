package portcullis.rules.identity_test

import data.portcullis.fixtures
import data.portcullis.rules.identity

test_the_requested_gateway_passes if {
	identity.deny == set() with input as fixtures.decided
}

test_each_field_is_compared if {
	every described in [
		{"vpnGatewayId": "vpn-lab2"},
		{"regionId": "eu-central-1"},
		{"accountId": "6543210987654321"},
		{"vpnGatewayId": null},
		{"accountId": 1234567890123456},
	] {
		fixtures.codes(identity.deny) == {"IDENTITY_MISMATCH"} with input as fixtures.gateway(described)
	}
}

test_says_what_differs if {
	identity.deny == {{
		"code": "IDENTITY_MISMATCH",
		"rule": "identity",
		"message": "The region that was asked for is cn-hangzhou, and the cloud described eu-central-1.",
		"remedy": "Send the request again. If it lasts, tell the platform team: the cloud described another gateway than was asked for.",
		"details": {"field": "region", "requested": "cn-hangzhou", "described": "eu-central-1"},
		"exclusive": false,
	}} with input as fixtures.gateway({"regionId": "eu-central-1"})
}

test_two_unknowns_are_not_the_same if {
	{violation.details.field | some violation in identity.deny} == {"gateway", "region", "account"} with input as {}
}
