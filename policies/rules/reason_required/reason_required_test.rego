package portcullis.rules.reason_required_test

import data.portcullis.fixtures
import data.portcullis.rules.reason_required

_class := fixtures.parameters.reason_required.classes[0]

_because(given, reason) := object.union(given, {"context": {"reason": reason}})

test_other_gateways_need_no_reason if {
	reason_required.admission_deny == set() with input as fixtures.admitted
		with data.portcullis.parameters as fixtures.parameters
	reason_required.deny == set() with input as fixtures.decided
		with data.portcullis.parameters as fixtures.parameters
}

test_region_or_id_demand_a_reason_at_admission if {
	every given in [
		fixtures.resource("vpn-lab1", "eu-central-1"),
		fixtures.resource("vpn-core7", "cn-hangzhou"),
	] {
		reason_required.admission_deny == {{
			"code": "REASON_REQUIRED",
			"rule": "reason_required",
			"message": "A gateway of the class production is deleted only for a reason of at least 5 characters.",
			"remedy": "Send the query parameter reason and say why the gateway is to go.",
			"details": {"class": "production", "minimumLength": 5},
			"exclusive": false,
		}} with input as given
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_name_or_tag_demand_a_reason_at_decision if {
	every changes in [
		{"name": "Live-1"},
		{"tags": [{"key": "env", "value": "production"}]},
	] {
		fixtures.codes(reason_required.deny) == {"REASON_REQUIRED"} with input as fixtures.gateway(changes)
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_a_reason_is_long_enough_without_the_blanks_around_it if {
	every reason in ["12345", " 12345 ", "abcdefghij", "退役网关!"] {
		reason_required.deny == set() with input as _because(fixtures.gateway({"name": "live-1"}), reason)
			with data.portcullis.parameters as fixtures.parameters
		reason_required.admission_deny == set() with input as _because(
			fixtures.resource("vpn-core7", "eu-central-1"),
			reason,
		)
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_a_short_reason_is_refused if {
	every reason in [null, "", "1234", "     1234     ", "退役网关", 123456] {
		fixtures.codes(reason_required.deny) == {"REASON_REQUIRED"} with input as _because(
			fixtures.gateway({"name": "live-1"}),
			reason,
		)
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_undefined_classes_refuse if {
	every classes in [
		null,
		{},
		[{}],
		{"a": _class},
		[object.remove(_class, ["name"])],
		[object.remove(_class, ["gatewayIds"])],
		[object.remove(_class, ["namePatterns"])],
		[object.remove(_class, ["tags"])],
		[object.union(_class, {"minimumLength": "5"})],
		[object.union(_class, {"regions": "eu-central-1"})],
	] {
		"REASON_CLASSES_NOT_DEFINED" in fixtures.codes(reason_required.admission_deny) with input as fixtures.admitted
			with data.portcullis.parameters as {"reason_required": {"classes": classes}}
	}
}

test_missing_parameters_refuse if {
	fixtures.codes(reason_required.admission_deny) == {"REASON_CLASSES_NOT_DEFINED"} with input as fixtures.admitted
		with data.portcullis.parameters as {}
}
