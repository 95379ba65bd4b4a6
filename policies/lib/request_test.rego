package portcullis.lib.request_test

import data.portcullis.fixtures
import data.portcullis.lib.request

test_fields_of_the_request if {
	request == {
		"action": "DeleteEnhancedVpnGateway",
		"resource_id": "vpn-lab1",
		"region_id": "cn-hangzhou",
		"account_id": "1234567890123456",
		"reason": "unused",
		"issuer": "https://issuer.example",
		"tenant": "acme",
		"roles": ["vpn-operator"],
		"teams": ["network"],
	} with input as object.union(fixtures.admitted, {"context": {"reason": "unused"}})
}

test_what_is_missing_is_null_or_empty if {
	request == {
		"action": null,
		"resource_id": null,
		"region_id": null,
		"account_id": null,
		"reason": null,
		"issuer": null,
		"tenant": null,
		"roles": [],
		"teams": [],
	} with input as {}
}
