# METADATA
# title: Type of gateway
# description: >-
#   Only enhanced gateways are deleted by this call.
package portcullis.rules.gateway_type

import data.portcullis.lib.facts
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: The gateway is an enhanced one
# description: Refuses every type but Enhanced.SiteToSite, and a gateway of unknown type.
# custom:
#   code: GATEWAY_TYPE_NOT_ENHANCED
#   severity: high
#   remedy: >-
#     Check the id. A traditional gateway is not deleted by this call.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The gateway is of the type {facts.gateway_type}, and only Enhanced.SiteToSite may be deleted.",
	{"gatewayType": facts.gateway_type},
) if {
	not facts.gateway_type == "Enhanced.SiteToSite"
}
