package portcullis.lib.facts_test

import data.portcullis.fixtures
import data.portcullis.lib.facts

test_facts_are_those_of_the_input if {
	gateway := fixtures.decided.context.facts.gateway
	facts == {
		"time_ms": fixtures.decided.context.timeMs,
		"gateway_id": gateway.vpnGatewayId,
		"region_id": gateway.regionId,
		"account_id": gateway.accountId,
		"name": gateway.name,
		"gateway_type": gateway.gatewayType,
		"charge_type": gateway.chargeType,
		"status": gateway.status,
		"business_status": gateway.businessStatus,
		"create_time_ms": gateway.createTimeMs,
		"end_time_ms": gateway.endTimeMs,
		"resource_group_id": gateway.resourceGroupId,
		"vpc_id": gateway.vpcId,
		"tags": gateway.tags,
		"connection_total": 0,
		"connections": [],
		"budgets": fixtures.usage,
	} with input as fixtures.decided
}

test_what_is_missing_is_null if {
	values := {value | some value in facts} with input as {}
	values == {null}
}
