# METADATA
# title: The request
# description: >-
#   What is asked for and by whom, taken from the input field by field. A field that the input lacks is null (or an
#   empty list), never undefined: an undefined value would make the refusal that mentions it disappear.
# schemas:
#   - input: schema["admission-input.schema"]
package portcullis.lib.request

# METADATA
# title: The cloud's own name of the call
default action := null

action := input.action.name

# METADATA
# title: Id of the resource that is to be acted on
default resource_id := null

resource_id := input.resource.id

# METADATA
# title: Region of the resource
default region_id := null

region_id := input.resource.properties.regionId

# METADATA
# title: Account of the resource
default account_id := null

account_id := input.resource.properties.accountId

# METADATA
# title: Why the caller asks, in the caller's words
default reason := null

reason := input.context.reason

# METADATA
# title: Issuer of the caller's token
default issuer := null

issuer := input.subject.properties.issuer

# METADATA
# title: The caller's tenant; null when the token names none
default tenant := null

tenant := input.subject.properties.tenant

# METADATA
# title: The caller's roles
default roles := []

roles := input.subject.properties.roles

# METADATA
# title: The caller's teams
default teams := []

teams := input.subject.properties.teams
