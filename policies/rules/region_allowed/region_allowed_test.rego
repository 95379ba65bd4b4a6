package portcullis.rules.region_allowed_test

import data.portcullis.fixtures
import data.portcullis.rules.region_allowed

test_named_region_passes if {
	region_allowed.admission_deny == set() with input as fixtures.admitted
		with data.portcullis.parameters as fixtures.parameters
}

test_other_region_is_refused if {
	region_allowed.admission_deny == {{
		"code": "REGION_NOT_ALLOWED",
		"rule": "region_allowed",
		"message": "Gateways in the region us-east-1 may not be deleted.",
		"remedy": "Ask the platform team to allow the region, or delete a gateway in an allowed one.",
		"details": {"regionId": "us-east-1"},
		"exclusive": false,
	}} with input as fixtures.resource("vpn-lab1", "us-east-1")
		with data.portcullis.parameters as fixtures.parameters
}

test_missing_region_is_refused if {
	count(region_allowed.admission_deny) == 1 with input as {}
		with data.portcullis.parameters as fixtures.parameters
}

test_missing_parameters_refuse if {
	count(region_allowed.admission_deny) == 1 with input as fixtures.admitted
		with data.portcullis.parameters as {}
}
