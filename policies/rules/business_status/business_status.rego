# METADATA
# title: Business status
# description: >-
#   A gateway is deleted only while the account is in good standing.
package portcullis.rules.business_status

import data.portcullis.lib.facts
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: The gateway is not financially locked
# description: Refuses a gateway that the cloud has locked for an overdue payment.
# custom:
#   code: BUSINESS_FINANCIALLY_LOCKED
#   severity: high
#   remedy: >-
#     Settle the overdue payment of the account, then ask again.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	"The gateway is locked because a payment is overdue.",
	{"businessStatus": facts.business_status},
) if {
	facts.business_status == "FinancialLocked"
}

# METADATA
# title: The business status is known
# description: Refuses a business status that is missing or that this rule does not know.
# custom:
#   code: BUSINESS_STATUS_UNKNOWN
#   severity: high
#   remedy: >-
#     Look at the gateway in the console. If its business status is a new one, tell the platform team.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The business status of the gateway is {facts.business_status}, which this policy does not know.",
	{"businessStatus": facts.business_status},
) if {
	not facts.business_status in {"Normal", "FinancialLocked"}
}
