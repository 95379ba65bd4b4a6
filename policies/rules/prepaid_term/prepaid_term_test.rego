package portcullis.rules.prepaid_term_test

import data.portcullis.fixtures
import data.portcullis.rules.prepaid_term

_now := fixtures.decided.context.timeMs

_prepaid(end_time_ms) := fixtures.gateway({"chargeType": "PrePaid", "endTimeMs": end_time_ms})

test_paid_as_used_passes_in_any_spelling if {
	every type in ["POSTPAY", "PostPaid", "postpay", "PayAsYouGo"] {
		prepaid_term.deny == set() with input as fixtures.gateway({"chargeType": type})
	}
}

test_an_end_means_nothing_when_paid_as_used if {
	prepaid_term.deny == set() with input as fixtures.gateway({"chargeType": "POSTPAY", "endTimeMs": _now + 1})
}

test_ended_term_passes if {
	prepaid_term.deny == set() with input as _prepaid(_now - 1)
}

test_within_term_is_refused_in_any_spelling if {
	every type in ["PREPAY", "Prepay", "prepaid", "PREPAID"] {
		fixtures.codes(prepaid_term.deny) == {"PREPAID_WITHIN_TERM"} with input as fixtures.gateway({
			"chargeType": type,
			"endTimeMs": _now + 1,
		})
	}
}

test_the_last_instant_belongs_to_the_term if {
	prepaid_term.deny == {{
		"code": "PREPAID_WITHIN_TERM",
		"rule": "prepaid_term",
		"message": "The gateway is prepaid until 2025-11-24T16:00:00Z.",
		"remedy": "Wait until the term has ended, or have the subscription refunded in the console.",
		"details": {"chargeType": "PrePaid", "endTimeMs": _now, "timeMs": _now},
		"exclusive": false,
	}} with input as _prepaid(_now)
}

test_unknown_end_is_refused if {
	every end in [null, "2030-01-01"] {
		fixtures.codes(prepaid_term.deny) == {"PREPAID_TERM_UNKNOWN"} with input as _prepaid(end)
	}
}

test_unknown_time_is_refused if {
	fixtures.codes(prepaid_term.deny) == {"PREPAID_TERM_UNKNOWN"} with input as object.union(
		_prepaid(1),
		{"context": {"timeMs": null}},
	)
}

test_unknown_charge_type_is_refused if {
	every type in ["Trial", "", "prepaid ", "PREPAİD", null, 7] {
		fixtures.codes(prepaid_term.deny) == {"CHARGE_TYPE_UNKNOWN"} with input as fixtures.gateway({"chargeType": type})
	}
}

test_missing_charge_type_is_refused if {
	fixtures.codes(prepaid_term.deny) == {"CHARGE_TYPE_UNKNOWN"} with input as fixtures.admitted
}
