# METADATA
# title: Complete facts
# description: >-
#   Nothing is deleted on half a picture: every fact is stated, and every connection that the cloud counts is listed.
#   An empty name and an empty list of tags are statements. Only a subscription has an end of term.
package portcullis.rules.facts_complete

import data.portcullis.lib.charge
import data.portcullis.lib.facts
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: Every fact is stated
# description: Refuses for each fact that the cloud did not state.
# custom:
#   code: FACT_MISSING
#   severity: critical
#   remedy: >-
#     Send the request again. If it lasts, tell the platform team: the cloud does not state this fact.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The fact {fact} is missing.",
	{"fact": fact},
) if {
	some fact in _missing
}

# METADATA
# title: Every counted connection is listed
# description: Refuses when the cloud counts other connections than it lists.
# custom:
#   code: CONNECTIONS_NOT_ALL_LISTED
#   severity: critical
#   remedy: >-
#     Send the request again. If it lasts, tell the platform team: the cloud does not list every connection.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The cloud counts {facts.connection_total} connections and lists {count(facts.connections)}.",
	{"total": facts.connection_total, "listed": count(facts.connections)},
) if {
	is_number(facts.connection_total)
	is_array(facts.connections)
	not facts.connection_total == count(facts.connections)
}

_missing contains fact if {
	some fact, value in _texts
	not _is_text(value)
}

_missing contains fact if {
	some fact, value in _numbers
	not is_number(value)
}

_missing contains "gateway.name" if not is_string(facts.name)

_missing contains "gateway.tags" if not is_array(facts.tags)

_missing contains "connections.items" if not is_array(facts.connections)

_missing contains "gateway.endTimeMs" if {
	not charge.postpaid
	not is_number(facts.end_time_ms)
}

_missing contains $"connections.items.{index}.vpnConnectionId" if {
	some index, connection in facts.connections
	not _is_text(connection.vpnConnectionId)
}

_is_text(value) if {
	is_string(value)
	value != ""
}

_texts := {
	"gateway.vpnGatewayId": facts.gateway_id,
	"gateway.regionId": facts.region_id,
	"gateway.accountId": facts.account_id,
	"gateway.gatewayType": facts.gateway_type,
	"gateway.chargeType": facts.charge_type,
	"gateway.status": facts.status,
	"gateway.businessStatus": facts.business_status,
	"gateway.resourceGroupId": facts.resource_group_id,
	"gateway.vpcId": facts.vpc_id,
}

_numbers := {
	"context.timeMs": facts.time_ms,
	"gateway.createTimeMs": facts.create_time_ms,
	"connections.total": facts.connection_total,
}
