package portcullis.rules.gateway_type_test

import data.portcullis.fixtures
import data.portcullis.rules.gateway_type

test_enhanced_passes if {
	gateway_type.deny == set() with input as fixtures.decided
}

test_everything_else_is_refused if {
	every type in ["Traditional", "enhanced.sitetosite", "Enhanced.SiteToSite ", "", null, 1, {}] {
		fixtures.codes(gateway_type.deny) == {"GATEWAY_TYPE_NOT_ENHANCED"} with input as fixtures.gateway({"gatewayType": type})
	}
}

test_missing_type_is_refused if {
	gateway_type.deny == {{
		"code": "GATEWAY_TYPE_NOT_ENHANCED",
		"rule": "gateway_type",
		"message": "The gateway is of the type null, and only Enhanced.SiteToSite may be deleted.",
		"remedy": "Check the id. A traditional gateway is not deleted by this call.",
		"details": {"gatewayType": null},
		"exclusive": false,
	}} with input as fixtures.admitted
}
