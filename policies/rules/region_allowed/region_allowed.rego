# METADATA
# title: Regions
# description: >-
#   Gateways are deleted only in the regions that the parameters name. Without parameters there is none.
package portcullis.rules.region_allowed

import data.portcullis.lib.request
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: The region is allowed
# description: Refuses a region that the parameters do not name.
# custom:
#   code: REGION_NOT_ALLOWED
#   severity: high
#   remedy: >-
#     Ask the platform team to allow the region, or delete a gateway in an allowed one.
#   owner: network-platform
#   since: 0.1.0
admission_deny contains violation.new(
	rego.metadata.chain(),
	$"Gateways in the region {request.region_id} may not be deleted.",
	{"regionId": request.region_id},
) if {
	not request.region_id in data.portcullis.parameters.region_allowed.regions
}
