# METADATA
# title: Portcullis
# description: >-
#   May this caller have this gateway deleted? `admission` judges caller and request before the cloud is asked anything,
#   `decision` judges them again together with the facts. Both refuse unless every rule was evaluated and none refuses.
package portcullis

# METADATA
# title: Admission
# description: The result for caller and request alone.
# entrypoint: true
default admission := {
	"allow": false,
	"violations": [{
		"code": "POLICY_INCOMPLETE",
		"rule": "policy",
		"message": "A rule of the policy could not be evaluated.",
		"remedy": "Tell the platform team: the policy bundle lacks a rule.",
		"details": {},
		"exclusive": false,
	}],
	"obligations": [],
	"limits": [],
}

admission := _result(_admission_refusals, [])

# METADATA
# title: Decision
# description: The result for caller, request, facts and time.
# entrypoint: true
default decision := {
	"allow": false,
	"violations": [{
		"code": "POLICY_INCOMPLETE",
		"rule": "policy",
		"message": "A rule of the policy could not be evaluated.",
		"remedy": "Tell the platform team: the policy bundle lacks a rule.",
		"details": {},
		"exclusive": false,
	}],
	"obligations": [],
	"limits": [],
}

decision := _result(object.union(_admission_refusals, _fact_refusals), data.portcullis.rules.budgets.limits)

# A rule that is lost leaves its field undefined, and with it the whole object: the defaults above then refuse.
_admission_refusals := {
	"caller_permission at admission": data.portcullis.rules.caller_permission.admission_deny,
	"protected_gateway at admission": data.portcullis.rules.protected_gateway.admission_deny,
	"reason_required at admission": data.portcullis.rules.reason_required.admission_deny,
	"region_allowed at admission": data.portcullis.rules.region_allowed.admission_deny,
}

_fact_refusals := {
	"budgets": data.portcullis.rules.budgets.deny,
	"business_status": data.portcullis.rules.business_status.deny,
	"caller_permission": data.portcullis.rules.caller_permission.deny,
	"connections_present": data.portcullis.rules.connections_present.deny,
	"facts_complete": data.portcullis.rules.facts_complete.deny,
	"gateway_state": data.portcullis.rules.gateway_state.deny,
	"gateway_type": data.portcullis.rules.gateway_type.deny,
	"identity": data.portcullis.rules.identity.deny,
	"prepaid_term": data.portcullis.rules.prepaid_term.deny,
	"protected_gateway": data.portcullis.rules.protected_gateway.deny,
	"reason_required": data.portcullis.rules.reason_required.deny,
}

_result(refusals, limits) := {
	"allow": count(violations) == 0,
	"violations": violations,
	"obligations": [],
	"limits": limits,
} if {
	every refusal in refusals { is_set(refusal) }
	is_array(limits)
	violations := [entry[3] |
		some entry in sort({[violation.rule, violation.code, violation.message, violation] |
			some refusal in refusals
			some violation in refusal
		})
	]
}
