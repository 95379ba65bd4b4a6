# METADATA
# title: Protected gateways
# description: >-
#   A gateway that the parameters name by id, name pattern or tag is not deleted by anyone. Ids are judged at admission.
package portcullis.rules.protected_gateway

import data.portcullis.lib.facts
import data.portcullis.lib.patterns
import data.portcullis.lib.request
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: Protected gateways are named
# description: Refuses while the parameters do not say which gateways are protected.
# custom:
#   code: PROTECTION_NOT_DEFINED
#   severity: critical
#   remedy: >-
#     Tell the platform team: the parameters of protected_gateway are missing or malformed.
#   owner: network-platform
#   since: 0.1.0
admission_deny contains violation.new(
	rego.metadata.chain(),
	"Which gateways are protected is not defined, so none is deleted.",
	{},
) if {
	not _defined
}

# METADATA
# title: The id is not protected
# description: Refuses a gateway whose id meets a protected pattern.
# custom:
#   code: PROTECTED_BY_ID
#   severity: critical
#   remedy: >-
#     If the gateway is really to go, ask the platform team to lift its protection first.
#   owner: network-platform
#   since: 0.1.0
admission_deny contains violation.new(
	rego.metadata.chain(),
	$"The gateway {request.resource_id} is protected by its id.",
	{"gatewayId": request.resource_id, "pattern": pattern},
) if {
	pattern := _first_match(_parameters.gatewayIds, request.resource_id)
}

# METADATA
# title: The name is not protected
# description: Refuses a gateway whose name meets a protected pattern.
# custom:
#   code: PROTECTED_BY_NAME
#   severity: critical
#   remedy: >-
#     If the gateway is really to go, ask the platform team to lift its protection first.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The gateway {request.resource_id} is protected by its name {facts.name}.",
	{"gatewayId": request.resource_id, "name": facts.name, "pattern": pattern},
) if {
	pattern := _first_match(_parameters.namePatterns, facts.name)
}

# METADATA
# title: No tag protects the gateway
# description: Refuses a gateway with a tag that protects.
# custom:
#   code: PROTECTED_BY_TAG
#   severity: critical
#   remedy: >-
#     If the gateway is really to go, have the tag removed by the owners of the gateway first.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The gateway {request.resource_id} is protected by its tag {tag.key}={tag.value}.",
	{"gatewayId": request.resource_id, "tagKey": tag.key, "tagValue": tag.value},
) if {
	tag := patterns.first_selected(_parameters.tags, facts.tags)
}

_parameters := data.portcullis.parameters.protected_gateway

_defined if {
	patterns.are_patterns(_parameters.gatewayIds)
	patterns.are_patterns(_parameters.namePatterns)
	patterns.are_selectors(_parameters.tags)
}

_first_match(candidates, text) := [pattern |
	some pattern in candidates
	patterns.matches(pattern, text)
][0]
