# METADATA
# title: Budgets
# description: >-
#   How many deletions may be begun in an hour and in a day, for one caller, one tenant, one region and everyone
#   together. The rule names the limits; the ledger counts against them when it writes the intent. A deletion to which
#   no budget applies is refused: there is none without a limit.
package portcullis.rules.budgets

import data.portcullis.lib.facts
import data.portcullis.lib.request
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: A budget applies
# description: Refuses a deletion that no budget of the parameters limits.
# custom:
#   code: BUDGET_MISSING
#   severity: high
#   remedy: >-
#     Ask the platform team for a budget that covers this caller and region.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	"No budget of deletions applies to this caller and region.",
	{"regionId": request.region_id},
) if {
	count(limits) == 0
}

# METADATA
# title: What was begun before is counted
# description: Refuses when the input does not state how many deletions were begun.
# custom:
#   code: BUDGET_USAGE_MISSING
#   severity: high
#   remedy: >-
#     Send the request again. If it lasts, tell the platform team: the ledger does not state what was begun.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	"It is not stated how many deletions were begun in the last hour and day.",
	{},
) if {
	not _usage_is_stated
}

# METADATA
# title: The limits that apply
# description: Of several for the same scope and window, the smallest.
limits := [{"scope": scope, "window": window, "limit": limit} |
	some [scope, window] in sort({[limit.scope, limit.window] | some limit in _limits})
	limit := min({limit.limit | some limit in _limits; limit.scope == scope; limit.window == window})
]

_limits contains limit if {
	some budget in data.portcullis.parameters.budgets
	_admits(budget.callers.issuers, {request.issuer})
	_admits(budget.callers.tenants, {request.tenant})
	_admits(budget.callers.roles, request.roles)
	_admits(budget.callers.teams, request.teams)
	_admits(budget.regions, {request.region_id})
	some limit in budget.limits
}

_admits(admitted, _) if "*" in admitted

_admits(admitted, held) if {
	some value in held
	value in admitted
}

_usage_is_stated if {
	every scope in ["principal", "tenant", "region", "all"] {
		every window in ["hour", "day"] { _is_count(facts.budgets[scope][window]) }
	}
}

_is_count(value) if {
	is_number(value)
	value >= 0
	floor(value) == value
}
