# METADATA
# title: State of the gateway
# description: >-
#   Only an active gateway is deleted: what else goes on with it must end first.
package portcullis.rules.gateway_state

import data.portcullis.lib.facts
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: The gateway is not waiting to be provisioned
# description: Refuses a gateway in the state init.
# custom:
#   code: GATEWAY_INITIALIZING
#   severity: high
#   remedy: >-
#     Wait until the gateway is active, then ask again.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	"The gateway is waiting to be provisioned.",
	{"status": facts.status},
) if {
	facts.status == "init"
}

# METADATA
# title: The gateway is not being provisioned
# description: Refuses a gateway in the state provisioning.
# custom:
#   code: GATEWAY_PROVISIONING
#   severity: high
#   remedy: >-
#     Wait until the gateway is active, then ask again.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	"The gateway is being provisioned.",
	{"status": facts.status},
) if {
	facts.status == "provisioning"
}

# METADATA
# title: The gateway is not being configured
# description: Refuses a gateway in the state updating.
# custom:
#   code: GATEWAY_UPDATING
#   severity: high
#   remedy: >-
#     Wait until the change is finished and the gateway is active, then ask again.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	"The gateway is being configured.",
	{"status": facts.status},
) if {
	facts.status == "updating"
}

# METADATA
# title: The gateway is not being deleted already
# description: Refuses a gateway in the state deleting.
# custom:
#   code: GATEWAY_DELETING
#   severity: low
#   remedy: >-
#     Nothing is left to do: watch the gateway until it is gone.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	"The gateway is being deleted already.",
	{"status": facts.status},
) if {
	facts.status == "deleting"
}

# METADATA
# title: The state is known
# description: Refuses a state that is missing or that this rule does not know.
# custom:
#   code: GATEWAY_STATE_UNKNOWN
#   severity: high
#   remedy: >-
#     Look at the gateway in the console. If its state is a new one, tell the platform team.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(
	rego.metadata.chain(),
	$"The gateway is in the state {facts.status}, which this policy does not know.",
	{"status": facts.status},
) if {
	not facts.status in {"active", "init", "provisioning", "updating", "deleting"}
}
