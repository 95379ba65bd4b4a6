package portcullis.rules.facts_complete_test

import data.portcullis.fixtures
import data.portcullis.rules.facts_complete

_missing := {violation.details.fact |
	some violation in facts_complete.deny
	violation.code == "FACT_MISSING"
}

test_complete_facts_pass if {
	facts_complete.deny == set() with input as fixtures.decided
}

test_empty_name_and_tags_are_statements if {
	facts_complete.deny == set() with input as fixtures.gateway({"name": "", "tags": []})
}

test_each_missing_fact_is_named if {
	every field in [
		"vpnGatewayId",
		"regionId",
		"accountId",
		"name",
		"gatewayType",
		"status",
		"businessStatus",
		"createTimeMs",
		"resourceGroupId",
		"vpcId",
		"tags",
	] {
		_missing == {$"gateway.{field}"} with input as fixtures.gateway({field: null})
	}
}

test_empty_text_is_missing if {
	_missing == {"gateway.vpcId"} with input as fixtures.gateway({"vpcId": ""})
}

test_without_a_charge_type_the_term_is_missing_too if {
	_missing == {"gateway.chargeType", "gateway.endTimeMs"} with input as fixtures.gateway({"chargeType": null})
}

test_a_subscription_has_an_end if {
	_missing == {"gateway.endTimeMs"} with input as fixtures.gateway({"chargeType": "PREPAY"})
}

test_a_subscription_with_an_end_is_complete if {
	facts_complete.deny == set() with input as fixtures.gateway({"chargeType": "PREPAY", "endTimeMs": 1})
}

test_says_what_is_missing if {
	facts_complete.deny == {{
		"code": "FACT_MISSING",
		"rule": "facts_complete",
		"message": "The fact gateway.name is missing.",
		"remedy": "Send the request again. If it lasts, tell the platform team: the cloud does not state this fact.",
		"details": {"fact": "gateway.name"},
		"exclusive": false,
	}} with input as fixtures.gateway({"name": null})
}

test_unknown_number_of_connections_is_refused if {
	_missing == {"connections.total"} with input as fixtures.connections(null, [])
	fixtures.codes(facts_complete.deny) == {"FACT_MISSING"} with input as fixtures.connections(null, [])
}

test_unknown_list_of_connections_is_refused if {
	_missing == {"connections.items"} with input as fixtures.connections(0, null)
	fixtures.codes(facts_complete.deny) == {"FACT_MISSING"} with input as fixtures.connections(2, "vco-a")
}

test_connection_without_id_is_refused if {
	_missing == {"connections.items.1.vpnConnectionId"} with input as fixtures.connections(
		2,
		[{"vpnConnectionId": "vco-a"}, {"vpnConnectionId": null}],
	)
}

test_other_count_than_list_is_refused if {
	fixtures.codes(facts_complete.deny) == {"CONNECTIONS_NOT_ALL_LISTED"} with input as fixtures.connections(
		2,
		[{"vpnConnectionId": "vco-a"}],
	)
}

test_without_facts_everything_is_missing if {
	count(_missing) == 16 with input as fixtures.admitted
}
