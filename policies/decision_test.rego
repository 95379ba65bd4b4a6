package portcullis_test

import data.portcullis
import data.portcullis.fixtures
import future.keywords.not

_incomplete := {
	"allow": false,
	"violations": [{
		"code": "POLICY_INCOMPLETE",
		"rule": "policy",
		"message": "A rule of the policy could not be evaluated.",
		"remedy": "Tell the platform team: the policy bundle lacks a rule.",
		"details": {},
		"exclusive": false,
	}],
	"obligations": [],
	"limits": [],
}

_allowed := {"allow": true, "violations": [], "obligations": [], "limits": []}

_allowed_within := object.union(
	_allowed,
	{"limits": [{"scope": "principal", "window": "hour", "limit": 5}]},
)

test_admission_allows_when_no_rule_refuses if {
	portcullis.admission == _allowed with input as fixtures.admitted
		with data.portcullis.parameters as fixtures.parameters
}

test_decision_allows_when_no_rule_refuses if {
	portcullis.decision == _allowed_within with input as fixtures.decided
		with data.portcullis.parameters as fixtures.parameters
}

test_decision_repeats_admission if {
	fixtures.codes(portcullis.decision.violations) == {"REGION_NOT_ALLOWED", "CALLER_NOT_PERMITTED", "IDENTITY_MISMATCH"} with input as fixtures.resource("vpn-lab1", "us-east-1")
		with data.portcullis.parameters as fixtures.parameters
}

test_violations_are_sorted_by_rule_code_and_message if {
	violations := portcullis.decision.violations with input as fixtures.admitted
		with data.portcullis.parameters as {}
	keys := [[violation.rule, violation.code, violation.message] | some violation in violations]
	keys == sort(keys)
	count(keys) > 15
}

test_a_class_met_at_admission_and_at_decision_is_one_violation if {
	given := object.union(
		fixtures.resource("vpn-core7", "eu-central-1"),
		{"context": {"facts": {"gateway": {"name": "live-1"}}}},
	)
	violations := portcullis.decision.violations with input as given
		with data.portcullis.parameters as fixtures.parameters
	count([violation | some violation in violations; violation.code == "REASON_REQUIRED"]) == 1
}

test_nothing_known_is_refused_by_every_rule if {
	result := portcullis.decision with input as {} with data.portcullis.parameters as {}
	result.allow == false
	{violation.rule | some violation in result.violations} == {
		"budgets",
		"business_status",
		"caller_permission",
		"facts_complete",
		"gateway_state",
		"gateway_type",
		"identity",
		"prepaid_term",
		"protected_gateway",
		"reason_required",
		"region_allowed",
	}
}

test_a_malformed_input_is_refused if {
	every given in [null, 0, "", false, [], "text", {"context": null}, {"context": {"facts": []}}] {
		portcullis.admission.allow == false with input as given
			with data.portcullis.parameters as fixtures.parameters
		portcullis.decision.allow == false with input as given
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_a_lost_rule_refuses if {
	every lost in [null, "", {}, [], false] {
		portcullis.decision == _incomplete with input as fixtures.decided
			with data.portcullis.parameters as fixtures.parameters
			with data.portcullis.rules.gateway_state.deny as lost
		portcullis.admission == _incomplete with input as fixtures.admitted
			with data.portcullis.parameters as fixtures.parameters
			with data.portcullis.rules.caller_permission.admission_deny as lost
	}
}

test_the_refusals_of_each_rule_count if {
	every code, given in {
		"BUDGET_USAGE_MISSING": object.union(fixtures.decided, {"context": {"budgets": null}}),
		"REGION_NOT_ALLOWED": fixtures.resource("vpn-lab1", "us-east-1"),
		"CALLER_NOT_PERMITTED": fixtures.caller({"roles": []}),
		"CALLER_NOT_OWNER": fixtures.gateway({"tags": []}),
		"PROTECTED_BY_ID": fixtures.resource("vpn-core7", "cn-hangzhou"),
		"PROTECTED_BY_NAME": fixtures.gateway({"name": "prod-1"}),
		"REASON_REQUIRED": fixtures.gateway({"name": "live-1"}),
		"BUSINESS_FINANCIALLY_LOCKED": fixtures.gateway({"businessStatus": "FinancialLocked"}),
		"CONNECTIONS_PRESENT": fixtures.connections(1, [{"vpnConnectionId": "vco-a"}]),
		"FACT_MISSING": fixtures.gateway({"vpcId": null}),
		"GATEWAY_UPDATING": fixtures.gateway({"status": "updating"}),
		"GATEWAY_TYPE_NOT_ENHANCED": fixtures.gateway({"gatewayType": "Traditional"}),
		"IDENTITY_MISMATCH": fixtures.gateway({"regionId": "eu-central-1"}),
		"PREPAID_WITHIN_TERM": fixtures.gateway({"chargeType": "PREPAY", "endTimeMs": 9000000000000}),
	} {
		code in fixtures.codes(portcullis.decision.violations) with input as given
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_lost_limits_refuse if {
	every lost in [null, "", {}, false, 1] {
		portcullis.decision == _incomplete with input as fixtures.decided
			with data.portcullis.parameters as fixtures.parameters
			with data.portcullis.rules.budgets.limits as lost
	}
}
