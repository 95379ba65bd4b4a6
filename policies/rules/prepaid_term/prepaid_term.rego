# METADATA
# title: Prepaid term
# description: >-
#   A subscription is not deleted within its term. The last instant of the term belongs to it: a deletion is possible from
#   the millisecond after it.
package portcullis.rules.prepaid_term

import data.portcullis.lib.charge
import data.portcullis.lib.facts
import data.portcullis.lib.time
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: The prepaid term has ended
# description: Refuses a subscription whose term has not ended.
# custom:
#   code: PREPAID_WITHIN_TERM
#   severity: high
#   remedy: >-
#     Wait until the term has ended, or have the subscription refunded in the console.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The gateway is prepaid until {time.rfc3339(facts.end_time_ms)}.",
	{"chargeType": facts.charge_type, "endTimeMs": facts.end_time_ms, "timeMs": facts.time_ms},
) if {
	charge.prepaid
	_term_known
	facts.time_ms <= facts.end_time_ms
}

# METADATA
# title: The prepaid term is known
# description: Refuses a subscription of which the end or the present time is not known.
# custom:
#   code: PREPAID_TERM_UNKNOWN
#   severity: high
#   remedy: >-
#     Look at the gateway in the console. If the cloud states the end of its term there, tell the platform team.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	"The gateway is prepaid, and the end of its term is not known.",
	{"chargeType": facts.charge_type, "endTimeMs": facts.end_time_ms, "timeMs": facts.time_ms},
) if {
	charge.prepaid
	not _term_known
}

# METADATA
# title: The charge type is known
# description: Refuses a charge type that is missing or that this policy does not know.
# custom:
#   code: CHARGE_TYPE_UNKNOWN
#   severity: high
#   remedy: >-
#     Look at the gateway in the console. If its charge type is a new one, tell the platform team.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The gateway has the charge type {facts.charge_type}, which this policy does not know.",
	{"chargeType": facts.charge_type},
) if {
	not charge.prepaid
	not charge.postpaid
}

_term_known if {
	is_number(facts.end_time_ms)
	is_number(facts.time_ms)
}
