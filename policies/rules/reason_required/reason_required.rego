# METADATA
# title: Reasons
# description: >-
#   Some classes of gateway are deleted only for a stated reason. A gateway belongs to a class by region, id, name
#   pattern or tag: any one suffices. Regions and ids are judged at admission.
package portcullis.rules.reason_required

import data.portcullis.lib.facts
import data.portcullis.lib.patterns
import data.portcullis.lib.request
import data.portcullis.lib.violation
import future.keywords.not

# METADATA
# title: Classes that need a reason are named
# description: Refuses while the parameters do not say which gateways need a reason.
# custom:
#   code: REASON_CLASSES_NOT_DEFINED
#   severity: high
#   remedy: >-
#     Tell the platform team: the parameters of reason_required are missing or malformed.
#   owner: network-platform
#   since: 0.1.0
admission_deny contains violation.new(
	rego.metadata.chain(),
	"Which gateways need a reason is not defined, so none is deleted.",
	{},
) if {
	not _defined
}

# METADATA
# title: A gateway of this class has a reason
# description: Refuses a deletion without a long enough reason where the class of the gateway demands one.
# custom:
#   code: REASON_REQUIRED
#   severity: medium
#   remedy: >-
#     Send the query parameter reason and say why the gateway is to go.
#   owner: network-platform
#   since: 0.1.0
admission_deny contains violation.new(rego.metadata.chain(), _message(class), _details(class)) if {
	some class in _parameters.classes
	_in_class_by_request(class)
	not _reason_suffices(class)
}

# METADATA
# title: A gateway of this class has a reason
# description: Refuses a deletion without a long enough reason where the class of the gateway demands one.
# custom:
#   code: REASON_REQUIRED
#   severity: medium
#   remedy: >-
#     Send the query parameter reason and say why the gateway is to go.
#   owner: network-platform
#   since: 0.1.0
deny contains violation.new(rego.metadata.chain(), _message(class), _details(class)) if {
	some class in _parameters.classes
	_in_class_by_facts(class)
	not _reason_suffices(class)
}

_parameters := data.portcullis.parameters.reason_required

_in_class_by_request(class) if request.region_id in class.regions

_in_class_by_request(class) if patterns.matches_any(class.gatewayIds, request.resource_id)

_in_class_by_facts(class) if patterns.matches_any(class.namePatterns, facts.name)

_in_class_by_facts(class) if patterns.first_selected(class.tags, facts.tags)

_reason_suffices(class) if count(trim_space(request.reason)) >= class.minimumLength

_message(class) := concat("", [
	$"A gateway of the class {class.name} is deleted only for a reason ",
	$"of at least {class.minimumLength} characters.",
])

_details(class) := {"class": class.name, "minimumLength": class.minimumLength}

_defined if {
	is_array(_parameters.classes)
	every class in _parameters.classes {
		is_string(class.name)
		is_number(class.minimumLength)
		patterns.are_patterns(class.regions)
		patterns.are_patterns(class.gatewayIds)
		patterns.are_patterns(class.namePatterns)
		patterns.are_selectors(class.tags)
	}
}
