# METADATA
# title: Identity
# description: >-
#   The gateway that was described is the one that is to be deleted: its id, region and account are the requested ones.
package portcullis.rules.identity

import data.portcullis.lib.facts
import data.portcullis.lib.request
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: The facts are those of the requested gateway
# description: Refuses when id, region or account of the described gateway is not the requested one.
# custom:
#   code: IDENTITY_MISMATCH
#   severity: critical
#   remedy: >-
#     Send the request again. If it lasts, tell the platform team: the cloud described another gateway than was asked for.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The {field} that was asked for is {pair.requested}, and the cloud described {pair.described}.",
	{"field": field, "requested": pair.requested, "described": pair.described},
) if {
	some field, pair in {
		"gateway": {"requested": request.resource_id, "described": facts.gateway_id},
		"region": {"requested": request.region_id, "described": facts.region_id},
		"account": {"requested": request.account_id, "described": facts.account_id},
	}
	not _same(pair)
}

# Two unknown values are not the same.
_same(pair) if {
	is_string(pair.requested)
	pair.requested == pair.described
}
