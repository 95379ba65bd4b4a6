package portcullis.rules.caller_permission_test

import data.portcullis.fixtures
import data.portcullis.rules.caller_permission

_with_grants(grants) := {"caller_permission": {"grants": grants}}

_open_grant := object.union(fixtures.grant, {"resources": {"ownerTag": null}})

test_a_met_grant_permits if {
	caller_permission.admission_deny == set() with input as fixtures.decided
		with data.portcullis.parameters as fixtures.parameters
	caller_permission.deny == set() with input as fixtures.decided
		with data.portcullis.parameters as fixtures.parameters
}

test_no_grant_permits_nothing if {
	every parameters in [{}, _with_grants([]), _with_grants(null), _with_grants([{}]), {"caller_permission": {}}] {
		caller_permission.admission_deny == {{
			"code": "CALLER_NOT_PERMITTED",
			"rule": "caller_permission",
			"message": "This caller is not permitted to delete this gateway.",
			"remedy": "Ask the owners of the gateway for the deletion, or the platform team for a grant.",
			"details": {
				"action": "DeleteEnhancedVpnGateway",
				"regionId": "cn-hangzhou",
				"gatewayId": "vpn-lab1",
			},
			"exclusive": true,
		}} with input as fixtures.admitted
			with data.portcullis.parameters as parameters
	}
}

test_each_part_of_the_caller_must_be_met if {
	every properties in [
		{"issuer": "https://other.example"},
		{"roles": ["reader"]},
		{"roles": []},
		{"teams": ["storage"]},
		{"tenant": "other"},
		{"tenant": null},
	] {
		fixtures.codes(caller_permission.admission_deny) == {"CALLER_NOT_PERMITTED"} with input as fixtures.caller(properties)
			with data.portcullis.parameters as fixtures.parameters
		caller_permission.deny == set() with input as fixtures.caller(properties)
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_each_part_of_the_resource_must_be_met if {
	every resources in [
		{"actions": ["DescribeVpnGateway"]},
		{"accounts": ["1"]},
		{"regions": ["eu-central-1"]},
		{"regions": []},
		{"gatewayIds": ["vpn-lab"]},
		{"gatewayIds": []},
	] {
		fixtures.codes(caller_permission.admission_deny) == {"CALLER_NOT_PERMITTED"} with input as fixtures.decided
			with data.portcullis.parameters as _with_grants([object.union(fixtures.grant, {"resources": resources})])
	}
}

test_a_part_that_is_left_out_permits_nothing if {
	every side in ["callers", "resources"] {
		every part in object.keys(fixtures.grant[side]) {
			cut := object.union(
				object.remove(fixtures.grant, [side]),
				{side: object.remove(fixtures.grant[side], [part])},
			)
			violations := caller_permission.admission_deny | caller_permission.deny with input as fixtures.decided
				with data.portcullis.parameters as _with_grants([cut])
			count(violations) == 1
		}
	}
}

test_a_star_admits_any if {
	any := {"issuers": ["*"], "roles": ["*"], "teams": ["*"], "tenants": ["*"]}
	caller_permission.admission_deny == set() with input as fixtures.caller({"tenant": null, "roles": [], "teams": []})
		with data.portcullis.parameters as _with_grants([object.union(_open_grant, {"callers": any})])
}

test_a_star_of_the_caller_is_a_name_like_any_other if {
	every properties in [{"roles": ["*"]}, {"teams": ["*"]}, {"tenant": "*"}, {"issuer": "*"}] {
		count(caller_permission.admission_deny) == 1 with input as fixtures.caller(properties)
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_the_owner_tag_must_name_a_team_of_the_caller if {
	every tags in [
		[],
		null,
		[{"key": "team", "value": "storage"}],
		[{"key": "Team", "value": "network"}],
		[{"key": "team", "value": "network"}, {"key": "team", "value": "storage"}],
		[{"key": "team", "value": "network"}, {"key": "team", "value": "network"}],
	] {
		caller_permission.deny == {{
			"code": "CALLER_NOT_OWNER",
			"rule": "caller_permission",
			"message": "This caller may delete only gateways of its own teams, and the tags of this one name none of them.",
			"remedy": "Ask the owners of the gateway for the deletion, or have its owner tag set right.",
			"details": {
				"action": "DeleteEnhancedVpnGateway",
				"regionId": "cn-hangzhou",
				"gatewayId": "vpn-lab1",
			},
			"exclusive": true,
		}} with input as fixtures.gateway({"tags": tags})
			with data.portcullis.parameters as fixtures.parameters
	}
}

test_one_grant_suffices if {
	caller_permission.deny == set() with input as fixtures.gateway({"tags": []})
		with data.portcullis.parameters as _with_grants([fixtures.grant, _open_grant])
}

test_parts_of_two_grants_are_not_one if {
	grants := [
		object.union(fixtures.grant, {"callers": {"roles": ["reader"]}}),
		object.union(_open_grant, {"resources": {"regions": ["eu-central-1"]}}),
	]
	count(caller_permission.admission_deny) == 1 with input as fixtures.decided
		with data.portcullis.parameters as _with_grants(grants)
}
