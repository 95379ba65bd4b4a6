# METADATA
# title: What the tests share
# description: A caller, a request and a gateway that everything lets pass, and ways to change one thing of them.
package portcullis.fixtures

# METADATA
# title: Input of admission that passes
admitted := {
	"subject": {
		"type": "service",
		"id": "svc-cleanup",
		"properties": {
			"issuer": "https://issuer.example",
			"tenant": "acme",
			"roles": ["vpn-operator"],
			"teams": ["network"],
		},
	},
	"action": {"name": "DeleteEnhancedVpnGateway"},
	"resource": {
		"type": "enhanced-vpn-gateway",
		"id": "vpn-lab1",
		"properties": {"regionId": "cn-hangzhou", "accountId": "1234567890123456"},
	},
	"context": {"requestId": "req-1", "reason": null, "ticket": null},
}

# METADATA
# title: Input of decision that passes
decided := object.union(admitted, {"context": {
	"timeMs": 1764000000000,
	"budgets": usage,
	"facts": {
		"gateway": {
			"vpnGatewayId": "vpn-lab1",
			"regionId": "cn-hangzhou",
			"accountId": "1234567890123456",
			"name": "lab",
			"gatewayType": "Enhanced.SiteToSite",
			"chargeType": "POSTPAY",
			"status": "active",
			"businessStatus": "Normal",
			"createTimeMs": 1750000000000,
			"endTimeMs": null,
			"resourceGroupId": "rg-1",
			"vpcId": "vpc-1",
			"tags": [{"key": "team", "value": "network"}],
		},
		"connections": {"total": 0, "items": []},
	},
}})

# METADATA
# title: How many deletions were begun before
usage := {scope: {"hour": 0, "day": 0} | some scope in ["principal", "tenant", "region", "all"]}

# METADATA
# title: Input of decision with other facts of the gateway
gateway(changes) := object.union(decided, {"context": {"facts": {"gateway": changes}}})

# METADATA
# title: Input of decision with connections
connections(total, items) := object.union(
	decided,
	{"context": {"facts": {"connections": {"total": total, "items": items}}}},
)

# METADATA
# title: Input of decision from another caller
caller(properties) := object.union(decided, {"subject": {"properties": properties}})

# METADATA
# title: Input of decision for another resource
resource(id, region_id) := object.union(
	decided,
	{"resource": {"id": id, "properties": {"regionId": region_id}}},
)

# METADATA
# title: Codes of violations
codes(violations) := {violation.code | some violation in violations}

# METADATA
# title: Parameters under which the fixtures pass
parameters := {
	"budgets": [budget],
	"region_allowed": {"regions": ["cn-hangzhou"]},
	"protected_gateway": {
		"gatewayIds": ["vpn-core*"],
		"namePatterns": ["prod-*"],
		"tags": [{"key": "protected", "value": "true"}],
	},
	"caller_permission": {"grants": [grant]},
	"reason_required": {"classes": [{
		"name": "production",
		"minimumLength": 5,
		"regions": ["eu-central-1"],
		"gatewayIds": ["vpn-core*"],
		"namePatterns": ["live-*"],
		"tags": [{"key": "env", "value": "prod*"}],
	}]},
}

# METADATA
# title: A grant that the fixtures meet
grant := {
	"name": "operators",
	"callers": {
		"issuers": ["https://issuer.example"],
		"roles": ["vpn-operator"],
		"teams": ["network"],
		"tenants": ["acme"],
	},
	"resources": {
		"actions": ["DeleteEnhancedVpnGateway"],
		"accounts": ["1234567890123456"],
		"regions": ["cn-hangzhou"],
		"gatewayIds": ["vpn-*"],
		"ownerTag": "team",
	},
}

# METADATA
# title: The budget of the parameters
budget := {
	"name": "operators",
	"callers": {
		"issuers": ["https://issuer.example"],
		"roles": ["vpn-operator"],
		"teams": ["network"],
		"tenants": ["acme"],
	},
	"regions": ["cn-hangzhou", "us-east-1"],
	"limits": [{"scope": "principal", "window": "hour", "limit": 5}],
}
