package portcullis.rules.business_status_test

import data.portcullis.fixtures
import data.portcullis.rules.business_status

test_normal_passes if {
	business_status.deny == set() with input as fixtures.decided
}

test_locked_is_refused if {
	business_status.deny == {{
		"code": "BUSINESS_FINANCIALLY_LOCKED",
		"rule": "business_status",
		"message": "The gateway is locked because a payment is overdue.",
		"remedy": "Settle the overdue payment of the account, then ask again.",
		"details": {"businessStatus": "FinancialLocked"},
		"exclusive": false,
	}} with input as fixtures.gateway({"businessStatus": "FinancialLocked"})
}

test_anything_else_is_refused if {
	every status in ["normal", "SecurityLocked", "", null] {
		fixtures.codes(business_status.deny) == {"BUSINESS_STATUS_UNKNOWN"} with input as fixtures.gateway({"businessStatus": status})
	}
}

test_missing_status_is_refused if {
	fixtures.codes(business_status.deny) == {"BUSINESS_STATUS_UNKNOWN"} with input as fixtures.admitted
}
