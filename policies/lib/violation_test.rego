package portcullis.lib.violation_test

import data.portcullis.lib.violation

test_a_violation_without_metadata_is_still_one if {
	violation.new([{"path": ["x"]}], "message", {}) == {
		"code": "POLICY_INCOMPLETE",
		"rule": "policy",
		"message": "message",
		"remedy": "Ask the platform team to complete the policy.",
		"details": {},
		"exclusive": false,
	}
}
