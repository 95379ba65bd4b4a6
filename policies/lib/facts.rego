# METADATA
# title: The facts
# description: >-
#   What stands in the cloud, and the time it is judged at, taken from the input field by field. A fact that the input
#   lacks is null (or an empty list), never undefined; the rule facts_complete refuses for it.
# schemas:
#   - input: schema["decision-input.schema"]
package portcullis.lib.facts

# METADATA
# title: The time of the decision, milliseconds since the epoch (UTC)
default time_ms := null

time_ms := input.context.timeMs

# METADATA
# title: Id of the described gateway
default gateway_id := null

gateway_id := input.context.facts.gateway.vpnGatewayId

# METADATA
# title: Region whose endpoint described the gateway
default region_id := null

region_id := input.context.facts.gateway.regionId

# METADATA
# title: Account that the cloud names for the credentials in use
default account_id := null

account_id := input.context.facts.gateway.accountId

# METADATA
# title: Name of the gateway
default name := null

name := input.context.facts.gateway.name

# METADATA
# title: Type of the gateway
default gateway_type := null

gateway_type := input.context.facts.gateway.gatewayType

# METADATA
# title: Charge type, in whatever casing the cloud uses
default charge_type := null

charge_type := input.context.facts.gateway.chargeType

# METADATA
# title: State of the gateway
default status := null

status := input.context.facts.gateway.status

# METADATA
# title: State of the business relation
default business_status := null

business_status := input.context.facts.gateway.businessStatus

# METADATA
# title: Creation time, milliseconds since the epoch (UTC)
default create_time_ms := null

create_time_ms := input.context.facts.gateway.createTimeMs

# METADATA
# title: End of the term, milliseconds since the epoch (UTC)
default end_time_ms := null

end_time_ms := input.context.facts.gateway.endTimeMs

# METADATA
# title: Resource group of the gateway
default resource_group_id := null

resource_group_id := input.context.facts.gateway.resourceGroupId

# METADATA
# title: Network of the gateway
default vpc_id := null

vpc_id := input.context.facts.gateway.vpcId

# METADATA
# title: Tags of the gateway; null when they are not known
default tags := null

tags := input.context.facts.gateway.tags

# METADATA
# title: Number of connections as the cloud counts them
default connection_total := null

connection_total := input.context.facts.connections.total

# METADATA
# title: The connections as the cloud lists them; null when they are not known
default connections := null

connections := input.context.facts.connections.items

# METADATA
# title: Deletions begun in the last hour and day, by scope; null when that is not stated
default budgets := null

budgets := input.context.budgets
