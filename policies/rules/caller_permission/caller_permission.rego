# METADATA
# title: Who may delete what
# description: >-
#   A grant says which callers (issuer, roles, teams, tenant) may make which calls on which gateways (account, region,
#   id, owner tag). Every part of a grant must be met; without a grant nothing is permitted. Admission decides all but
#   the owner tag, which stands in the facts.
package portcullis.rules.caller_permission

import data.portcullis.lib.facts
import data.portcullis.lib.patterns
import data.portcullis.lib.request
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: A grant covers caller and request
# description: Refuses a caller to whom no grant gives this call on this gateway.
# custom:
#   code: CALLER_NOT_PERMITTED
#   severity: critical
#   remedy: >-
#     Ask the owners of the gateway for the deletion, or the platform team for a grant.
#   owner: network-platform
#   since: 0.1.0
#   exclusive: true
admission_deny contains violation.new(
	rego.metadata.chain(),
	"This caller is not permitted to delete this gateway.",
	{"action": request.action, "regionId": request.region_id, "gatewayId": request.resource_id},
) if {
	count(_grants) == 0
}

# METADATA
# title: The gateway belongs to the caller
# description: Refuses a gateway whose owner tag names no team of the caller, where the grants demand it.
# custom:
#   code: CALLER_NOT_OWNER
#   severity: critical
#   remedy: >-
#     Ask the owners of the gateway for the deletion, or have its owner tag set right.
#   owner: network-platform
#   since: 0.1.0
#   exclusive: true
deny contains violation.new(
	rego.metadata.chain(),
	"This caller may delete only gateways of its own teams, and the tags of this one name none of them.",
	{"action": request.action, "regionId": request.region_id, "gatewayId": request.resource_id},
) if {
	count(_grants) > 0
	not _some_grant_covers_owner
}

_grants contains grant if {
	some grant in data.portcullis.parameters.caller_permission.grants
	_admits_caller(grant.callers)
	_admits_request(grant.resources)
}

_admits_caller(callers) if {
	_admits(callers.issuers, {request.issuer})
	_admits(callers.tenants, {request.tenant})
	_admits(callers.roles, request.roles)
	_admits(callers.teams, request.teams)
}

_admits_request(resources) if {
	_admits(resources.actions, {request.action})
	_admits(resources.accounts, {request.account_id})
	_admits(resources.regions, {request.region_id})
	patterns.matches_any(resources.gatewayIds, request.resource_id)
}

_admits(admitted, _) if "*" in admitted

_admits(admitted, held) if {
	some value in held
	value in admitted
}

_some_grant_covers_owner if {
	some grant in _grants
	_covers_owner(grant.resources.ownerTag)
}

_covers_owner(null)

# Two tags with the owner's key would be two owners: then nobody is.
_covers_owner(key) if {
	owners := [tag.value | some tag in facts.tags; tag.key == key]
	count(owners) == 1
	owners[0] in request.teams
}
